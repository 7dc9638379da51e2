"""What a request leans on is away: no engine for good, no vosk-server, one that stops answering."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from simulator.audio import SAMPLE_RATE_HZ, speech_like
from simulator.citizens import Citizen, LiveCall
from tests.e2e.books import call_of, rows
from tests.e2e.installation import Installation
from tests.e2e.prompts import brief_cache
from tests.e2e.speaking import KIND, MATTER, PLACE, Talk, said, speaks, spoken_of
from tests.ivr.vosk_server import VoskServerProcess

LINE = "12333"
AGAIN_S = 1.5


@pytest.fixture(scope="module")
def server() -> Iterator[VoskServerProcess]:
    """A vosk-server that isn't running yet."""
    process = VoskServerProcess()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def hotline(server: VoskServerProcess) -> Iterator[Installation]:
    """It is closed and would understand by that server; without an engine the dialplan soon takes
    requests alone."""
    servers = json.dumps({"cmn": server.address})
    with Installation(
        agi_tries=2, cache=brief_cache(), speech="remote", speech_servers=servers
    ) as installation:
        installation.cli("hours", "set", "closed", "--line", "l12333")
        yield installation


async def test_a_request_without_an_engine_becomes_one_ticket(hotline: Installation) -> None:
    """Engine stopped, a citizen speaks to the fallback; the engine comes back, twice."""
    caller = "13744440000"
    await asyncio.to_thread(hotline.supervisorctl, "stop", "engine")
    async with Citizen(caller, hotline.sip).dial(LINE, voice=speech_like(6, "ulaw")) as call:
        await call.answered()
        outcome = await call.ended(within_s=90)
    assert outcome.ended_by == "hotline"
    item = json.loads(next(hotline.home.glob("spool/incoming/*.json")).read_text())
    assert item["reason"] == "request"
    assert item["voice_s"] > 1
    await asyncio.to_thread(hotline.supervisorctl, "start", "engine")
    await asyncio.to_thread(hotline.wait, lambda: hotline.ready, "the engine", seconds=60)
    ticket = await asyncio.to_thread(hotline.ticket_of, caller)
    assert ticket["origin"] == "voice_request"
    assert ticket["facts"]["line_id"] == "l12333"
    assert ticket["voice_s"] > 1
    assert (hotline.home / ticket["voice_path"]).stat().st_size > 8000
    hotline.kill("engine")
    await asyncio.to_thread(hotline.wait, lambda: not hotline.ready, "the kill")
    await asyncio.to_thread(hotline.wait, lambda: hotline.ready, "the engine", seconds=60)
    assert call_of(hotline.home, caller)["outcome"] == "voice_request"
    assert len(rows(hotline.home, "SELECT 1 FROM tickets")) == 1
    assert not list(hotline.home.glob("spool/incoming/*"))
    hotline.no_channels_left()


async def test_a_vosk_server_gone_or_frozen_costs_no_word(
    hotline: Installation, server: VoskServerProcess
) -> None:
    """While it is gone he is recorded plainly. It is there, and freezes in the middle of what
    happened: the caller is led on by keys. When it answers again, both tickets have the words."""
    plainly, slowly = "13744440001", "13744440002"
    voice = await asyncio.to_thread(said, MATTER)
    seconds = len(voice) / SAMPLE_RATE_HZ
    before = _requests(hotline)
    async with Citizen(plainly, hotline.sip).dial(LINE) as call:
        await call.answered()
        await asyncio.to_thread(
            hotline.wait, lambda: _requests(hotline) > before, "his being recorded"
        )
        call.say(voice)
        await asyncio.sleep(seconds + 0.5)
        call.press("#")
        await _confirms(call)
    plain = await asyncio.to_thread(hotline.ticket_of, plainly)
    assert "not_recognised" in spoken_of(hotline, plain["number"])["review"]
    server.start()  # not in a thread: it would end with it
    await asyncio.to_thread(hotline.wait, lambda: speaks(hotline), "the server's being found")
    talk = Talk(hotline, slowly)
    async with Citizen(slowly, hotline.sip).dial(LINE) as call:
        await call.answered()
        await talk.answer(call, KIND, PLACE)
        await talk.has(2)
        server.freeze()
        call.say(voice)
        await talk.has(3)
        await _confirms(call)
    slow = await asyncio.to_thread(hotline.ticket_of, slowly)
    server.thaw()
    for number in (plain["number"], slow["number"]):
        await asyncio.to_thread(_wait_for_words, hotline, number)
    told = spoken_of(hotline, slow["number"])
    assert (told["kind"], told["place"]) == ("complaint", PLACE)
    assert told["confirmed"]


def _requests(hotline: Installation) -> int:
    """How many spoken requests lie on the disk."""
    return len(list(hotline.home.glob("recordings/requests/*/*/*/*.wav")))


def _wait_for_words(hotline: Installation, number: str) -> None:
    """Until what happened stands there word for word."""
    hotline.wait(lambda: MATTER in spoken_of(hotline, number)["text"], "his words", seconds=120)


async def _confirms(call: LiveCall) -> None:
    """He presses `1` again and again until he is let go."""
    ended = asyncio.create_task(call.ended(within_s=120))
    while not (await asyncio.wait({ended}, timeout=AGAIN_S))[0]:
        call.press("1")
    assert (await ended).ended_by == "hotline"
