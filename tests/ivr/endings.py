"""Calls that end at any step, by the caller or by the engine, and what holds after any end."""

import asyncio

import pytest

from ivr.conversation import converse, hang_up
from ivr.ports import Outcome
from ivr.story import open_story
from telephony.call import DialStatus
from tests.ivr.script import LONG_S, NIGHT, Script, World
from tickets.model import Origin

ANSWER, BUSY, NOANSWER = DialStatus.ANSWER, DialStatus.BUSY, DialStatus.NOANSWER
SCRIPTS = {
    "says nothing twice, and something to the next engine": Script(
        now=NIGHT, takes=[0.0, 0.0, 0.5]
    ),
    "talk": Script(seats=[ANSWER]),
    "talk, told late": Script(seats=[ANSWER], hears_ami=False),
    "third seat": Script(digits=["2"], seats=[NOANSWER, BUSY, ANSWER]),
    "wrong keys": Script(digits=["7", "7"], seats=[ANSWER]),
    "nobody free": Script(),
    "voice request from the queue": Script(digits=["", "2", "1"], takes=[6.0]),
    "silent request from the queue": Script(digits=["", "2"]),
    "callback": Script(digits=["", "1", "1"]),
    "callback to another number": Script(digits=["", "1", "2", *"13900139000", "#", "1"]),
    "callback, then not": Script(digits=["", "1", ""]),
    "callback that can't be promised": Script(digits=["", "1", "1"], callbacks_away=True),
    "after hours": Script(now=NIGHT, digits=["", "2", "1"], takes=[6.0, 3.0]),
    "after hours, silent": Script(now=NIGHT),
    "after hours, a person": Script(now=NIGHT, digits=["0", "1"], takes=[4.0]),
    "after hours, SQL away": Script(now=NIGHT, digits=["", "1"], takes=[4.0], sql_away=True),
    "emergency": Script(called="110", transfers=[ANSWER]),
    "utility, then a seat": Script(called="95598", seats=[ANSWER]),
    "utility": Script(called="95598", transfers=[ANSWER]),
    "handed over by 110": Script(first_called="110", seats=[ANSWER]),
    "unknown number": Script(called="4711"),
}
OUTCOMES_WITH_TICKET = {
    Outcome.ANSWERED,
    Outcome.ABANDONED,
    Outcome.VOICE_REQUEST,
    Outcome.CALLBACK,
}
MOST_STEPS = 60


async def lead(world: World) -> None:
    """One engine's conversation to its end, and the dialplan's word after it."""
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    if world.call.dialplan is not None:
        await asyncio.wait_for(world.call.dialplan, LONG_S)


async def stopped_at(world: World, step: int) -> bool:
    """Lead until the engine is stopped at a step; False when the call ended before."""
    world.call.stop_at = step
    leading = asyncio.ensure_future(lead(world))
    stopped = asyncio.ensure_future(world.call.stopped.wait())
    await asyncio.wait({leading, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    await asyncio.wait({stopped})
    if not world.call.stopped.is_set():
        await leading
        return False
    leading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leading
    return True


def check(world: World) -> None:
    """The promises that hold after any end."""
    assert len(world.office.rows) == 1, "one row per call"
    row = world.row
    story = open_story(world.call.info, world.script.directory)
    handed_over = story.line is not None and bool(story.line.handed_over)
    shared = row.outcome is Outcome.TRANSFERRED and story.shares_ticket
    told = row.outcome in OUTCOMES_WITH_TICKET or shared or handed_over
    assert (world.ticket is not None) == told
    if world.ticket is not None:
        wanted = {
            Outcome.ANSWERED: Origin.HANDED_OVER if handed_over else Origin.TALK,
            Outcome.ABANDONED: Origin.ABANDONED,
            Outcome.VOICE_REQUEST: Origin.VOICE_REQUEST,
            Outcome.CALLBACK: Origin.CALLBACK,
            Outcome.TRANSFERRED: Origin.CONNECTED,
            Outcome.LEFT_EARLY: Origin.HANDED_OVER,
        }
        assert world.ticket.origin is wanted[row.outcome]
    assert bool(world.callbacks.taken) == (row.outcome is Outcome.CALLBACK)
    for place in world.queue.places:
        assert place.ends == 1, f"a place ends once: {place.events}"
        assert ("answered" in place.events) == ("talk_ended" in place.events)
    if world.queue.places:
        assert row.queued_at is not None
    if any(world.voice.files.values()) and row.outcome is not Outcome.ANSWERED:
        assert row.outcome is Outcome.VOICE_REQUEST, "what was said is kept"
        assert world.ticket is not None
        assert world.ticket.voice_s > 0
    assert len(world.desk.live) == 0


def check_nobody_else_runs() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others, others


async def hangs_up(script: Script, step: int) -> World:
    world = World(script)
    world.call.hang_up_at = step
    await lead(world)
    if any("answered" in place.events for place in world.queue.places):
        assert world.row.answered_at is not None, "a talk that the queue counts has its beginning"
    check(world)
    return world


async def is_stopped(script: Script, step: int, *, returns: bool) -> World:
    """The engine stops at a step. Nothing is finished by it; a new engine brings it to an end,
    with the caller still there, or after he hung up in between."""
    world = World(script)
    if await stopped_at(world, step):
        check_left_alone(world)
        world.engine()
        world.call.come_back()
        if returns:
            await lead(world)
        else:
            await hang_up(world.call.info, world.desk)
    check(world)
    return world


def check_left_alone(world: World) -> None:
    """A stopping engine ends nothing: no row (before the last word), nobody counted abandoned."""
    assert world.call.finishing or world.office.rows == []
    events = [event for place in world.queue.places for event in place.events]
    assert "left abandoned" not in events
    if not {"left voice_request", "left callback", "left self_service"} & set(events):
        origins = {ticket.origin for ticket in world.office.tickets.values()}
        assert Origin.ABANDONED not in origins
