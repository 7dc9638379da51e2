"""A caller talked with by voice: real SIP and RTP, a real Asterisk, the real recogniser."""

import asyncio
import wave
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hotline.settings import PROJECT
from ivr.prompt_sounds import PromptSounds
from ivr.speech.pool import VoskPool
from ivr.speech.tiny.place import place
from ivr.spoken import SpokenParts
from ivr.turn_rules import FREE_SPEECH, SHORT_ANSWER, Turn, TurnEnd
from recordings.live import LiveRecordings
from simulator.audio import spoken
from telephony.errors import CallEnded
from telephony.session import FastAgiCall
from tests.stack import AsteriskStack, tone
from tests.telephony.peers import WAIT_S, eventually
from tests.telephony.real import Engine, citizen, door, one_seat_stack

pytestmark = pytest.mark.e2e

STORED = "recordings/requests/2026/11/22/said-1.wav"
LONG = "long"


def said(text: str) -> bytes:
    """A sentence in the plain voice, as the citizen's telephone sends it."""
    sound = spoken(text, "cmn-latn-pinyin", "ulaw")
    assert sound is not None, "espeak-ng and sox are missing"
    return sound


def pause(seconds: float) -> bytes:
    return b"\xff" * round(seconds * 8000)


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[AsteriskStack]:
    async with one_seat_stack(tmp_path) as running:
        tone(running.home.prompts / "cmn" / f"{LONG}.wav", seconds=12.0, hertz=300)
        yield running


@pytest.fixture
async def parts(stack: AsteriskStack) -> AsyncIterator[SpokenParts]:
    pool = VoskPool(place(PROJECT / ".cache" / "speech"), language="cmn", workers=1)
    recordings = LiveRecordings(stack.home.root)
    pool.start()
    try:
        await eventually(lambda: pool.able("cmn"), "no recogniser", within_s=60)
        yield SpokenParts(PromptSounds(stack.home.prompts), recordings, pool)
    finally:
        await recordings.close()
        await pool.close()


async def test_he_talks_over_the_prompt_and_is_understood(
    stack: AsteriskStack, parts: SpokenParts
) -> None:
    """The prompt stops when he begins, his words are right, a key works between them, what he says
    freely may have gaps, and he hears his own voice."""

    async def lead(call: FastAgiCall) -> tuple[Turn, Turn, Turn, float]:
        async with parts.speaking(call, "cmn", STORED) as caller:
            asked.set()
            kind = await caller.ask((LONG,), SHORT_ANSWER)
            answered.set()
            key = await caller.ask((LONG,), SHORT_ANSWER)
            free.set()
            matter = await caller.ask((), FREE_SPEECH)
            at_s = caller.at_s
        await call.play(["welcome"], language="cmn")
        await call.finish()
        return kind, key, matter, at_s

    asked, answered, free = asyncio.Event(), asyncio.Event(), asyncio.Event()
    kind_said = said("我要投诉")  # made before: who makes it keeps the telephone waiting
    matter_said = said("路灯坏了") + pause(2.5) + said("晚上不亮")
    engine = Engine([lead])
    async with door(stack, engine), citizen(stack).dial("12345") as call:
        await call.answered()
        await asyncio.wait_for(asked.wait(), WAIT_S)
        await call.hear(1.0)
        call.say(kind_said)
        await asyncio.wait_for(answered.wait(), WAIT_S)
        call.press("7")
        await asyncio.wait_for(free.wait(), WAIT_S)
        call.say(matter_said)
        kind, key, matter, at_s = await engine.outcome()
        assert (await call.ended(within_s=30)).ended_by == "hotline"
    assert (kind.end, kind.text.replace(" ", ""), kind.interrupted) == (
        TurnEnd.SPOKEN,
        "我要投诉",
        True,
    )
    assert (key.end, key.key, key.words) == (TurnEnd.KEY, "7", ())
    assert (matter.end, matter.text.replace(" ", "")) == (TurnEnd.SPOKEN, "路灯坏了晚上不亮")
    starts = [word.start_s for word in (*kind.words, *matter.words)]
    assert starts == sorted(starts)
    assert kind.ended_s < matter.begun_s
    with wave.open(str(stack.home.root / STORED)) as sound:
        assert sound.getnframes() / 8000 == pytest.approx(at_s, abs=0.2)


async def test_who_hangs_up_in_mid_sentence_leaves_all_he_said(
    stack: AsteriskStack, parts: SpokenParts
) -> None:
    """The recording goes to his last moment."""

    async def lead(call: FastAgiCall) -> None:
        async with parts.speaking(call, "cmn", STORED) as caller:
            heard_s.append(lambda: caller.at_s)
            try:
                await caller.ask((), FREE_SPEECH)
            finally:
                lasted.append(caller.at_s)

    heard_s, lasted = list[Callable[[], float]](), list[float]()
    voice = said("路灯坏了晚上不亮")
    voice = voice[: len(voice) * 4 // 5]  # without the silence at its end
    engine = Engine([lead])
    async with door(stack, engine), citizen(stack).dial("12345") as call:
        await call.answered()
        await eventually(lambda: bool(heard_s), "never asked")
        call.say(voice, loop=True)  # he still speaks, however late we are
        begun_s = heard_s[0]()
        await eventually(lambda: heard_s[0]() > begun_s + 1.0, "a second of him wasn't heard")
        call.hang_up()
        assert isinstance(await engine.outcome(), CallEnded)
    with wave.open(str(stack.home.root / STORED)) as sound:
        frames = sound.readframes(sound.getnframes())
    assert len(frames) / 16000 == pytest.approx(lasted[0], abs=0.2)
    assert max(memoryview(frames[-4000:]).cast("h")) > 500, "he was still speaking"
