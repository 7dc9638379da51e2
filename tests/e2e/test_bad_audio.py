"""Whatever comes over the line, a spoken request ends in a ticket or a clear way out.

All callers of this file call one installation, a few at a time; each test looks at one of them.
"""

import asyncio
import math
from array import array
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ivr.flow import DEFAULT_FLOW
from simulator.audio import SAMPLE_RATE_HZ, encode, speech_like, spoken
from simulator.citizens import CallOutcome, Citizen, LiveCall
from tests.e2e.installation import SPEECH, TENANTS, Installation
from tests.e2e.prompts import brief_cache
from tests.e2e.speaking import KIND, MATTER, PLACE, RIGHT, YES, Talk, said, speaks, spoken_of
from tests.servers import wait_until

pytestmark = pytest.mark.timeout(600)
"""The first test waits for the calls of all of them."""
AT_ONCE = 4
SPEAKS_S = 1.0
GAP_S = 3.0
LIMIT_S = 10
"""The longest a caller of this installation may speak about what happened."""


@dataclass
class Called:
    """How a call went, and what came of it."""

    outcome: CallOutcome
    ticket: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)

    def said(self, question: str) -> str:
        """The words of the answers to a question."""
        return "".join(a["text"] for a in self.told["answers"] if a["question"] == question)


Behaviour = Callable[[LiveCall, Talk, Installation], Awaitable[None]]


def quiet(seconds: float) -> bytes:
    return encode(array("h", bytes(2 * round(seconds * SAMPLE_RATE_HZ))), "ulaw")


def hum(seconds: float) -> bytes:
    """The mains: 50 Hz and its harmonics."""
    count = round(seconds * SAMPLE_RATE_HZ)
    turn = 2 * math.pi * 50 / SAMPLE_RATE_HZ
    wave = (3000 * (math.sin(turn * n) + 0.5 * math.sin(3 * turn * n)) for n in range(count))
    return encode(array("h", (round(sample) for sample in wave)), "ulaw")


def music(seconds: float) -> bytes:
    """Four notes over and over."""
    notes, count = (262, 330, 392, 523), round(seconds * SAMPLE_RATE_HZ)
    wave = (
        8000 * math.sin(2 * math.pi * notes[n // 2000 % 4] * n / SAMPLE_RATE_HZ)
        for n in range(count)
    )
    return encode(array("h", (round(sample) for sample in wave)), "ulaw")


def samples(voice: bytes) -> list[int]:
    """µ-law as samples (ITU-T G.711)."""
    return [_MULAW[code] for code in voice]


def _mulaw(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


_MULAW = [_mulaw(code) for code in range(256)]


def shouted(text: str) -> bytes:
    """Six times too loud for the line: everything above is cut off."""
    loud = (max(-32000, min(32000, 6 * sample)) for sample in samples(said(text)))
    return encode(array("h", loud), "ulaw")


def two_at_once(text: str, other: str) -> bytes:
    """Somebody else talks in the background, half as loud."""
    background = spoken(other, "cmn-latn-pinyin+f2", "ulaw")
    assert background is not None
    mixed = list(samples(said(text)))
    for n, sample in enumerate(samples(background)[: len(mixed)]):
        mixed[n] = max(-32000, min(32000, mixed[n] + sample // 2))
    return encode(array("h", mixed), "ulaw")


def stuttered(*words: str) -> bytes:
    return quiet(GAP_S).join(said(word) for word in words)


async def nothing(call: LiveCall, talk: Talk, hotline: Installation) -> None:
    """Not a word."""


def noise(voice: bytes) -> Behaviour:
    async def act(call: LiveCall, talk: Talk, hotline: Installation) -> None:
        call.say(voice, loop=True)

    return act


def matter(voice: bytes) -> Behaviour:
    """All as usual, but for how he tells what happened."""

    async def act(call: LiveCall, talk: Talk, hotline: Installation) -> None:
        await talk.answer(call, KIND, PLACE)
        await talk.has(2)
        call.say(voice)
        await talk.answer_from(call, 3, YES, RIGHT)

    return act


async def keys_in_between(call: LiveCall, talk: Talk, hotline: Installation) -> None:
    await talk.answer(call, KIND, PLACE)
    await talk.has(2)
    call.say(said(MATTER) + quiet(0.5))
    await asyncio.sleep(len(said(MATTER)) / SAMPLE_RATE_HZ + 0.3)
    call.press("57")
    await talk.answer_from(call, 3, YES, RIGHT)


async def foreign(call: LiveCall, talk: Talk, hotline: Installation) -> None:
    voice = spoken("my water has been off since yesterday evening", "en", "ulaw")
    assert voice is not None
    for number in range(2):
        await talk.has(number)
        call.say(voice)
    await talk.has(2)
    call.say(voice, loop=True)


async def losing_packets(call: LiveCall, talk: Talk, hotline: Installation) -> None:
    call.lose(10)
    await talk.answer(call, KIND, PLACE, MATTER, YES, RIGHT)


async def worker_killed(call: LiveCall, talk: Talk, hotline: Installation) -> None:
    await talk.answer(call, KIND, PLACE)
    engine = await asyncio.to_thread(hotline.part, "engine")
    workers = [child for child in engine.children() if SPEECH in child.cmdline()]
    await talk.has(2)
    call.say(said(MATTER))
    await asyncio.sleep(0.8)
    for worker in workers:
        worker.kill()
    await talk.answer_from(call, 3, YES, RIGHT)


def leaving(after: int) -> Behaviour:
    async def act(call: LiveCall, talk: Talk, hotline: Installation) -> None:
        texts = (KIND, PLACE, MATTER, YES)[:after]
        await talk.answer(call, *texts)
        await talk.has(after)
        await talk.goes_on(call, (KIND, PLACE, MATTER, YES, RIGHT)[after], SPEAKS_S)
        call.hang_up()

    return act


BEHAVIOURS: Mapping[str, Behaviour] = {
    "silence": nothing,
    "music": noise(music(2)),
    "hum": noise(hum(1)),
    "a voice without words": noise(speech_like(3, "ulaw")),
    "keys in the middle": keys_in_between,
    "shouting": matter(shouted(MATTER)),
    "two voices": matter(two_at_once(MATTER, "今天 晚上 施工")),
    "a foreign language": foreign,
    "one packet in ten lost": losing_packets,
    "gaps of three seconds": matter(stuttered("路灯坏了", "晚上不亮")),
    "endless talk": matter(said(MATTER) * 8),
    **{f"hang-up in step {n + 1}": leaving(n) for n in range(5)},
    "recogniser killed": worker_killed,
}


@pytest.fixture(scope="module")
def hotline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Nobody is at work; nobody may speak for long."""
    flow = tmp_path_factory.mktemp("flow") / "brief.yaml"
    flow.write_text(
        DEFAULT_FLOW.read_text()
        .replace(
            "      languages: [cmn]\n", f"      languages: [cmn]\n      longest_s: {LIMIT_S}\n"
        )
        .replace("silence_s: 4\n    spoken", "silence_s: 2\n    spoken")
    )
    flow.chmod(0o644)
    for folder in (flow.parent, flow.parent.parent):
        folder.chmod(0o755)
    toml = TENANTS.replace('id = "default"\n', f'id = "default"\nflow_file = "{flow}"\n', 1)
    settings: dict[str, object] = {"speech": "vosk", "voice_request_max_s": LIMIT_S}
    with Installation(toml, cache=brief_cache(), **settings) as installation:
        installation.cli("hours", "set", "closed")
        wait_until(lambda: speaks(installation), seconds=60, what="a recogniser")
        yield installation


@pytest.fixture(scope="module")
def calls(hotline: Installation) -> dict[str, Called | Exception]:
    """Every caller's call, a few at a time; who kills the recogniser calls alone."""
    return asyncio.run(_all(hotline))


async def _all(hotline: Installation) -> dict[str, Called | Exception]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, name: str) -> Called | Exception:
        async with room:
            try:
                return await _call(hotline, f"138{number:08}", BEHAVIOURS[name])
            except Exception as error:  # told by the test that looks at this call
                return error

    together = [name for name in BEHAVIOURS if name != "recogniser killed"]
    found = await asyncio.gather(*(one(n, name) for n, name in enumerate(together, 5000)))
    made = dict(zip(together, found, strict=True))
    made["recogniser killed"] = await one(5900, "recogniser killed")
    return made


async def _call(hotline: Installation, caller: str, act: Behaviour) -> Called:
    async with Citizen(caller, hotline.sip).dial("12345") as call:
        await call.answered()
        await act(call, Talk(hotline, caller), hotline)
        outcome = await call.ended()
    ticket = await asyncio.to_thread(hotline.ticket_of, caller)
    told = await asyncio.to_thread(spoken_of, hotline, ticket["number"])
    return Called(outcome, ticket, told)


def call_of(calls: Mapping[str, Called | Exception], name: str) -> Called:
    found = calls[name]
    if isinstance(found, Exception):
        raise found
    assert Path(found.ticket["voice_path"]).suffix == ".wav"
    return found


@pytest.mark.parametrize("name", ["silence", "music", "hum", "a voice without words"])
def test_who_says_no_word_is_recorded_plainly(
    calls: Mapping[str, Called | Exception], name: str
) -> None:
    """No loop: asked twice, recorded, and a person listens in the morning."""
    called = call_of(calls, name)
    assert called.outcome.ended_by == "hotline"
    assert called.told["kind"] == ""
    assert not called.told["confirmed"]
    assert "unconfirmed" in called.told["review"]
    assert called.outcome.heard_voice_s > 2


def test_a_foreign_language_is_kept_as_it_was_spoken(
    calls: Mapping[str, Called | Exception],
) -> None:
    called = call_of(calls, "a foreign language")
    assert called.told["kind"] == ""
    assert called.ticket["voice_s"] > 3
    assert "unconfirmed" in called.told["review"]


@pytest.mark.parametrize(
    "name", ["keys in the middle", "gaps of three seconds", "recogniser killed"]
)
def test_every_word_is_there(calls: Mapping[str, Called | Exception], name: str) -> None:
    called = call_of(calls, name)
    assert called.told["confirmed"], str(called.told["answers"])
    assert called.said("matter").replace("…", "") == MATTER


@pytest.mark.parametrize(
    "name", ["shouting", "two voices", "one packet in ten lost", "endless talk"]
)
def test_what_is_hard_to_hear_is_still_taken(
    calls: Mapping[str, Called | Exception], name: str
) -> None:
    """Kind and place by voice, the matter as far as it was heard, and his voice in any case."""
    called = call_of(calls, name)
    assert called.told["kind"] == "complaint"
    assert called.told["place"] == PLACE
    matters = [a for a in called.told["answers"] if a["question"] == "matter"]
    assert matters[0]["end_s"] - matters[0]["begin_s"] > 1
    assert matters[0]["end_s"] - matters[0]["begin_s"] < LIMIT_S + 2


@pytest.mark.parametrize("step", range(1, 6))
def test_hanging_up_in_any_step_leaves_what_was_said(
    calls: Mapping[str, Called | Exception], step: int
) -> None:
    called = call_of(calls, f"hang-up in step {step}")
    assert called.outcome.ended_by == "citizen"
    assert len(called.told["answers"]) == step
    assert "unconfirmed" in called.told["review"]
    assert called.ticket["voice_s"] > 0.3
