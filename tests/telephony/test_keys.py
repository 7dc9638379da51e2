"""Keys of a caller who hears music, and announcements cut short, at a real Asterisk."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from simulator.seats import Manners
from telephony.call import DialResult, DialStatus
from telephony.session import FastAgiCall
from tests.stack import AsteriskStack, asterisk_stack, seat, tone, trunk
from tests.telephony.peers import WAIT_S
from tests.telephony.real import Engine, citizen, door, nothing, seats

pytestmark = pytest.mark.e2e
CUT_WITHIN_S = 5.0
"""Of an announcement of forty seconds, of a question that waits for ten."""


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[AsteriskStack]:
    async with asterisk_stack(
        tmp_path, trunks=(trunk("city"),), seats=(seat("s1", "secret-1"),)
    ) as running:
        tone(running.home.prompts / "cmn" / "long.wav", seconds=20, hertz=500)
        yield running


async def test_a_key_is_seen_while_music_plays(stack: AsteriskStack) -> None:
    """The held caller's session runs nothing; his key comes all the same, and only once."""

    async def lead(call: FastAgiCall) -> tuple[str, bool]:
        key = call.next_key()
        held.set()
        pressed = await call.hold(key)
        later = call.next_key()
        await call.hold(asyncio.wait({later}, timeout=0.5))
        late = later.done()
        await call.finish()
        return pressed, late

    held = asyncio.Event()
    engine = Engine([lead])
    async with door(stack, engine), citizen(stack).dial("12345") as call:
        await call.answered()
        await asyncio.wait_for(held.wait(), WAIT_S)
        await call.hear(0.2)
        call.press("2")
        assert await engine.outcome() == ("2", False)


async def test_a_word_is_noted_while_music_plays_and_while_a_seat_rings(
    stack: AsteriskStack,
) -> None:
    """Also while the session is busy with a command of its own: the next engine finds it."""

    async def lead(call: FastAgiCall) -> None:
        call.note(PRIORITY="7")
        await call.hold(asyncio.sleep(0.5))
        call.note(KEYS="12")
        asyncio.get_running_loop().call_later(0.5, call.end_ring)
        await call.dial("s1", ring_s=10, on_answer=nothing)
        noted.set()
        await call.hold(asyncio.Event().wait())

    noted = asyncio.Event()
    engine = Engine([lead])
    async with (
        door(stack, engine),
        seats(stack, answers=False),
        citizen(stack).dial("12345") as call,
    ):
        await call.answered()
        await asyncio.wait_for(noted.wait(), WAIT_S)
        [channel] = [name for name in await stack.channels() if "trunk-" in name]
        shown = await stack.cli(f"core show channel {channel}")
        assert "HL_PRIORITY=7" in shown
        assert "HL_KEYS=12" in shown


async def test_an_offer_cuts_an_announcement_and_a_question_short(stack: AsteriskStack) -> None:
    """In the middle of a word, and while a key is awaited; the seat that rings then is heard."""

    async def cut(call: FastAgiCall, *prompts: str, timeout_s: float = 0.0) -> tuple[str, float]:
        until: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        offered_at: list[float] = []

        def offer() -> None:
            offered_at.append(time.monotonic())
            until.set_result(None)

        asyncio.get_running_loop().call_later(0.6, offer)
        said = await call.announce(
            prompts, language="cmn", until=until, keys="12", timeout_s=timeout_s
        )
        return said, time.monotonic() - offered_at[0]

    async def lead(call: FastAgiCall) -> Any:
        word = await cut(call, "long", "long")
        question = await cut(call, timeout_s=10)
        talk = await call.dial("s1", ring_s=10, on_answer=nothing)
        await call.finish()
        return word, question, talk

    engine = Engine([lead])
    async with (
        door(stack, engine),
        seats(stack, ring_s=0.2, talk_s=0.5),
        citizen(stack).dial("12345") as call,
    ):
        await call.answered()
        word, question, talk = await engine.outcome()
    assert isinstance(talk, DialResult)
    assert talk.status is DialStatus.ANSWER
    for said, late_s in (word, question):
        assert said == ""
        assert late_s < CUT_WITHIN_S


async def test_a_ring_is_ended_from_outside_and_the_caller_stays(stack: AsteriskStack) -> None:
    """The queue took the offer back: the seat rings no longer, the next one can be rung; a seat
    that has just answered is hung up on, and the caller is still there."""

    async def lead(call: FastAgiCall) -> list[DialStatus]:
        async def refuse(at: datetime) -> None:
            call.end_ring(answered=True)

        asyncio.get_running_loop().call_later(0.5, call.end_ring)
        ended = await call.dial("s1", ring_s=10, on_answer=nothing)
        phones.usual = Manners(ring_s=0.1, talk_s=None)
        refused = await call.dial("s1", ring_s=10, on_answer=refuse)
        await call.play(["welcome"], language="cmn")
        await call.finish()
        return [ended.status, refused.status]

    engine = Engine([lead])
    async with (
        door(stack, engine),
        seats(stack, answers=False) as phones,
        citizen(stack).dial("12345") as call,
    ):
        await call.answered()
        await phones.wait_for("rang")
        await phones.wait_for("cancelled")
        ended, refused = await engine.outcome()
    assert ended not in (DialStatus.ANSWER, DialStatus.CANCEL)
    assert refused is DialStatus.ANSWER
