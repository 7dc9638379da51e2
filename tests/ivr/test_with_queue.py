"""Conversations with the real queue: who gets the seat, what the seat does, who keeps his place."""

import asyncio
from dataclasses import replace

from ivr.conversation import converse
from ivr.ports import Outcome
from ivr.story import open_story
from ivr.taking_place import served_needs
from queue_manager.model import Need, QueueSettings, Requirement, Seat, SeatState
from queue_manager.service import QueueService
from telephony.call import DialStatus
from telephony.errors import CallEnded
from tests.ivr.script import DIRECTORY, Script, ScriptedCall, World, in_virtual_time
from tests.queue_manager.builders import Memory
from tests.queue_manager.virtual_time import LoopClock

SKILLS = {"lang:cmn": 5, "svc:general": 3}


async def opened(*seat_ids: str) -> QueueService:
    rules = QueueSettings(tenant="default", wrap_up_s=20, cool_down_s=5, reach_grace_s=3)
    queue = QueueService(rules, Memory(), LoopClock())
    await queue.start([Seat("default", s, s, f"sip-{s}", SKILLS) for s in seat_ids], ())
    for seat_id in seat_ids:
        queue.endpoint_reachable(f"sip-{seat_id}", True)
        queue.ready(seat_id)
    return queue


def calling(queue: QueueService, number: int, script: Script) -> tuple[World, ScriptedCall]:
    world = World(script)
    desk = replace(world.desk, queues={"default": queue}, clock=LoopClock())
    world.desk = desk
    world.call.info = replace(world.call.info, call_id=f"hl-1.{number}")
    return world, world.call


@in_virtual_time
async def test_two_callers_and_one_seat() -> None:
    """The second waits through talk and wrap-up, then the same seat rings for him."""
    queue = await opened("8001")
    first, call = calling(queue, 1, Script(seats=[DialStatus.ANSWER]))
    await converse(call, first.desk)
    assert queue.seat("8001").state is SeatState.WRAP_UP
    second, call = calling(queue, 2, Script(seats=[DialStatus.ANSWER]))
    await converse(call, second.desk)
    assert second.row.outcome is Outcome.ANSWERED
    assert second.row.answered_at is not None
    assert 19 <= asyncio.get_running_loop().time() <= 21
    assert queue.waiting().count == 0


@in_virtual_time
async def test_a_missed_ring_goes_to_the_next_seat() -> None:
    queue = await opened("8001", "8002")
    world, call = calling(queue, 1, Script(seats=[DialStatus.NOANSWER, DialStatus.ANSWER]))
    await converse(call, world.desk)
    assert world.call.dialled == ["sip-8001", "sip-8002"]
    assert world.row.seat_id == "8002"


@in_virtual_time
async def test_a_hang_up_while_ringing_frees_the_seat() -> None:
    queue = await opened("8001")
    world, call = calling(queue, 1, Script(seats=[DialStatus.CANCEL]))
    call.dial = _hung_up_on(call)  # type: ignore[method-assign]  # the caller leaves in the ring
    await converse(call, world.desk)
    assert world.row.outcome is Outcome.ABANDONED
    assert queue.seat("8001").state is SeatState.READY
    assert queue.waiting().count == 0


@in_virtual_time
async def test_who_was_moved_up_is_first_with_the_next_engine_too() -> None:
    """His priority is on the channel from that moment on, and stays through a missed ring."""
    queue = await opened()
    early, early_call = calling(queue, 1, Script())
    first = asyncio.create_task(converse(early_call, early.desk))
    await asyncio.sleep(1)
    late, late_call = calling(queue, 2, Script(seats=[DialStatus.NOANSWER]))
    second = asyncio.create_task(converse(late_call, late.desk))
    await asyncio.sleep(1)
    queue.move_first("hl-1.2", by="supervisor", why="smells gas")
    written = late_call.variables["PRIORITY"]
    assert int(written) > 0
    await queue.start([Seat("default", "8001", "8001", "sip-8001", SKILLS)], ())
    queue.endpoint_reachable("sip-8001", True)
    await asyncio.sleep(1)
    assert (late_call.dialled, early_call.dialled) == (["sip-8001"], [])
    assert late_call.variables["PRIORITY"] == written
    for talk in (first, second):
        talk.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    found = open_story(replace(late_call.info, variables=late_call.variables), DIRECTORY)
    assert found.priority == int(written), "as the next engine reads it"


@in_virtual_time
async def test_leaving_a_voice_request_gives_the_place_up() -> None:
    queue = await opened()
    world, call = calling(queue, 1, Script(digits=["", "2", "1"], takes=[5.0]))
    await converse(call, world.desk)
    assert world.row.outcome is Outcome.VOICE_REQUEST
    assert queue.waiting().count == 0


def _hung_up_on(call: ScriptedCall):  # type: ignore[no-untyped-def]  # a stand-in for `dial`
    async def dial(endpoint, *, ring_s, on_answer, variables=None):  # type: ignore[no-untyped-def]  # as above
        call.variables.update(variables)
        await asyncio.sleep(3)
        call.leave()
        raise CallEnded("hangup")

    return dial


@in_virtual_time
async def test_a_line_that_no_seat_has_as_a_skill_is_answered_at_the_general_desk() -> None:
    """12333 in a city whose seats know only the general service: nobody waits for ever."""
    queue = await opened("8001")
    world, call = calling(queue, 1, Script(seats=[DialStatus.ANSWER]))
    call.info = replace(call.info, called_number="12333", first_called="")
    await converse(call, world.desk)
    assert (world.row.seat_id, world.row.facts.line_id) == ("8001", "l12333")


def test_needs_stay_as_they_are_when_some_seat_has_them_or_none_could_serve_at_all() -> None:
    labour = Requirement.of(Need("svc:12333"), Need("lang:za"))
    general = Requirement.of(Need("svc:general"), Need("lang:za"))
    rules = DIRECTORY.rules["default"]
    assert served_needs(labour, lambda needs: True, rules) == labour
    assert served_needs(labour, lambda needs: needs == general, rules) == general
    assert served_needs(labour, lambda needs: False, rules) == labour


def test_a_caller_who_signs_is_never_sent_to_a_seat_without_video() -> None:
    """Sign language is hard: not even where no seat has it goes he to the general desk."""
    sign = Requirement.of(Need("sign:video"))
    general = Requirement.of(Need("svc:general"))
    rules = DIRECTORY.rules["default"]
    assert served_needs(sign, lambda needs: needs == general, rules) == sign
