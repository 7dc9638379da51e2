"""The door at a real Asterisk: calls, keys, rings, talks and recordings."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator.seats import Manners
from telephony.call import CallInfo, DialResult, DialStatus
from telephony.errors import CallEnded
from telephony.events import (
    ChannelHungUp,
)
from telephony.session import FastAgiCall
from tests.stack import AsteriskStack
from tests.telephony.peers import WAIT_S, eventually
from tests.telephony.real import (
    NASTY,
    Engine,
    citizen,
    door,
    finish,
    nothing,
    one_seat_stack,
    seats,
    spooled,
)

pytestmark = pytest.mark.e2e


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[AsteriskStack]:
    async with one_seat_stack(tmp_path) as running:
        yield running


async def test_a_conversation_from_end_to_end(stack: AsteriskStack) -> None:
    """Who called and what was dialled, prompts, a key, music, and the last word."""

    async def lead(call: FastAgiCall) -> tuple[CallInfo, str, str, str, str]:
        missing = await call.play(["there/is-none"], language="cmn")
        played = await call.play(["welcome"], language="cmn", interrupt="1")
        asking.set()
        asked = await call.ask(["welcome"], language="cmn", timeout_s=10)
        held = await call.hold(asyncio.sleep(0.3, "woken"))
        await call.finish()
        return call.info, missing + played, asked, held, ""

    asking = asyncio.Event()
    engine = Engine([lead])
    async with door(stack, engine):
        caller = citizen(stack, name="张 (伟, x", diversion="<sip:12333@x>")
        async with caller.dial("12345") as call:
            await call.answered()
            await asyncio.wait_for(asking.wait(), WAIT_S)
            await call.hear(0.1)  # a key that comes before the question is lost
            call.press("7")
            info, played, asked, held, _ = await engine.outcome()
            outcome = await call.ended(within_s=WAIT_S)
        gone = await engine.hears(ChannelHungUp, lambda e: e.call_id == info.call_id)
    assert (played, asked, held) == ("", "7", "woken")
    assert (info.trunk, info.called_number, info.first_called) == ("city", "12345", "12333")
    assert (info.caller_number, info.caller_name) == ("13800138000", "张 (伟, x")
    assert info.node == stack.installation.system_name
    assert abs((datetime.now(UTC) - info.answered_at).total_seconds()) < 30
    assert outcome.ended_by == "hotline"
    assert gone.channel == info.channel
    assert engine.hangups.empty()
    assert spooled(stack) == []


async def test_what_is_remembered_comes_back_as_it_was(stack: AsteriskStack) -> None:
    """A session that breaks: the dialplan comes back, and every variable is what was written."""

    async def breaks(call: FastAgiCall) -> None:
        await call.remember(STAGE="queued", QUEUED_AT="1795285829.125", KEYS=NASTY, NEEDS="a=1,b=2")
        raise ValueError("a mistake of ours")

    engine = Engine([breaks, finish])
    async with door(stack, engine):
        await citizen(stack).call("12345", talk_s=60)
        assert isinstance(await engine.outcome(), ValueError)
        info = await engine.outcome()
    assert info.variables == {
        "STAGE": "queued",
        "QUEUED_AT": "1795285829.125",
        "KEYS": NASTY,
        "NEEDS": "a=1,b=2",
    }


async def test_the_longest_command_is_one_command(stack: AsteriskStack) -> None:
    """Just under our limit Asterisk still takes it for one command."""
    long = "x" * 7900

    async def lead(call: FastAgiCall) -> int:
        await call.remember(KEYS=long)
        await call.remember(KEYS="short")
        await call.finish()
        return len(long)

    engine = Engine([lead])
    async with door(stack, engine):
        await citizen(stack).call("12345")
        assert await engine.outcome() == len(long)


async def test_a_seat_rings_talks_and_hangs_up(stack: AsteriskStack) -> None:
    """The answer is told during the talk; the caller stays with us after it."""
    told = asyncio.Event()

    async def on_answer(at: datetime) -> None:
        told.set()

    async def lead(call: FastAgiCall) -> tuple[DialResult, DialResult]:
        await call.hold(asyncio.sleep(0.2))
        first = await call.dial("s1", ring_s=10, on_answer=on_answer, variables={"SEAT": "s1"})
        second = await call.dial("nobody", ring_s=10, on_answer=nothing)
        await call.finish()
        return first, second

    engine = Engine([lead])
    async with door(stack, engine), seats(stack, answers=False, talk_s=None) as phones:
        async with citizen(stack).dial("12345") as call:
            await call.answered()
            rang = await phones.wait_for("rang")
            picked_up = time.monotonic()
            phones.answer(rang)
            talk = await phones.wait_for("answered")
            async with asyncio.timeout(WAIT_S):
                await told.wait()
            assert engine.outcomes.empty()
            await asyncio.sleep(1.0)
            phones.hang_up(talk)
            talked, unreachable = await engine.outcome()
            lasted_s = time.monotonic() - picked_up
        assert talked.status is DialStatus.ANSWER
        assert 0.9 < talked.talk_s < lasted_s
        assert unreachable == DialResult(DialStatus.CHANUNAVAIL)


async def test_a_seat_that_doesnt_answer_or_refuses(stack: AsteriskStack) -> None:
    """NOANSWER after the ring time, BUSY at once, also of a telephone that declines (603, which
    Dial calls unreachable); the caller stays."""

    async def lead(call: FastAgiCall) -> list[DialStatus]:
        ends = [await call.dial("s1", ring_s=1, on_answer=nothing)]
        for manners in (Manners(ring_s=0.1, busy=True), Manners(ring_s=0.1, declines=True)):
            phones.usual = manners
            ends.append(await call.dial("s1", ring_s=30, on_answer=nothing))
        await call.finish()
        return [end.status for end in ends]

    engine = Engine([lead])
    async with door(stack, engine), seats(stack, answers=False) as phones:
        await citizen(stack).call("12345", talk_s=60)
        expected = [DialStatus.NOANSWER, DialStatus.BUSY, DialStatus.BUSY]
        assert await engine.outcome() == expected


async def test_a_caller_who_leaves_while_waiting(stack: AsteriskStack) -> None:
    """CallEnded at once, `/hangup` with the stage, the hang-up event; nothing spooled."""

    async def lead(call: FastAgiCall) -> None:
        await call.remember(STAGE="queued", LINE="12345")
        await call.hold(asyncio.get_running_loop().create_future())

    engine = Engine([lead])
    async with door(stack, engine) as telephony:
        await citizen(stack).call("12345", talk_s=1)
        assert isinstance(await engine.outcome(), CallEnded)
        info = await engine.hung_up()
        assert info.variables == {"STAGE": "queued", "LINE": "12345"}
        await engine.hears(ChannelHungUp, lambda e: e.call_id == info.call_id)
        assert not telephony.active_calls()
    await stack.no_channels()
    assert spooled(stack) == []


async def test_a_caller_who_leaves_while_it_rings(stack: AsteriskStack) -> None:
    """The ring is cancelled by Asterisk itself; nobody answered."""
    told: list[datetime] = []

    async def on_answer(at: datetime) -> None:
        told.append(at)

    engine = Engine([lambda c: c.dial("s1", ring_s=20, on_answer=on_answer)])
    async with door(stack, engine), seats(stack, answers=False) as phones:
        async with citizen(stack).dial("12345") as call:
            await call.answered()
            await phones.wait_for("rang")
            call.hang_up()
            assert isinstance(await engine.outcome(), CallEnded)
            await phones.wait_for("cancelled")
        assert (await engine.hung_up()).variables.get("DIALSTATUS") == "CANCEL"
    assert told == []


async def test_a_caller_who_leaves_the_talk(stack: AsteriskStack) -> None:
    """The answer had been told; `/hangup` shows DIALSTATUS=ANSWER."""
    told: list[datetime] = []

    async def on_answer(at: datetime) -> None:
        told.append(at)

    engine = Engine([lambda c: c.dial("s1", ring_s=20, on_answer=on_answer)])
    async with door(stack, engine), seats(stack, ring_s=0.1, talk_s=None) as phones:
        async with citizen(stack).dial("12345") as call:
            await call.answered()
            await phones.wait_for("answered")
            await eventually(lambda: bool(told), "the answer wasn't told")
            call.hang_up()
            assert isinstance(await engine.outcome(), CallEnded)
        assert (await engine.hung_up()).variables["DIALSTATUS"] == "ANSWER"


async def test_recording_ends_by_silence_key_limit_or_leaving(stack: AsteriskStack) -> None:
    """Each end is told; a hang-up in the middle keeps what was said."""

    async def lead(call: FastAgiCall) -> list[tuple[float, str]]:
        ends = []
        for name, max_s, silence_s in (("limit", 1.0, 9), ("silence", 9.0, 1), ("key", 9.0, 9)):
            path = f"/hotline/recordings/{name}"
            said = await call.record(path, max_s=max_s, silence_s=silence_s, beep=name == "limit")
            ends.append((said.duration_s, said.digit))
            recorded.put_nowait(name)
        engine.outcomes.put_nowait(ends)
        await call.record("/hotline/recordings/left", max_s=30, silence_s=30, beep=False)
        return ends

    recorded: asyncio.Queue[str] = asyncio.Queue()
    left = stack.home.recordings / "left.wav"
    engine = Engine([lead])
    async with door(stack, engine), citizen(stack).dial("12345") as call:
        await call.answered()
        async with asyncio.timeout(WAIT_S):
            assert await recorded.get() == "limit"
            assert await recorded.get() == "silence"
        await eventually((stack.home.recordings / "key.wav").exists, "the third didn't begin")
        call.press("#")
        limit, silence, key = await engine.outcome()
        await eventually(left.exists, "the last didn't begin")
        await asyncio.sleep(2.0)  # half a second of it is asked for: a busy Asterisk begins late
        call.hang_up()
        assert isinstance(await engine.outcome(), CallEnded)
    assert limit[0] == pytest.approx(1.0, abs=0.2)
    assert silence[0] < 3
    assert key[0] < 3
    assert (limit[1], silence[1], key[1]) == ("", "", "#")
    await eventually(lambda: left.stat().st_size > 8000, "what he said is lost")
