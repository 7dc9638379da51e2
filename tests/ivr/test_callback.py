"""What is said to whom we have rung: a key before a seat, and every word told to the callback."""

from dataclasses import replace

import pytest

from ivr.conversation import converse
from ivr.ports import Outcome
from queue_manager.callback import CallbackEvent
from telephony.call import DialStatus
from tests.ivr.script import Script, World, in_virtual_time
from tickets.model import Origin

LEG = "hl-1795233600.7.cb1"
WRITTEN = {
    "STAGE": "called_back", "CALLBACK": "customer_first", "ORIGIN": "hl-1795233600.7",
    "TENANT": "nanning", "LINE": "hotline", "LANG": "cmn", "QUEUED_AT": "1795233500.25",
    "NEEDS": "lang:cmn & svc:general", "QUEUE": "main", "PRIORITY": "2",
}  # fmt: skip


def rung(script: Script, **written: str) -> World:
    """A call that we made has been answered."""
    world = World(script)
    tenant = script.directory.tenants[0].id
    line = script.directory.lines.of(tenant)[0].id
    world.call.variables = {**WRITTEN, "TENANT": tenant, "LINE": line, **written}
    world.call.info = replace(
        world.call.info, call_id=LEG, caller_number="13900000001", called_number="12345",
        variables=dict(world.call.variables),
    )  # fmt: skip
    return world


@in_virtual_time
async def test_a_key_then_the_seat_and_the_ticket_of_his_first_call() -> None:
    world = rung(Script(digits=["1"], seats=[DialStatus.ANSWER]))
    assert await converse(world.call, world.desk) is Outcome.ANSWERED
    assert world.call.said[0] == "callback_greeting"
    assert world.place.caller.call_id == LEG
    assert world.place.caller.queued_at.timestamp() == 1795233500.25
    (ticket,) = world.office.tickets.values()
    assert (ticket.origin, ticket.call_id) == (Origin.TALK, "hl-1795233600.7")
    assert world.row.facts.call_id == LEG
    assert world.callbacks.told == [
        CallbackEvent.PICKED_UP, CallbackEvent.SEAT_ANSWERED, CallbackEvent.TALK_ENDED,
    ]  # fmt: skip


@pytest.mark.parametrize("keys", ["", "01"])
@in_virtual_time
async def test_without_a_key_no_seat_is_rung_and_no_ticket_made(keys: str) -> None:
    """An answering machine: asked three times, let go, not reached. Whatever he pressed in the
    call before, such as 0 for a person."""
    world = rung(Script(digits=["", "5", ""]), KEYS=keys)
    assert await converse(world.call, world.desk) is Outcome.LEFT_EARLY
    assert world.call.said == ["callback_greeting"] * 3 + ["callback_missed"]
    assert not world.queue.places
    assert not world.office.tickets
    assert world.callbacks.told[-1] == CallbackEvent.NOT_REACHED


@in_virtual_time
async def test_who_leaves_before_a_seat_answers_is_not_reached_and_no_lost_call() -> None:
    """His callback goes on by itself: no ticket of an abandoned call beside it."""
    world = rung(Script(digits=["1"]))
    assert await converse(world.call, world.desk) is Outcome.ABANDONED
    assert not world.office.tickets
    assert world.callbacks.told[-1] == CallbackEvent.NOT_REACHED


@in_virtual_time
async def test_the_seat_first_hears_whom_and_rings_him() -> None:
    world = rung(Script(transfers=[DialStatus.ANSWER]), CALLBACK="seat_first", SEAT="8001")
    assert await converse(world.call, world.desk) is Outcome.ANSWERED
    assert world.call.said[0] == "callback_seat"
    assert world.call.said[1:] == [f"digits/{c}" for c in "13900000001"]
    assert world.call.dialled == ["13900000001 12345 "]
    assert world.row.seat_id == "8001"
    assert world.callbacks.told == [
        CallbackEvent.SEAT_ANSWERED, CallbackEvent.TALK_ENDED,
    ]  # fmt: skip


@in_virtual_time
async def test_the_seat_first_is_let_go_when_he_is_busy() -> None:
    world = rung(Script(transfers=[DialStatus.BUSY]), CALLBACK="seat_first", SEAT="8001")
    assert await converse(world.call, world.desk) is Outcome.LEFT_EARLY
    assert world.call.said[-1] == "callback_not_reached"
    assert world.callbacks.told == [CallbackEvent.NOT_REACHED]


@in_virtual_time
async def test_a_seat_that_comes_back_without_a_talk_is_let_go() -> None:
    """An engine died while the citizen was rung; Dial has told how that ended."""
    world = rung(
        Script(), CALLBACK="seat_first", SEAT="8001", STAGE="dialing", DIALSTATUS="NOANSWER"
    )
    assert await converse(world.call, world.desk) is Outcome.LEFT_EARLY
    assert not world.call.dialled
    assert world.callbacks.told == [CallbackEvent.NOT_REACHED]
