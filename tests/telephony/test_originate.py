"""Calls that we make, at a real Asterisk and a real telephone behind the trunk."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from simulator.phones import Phone
from telephony.call import CallInfo
from telephony.errors import UnsafeValue
from telephony.events import OriginateEnded, SnapshotTaken
from telephony.originate import Answer, Leg, Originator
from telephony.session import FastAgiCall
from tests.stack import AsteriskStack, asterisk_stack, seat, trunk
from tests.telephony.peers import eventually
from tests.telephony.real import Engine, door, seats

pytestmark = pytest.mark.e2e

NUMBER = "13900000001"
VARIABLES = {"STAGE": "called_back", "CALLER": NUMBER, "CALLED": "12345", "QUEUED_AT": "1795.250"}


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone() as phone:
        yield phone


@pytest.fixture
async def stack(tmp_path: Path, phone: Phone) -> AsyncIterator[AsteriskStack]:
    """Asterisk whose trunk leads to the telephone."""
    city = trunk("city", trusted=True, dial=str(phone.own))
    async with asterisk_stack(
        tmp_path, trunks=(city,), seats=(seat("s1", "secret-1"),), agi_tries=20
    ) as running:
        yield running


@asynccontextmanager
async def making(stack: AsteriskStack, engine: Engine) -> AsyncIterator[Originator]:
    """An originator that hears what Asterisk tells."""
    async with door(stack, engine) as telephony:
        originator = Originator(telephony.ami)
        heard = engine.events.append

        def both(event: object) -> None:
            heard(event)  # type: ignore[arg-type]  # what the door tells is an Event
            originator.take(event)  # type: ignore[arg-type]  # as above

        telephony._on_event = both
        yield originator


def leg(leg_id: str = "hl-1795.7.cb1", ring_s: float = 10.0) -> Leg:
    return Leg(leg_id, "12345", ring_s, VARIABLES)


async def test_an_answered_leg_is_led_like_any_call(stack: AsteriskStack, phone: Phone) -> None:
    """The id is ours, the telephone sees 12345, the engine finds what it wrote; it is recorded."""

    async def lead(call: FastAgiCall) -> tuple[str, CallInfo]:
        return await call.ask(("welcome",), language="cmn", timeout_s=8), call.info

    engine = Engine([lead])
    async with making(stack, engine) as originator:
        ringing = asyncio.create_task(originator.ring_number(NUMBER, "city", leg()))
        rang = await phone.wait_for("rang")
        assert rang.values[1:3] == (NUMBER, "12345")
        assert await originator.lives("hl-1795.7.cb1")
        phone.answer(rang)
        assert await ringing is Answer.ANSWERED
        await phone.hear(0.2)
        phone.press("1")
        digit, info = await engine.outcome()
        assert (digit, info.call_id, info.caller_number) == ("1", "hl-1795.7.cb1", NUMBER)
        assert info.variables == {"STAGE": "called_back", "QUEUED_AT": "1795.250"}
        await phone.hang_up(rang)
        assert (await engine.hung_up()).call_id == "hl-1795.7.cb1"
        await stack.no_channels()
        assert not await originator.lives("hl-1795.7.cb1")
    assert [f.name for f in stack.home.recordings.rglob("*.wav")] == ["hl-1795.7.cb1.wav"]


async def test_busy_and_no_answer_are_told_apart(stack: AsteriskStack, phone: Phone) -> None:
    engine = Engine([])
    async with making(stack, engine) as originator:
        ringing = asyncio.create_task(originator.ring_number(NUMBER, "city", leg()))
        phone.refuse(await phone.wait_for("rang"))
        assert await ringing is Answer.BUSY, engine.events
        seen = len(phone.events)
        again = leg("hl-1795.7.cb2", ring_s=1.5)
        assert await originator.ring_number(NUMBER, "city", again) is Answer.NO_ANSWER
        assert await phone.wait_for("cancelled", seen=seen)


async def test_nobody_can_be_rung_through_a_trunk_that_isnt_there(stack: AsteriskStack) -> None:
    async with making(stack, Engine([])) as originator:
        assert await originator.ring_number(NUMBER, "nowhere", leg()) is Answer.FAILED


async def test_a_leg_that_lives_is_not_made_twice(stack: AsteriskStack, phone: Phone) -> None:
    """Asterisk itself refuses the id: the telephone rings once."""
    async with making(stack, Engine([])) as originator:
        ringing = asyncio.create_task(originator.ring_number(NUMBER, "city", leg(ring_s=30)))
        rang = await phone.wait_for("rang")
        again = asyncio.create_task(originator.ring_number(NUMBER, "city", leg(ring_s=3)))
        await asyncio.sleep(1.0)
        phone.refuse(rang)
        await again
        await ringing
    assert [event.word for event in phone.events].count("rang") == 1


async def test_a_leg_is_called_off(stack: AsteriskStack, phone: Phone) -> None:
    """Hanging up the ringing leg stops the ringing; hanging up nobody harms nobody."""
    async with making(stack, Engine([])) as originator:
        ringing = asyncio.create_task(originator.ring_number(NUMBER, "city", leg(ring_s=3)))
        await phone.wait_for("rang")
        await originator.hang_up("hl-1795.7.cb1")
        assert await ringing is not Answer.ANSWERED
        await phone.wait_for("cancelled")
        await originator.hang_up("hl-1795.7.cb1")


async def test_a_new_engine_learns_how_a_leg_ends_that_rings_already(
    stack: AsteriskStack, phone: Phone
) -> None:
    """The engine that asked is gone; the snapshot shows the leg with its variables."""
    async with making(stack, Engine([])) as originator:
        asking = asyncio.create_task(originator.ring_number(NUMBER, "city", leg(ring_s=30)))
        rang = await phone.wait_for("rang")
    asking.cancel()
    engine = Engine([])
    async with making(stack, engine) as originator:
        snapshot = await engine.hears(SnapshotTaken)
        seen = next(c for c in snapshot.channels if c.call_id == "hl-1795.7.cb1")
        assert seen.variables["QUEUED_AT"] == "1795.250"
        assert "ANSWERED_AT" not in seen.variables
        ending = asyncio.create_task(originator.outcome("hl-1795.7.cb1", within_s=20))
        await asyncio.sleep(0)
        phone.refuse(rang)
        assert await ending is Answer.BUSY
        await engine.hears(OriginateEnded)  # Asterisk's own word of it may come after the hang-up
        assert await originator.outcome("hl-1795.7.cb1", within_s=0) is Answer.LOST


async def test_a_seat_is_rung_first(stack: AsteriskStack) -> None:
    engine = Engine([])
    async with making(stack, engine) as originator, seats(stack, answers=False) as phones:
        ringing = asyncio.create_task(originator.ring_seat("s1", leg(ring_s=1.5)))
        rang = await phones.wait_for("rang")
        assert rang.values[2] == "12345"
        assert await ringing is Answer.NO_ANSWER
    assert any(isinstance(event, OriginateEnded) for event in engine.events)


async def test_asterisk_away_is_nobody_rung(stack: AsteriskStack, phone: Phone) -> None:
    async with making(stack, Engine([])) as originator:
        await stack.stop()
        await eventually(lambda: not originator._ami.connected, "still connected")
        assert await originator.ring_number(NUMBER, "city", leg()) is Answer.FAILED
    assert not phone.events


@pytest.mark.parametrize(
    ("number", "trunk_id", "variables"),
    [
        ("139/n", "city", {}),
        (NUMBER, "city/../x", {}),
        (NUMBER, "city", {"CALLED": "1,HL_DONE=1"}),
        (NUMBER, "city", {"CALLED": "${SHELL(id)}"}),
        (NUMBER, "city", {"CALLED=1,X": "1"}),
    ],
)
async def test_nothing_unsafe_is_sent(
    number: str, trunk_id: str, variables: dict[str, str]
) -> None:
    """A number or a value that could be more than itself is refused before anything is sent."""
    originator = Originator(None)  # type: ignore[arg-type]  # nothing may get as far as AMI
    with pytest.raises(UnsafeValue):
        await originator.ring_number(number, trunk_id, Leg("a-1.1.cb1", "12345", 5, variables))
