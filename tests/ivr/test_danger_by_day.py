"""A word of danger by day whose numbers don't answer: to the seats, first, and with a ticket."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from ivr.conversation import converse
from ivr.ports import Outcome
from queue_manager.service import QueueService
from telephony.call import DialStatus
from tests.ivr.script import LONG_S, Script, World, in_virtual_time
from tests.ivr.spoken import Says, SpokenWorld
from tests.ivr.test_with_queue import opened
from tests.queue_manager.builders import caller
from tests.queue_manager.virtual_time import LoopClock
from tickets.model import NewTicket, Origin, TicketState
from tickets.spoken import Review

FIRE = Says("着火 了")
TO_SEATS, FAILED = "intake/danger_to_seats", "intake/danger_failed"


async def busy(queue: QueueService) -> Callable[[], None]:
    """The seat talks with somebody else; what ends that talk."""
    place = queue.enter(caller("hl-1.99"))
    offer = await place.next_offer()
    place.answered(offer)
    return lambda: place.talk_ended(offer)


def calling(queue: QueueService, script: Script) -> SpokenWorld:
    """He waits, chooses to leave a message, and cries fire."""
    world = SpokenWorld(script, (FIRE,))
    world.desk = replace(world.desk, queues={"default": queue}, clock=LoopClock())
    return world


async def until(world: World, word: str) -> None:
    async with asyncio.timeout(LONG_S):
        while word not in world.call.said:
            await asyncio.sleep(1)


def spoken_facts(world: World) -> list[NewTicket]:
    return [told for told in world.office.told if told.spoken is not None]


@in_virtual_time
async def test_the_next_free_seat_is_his_and_what_he_said_is_his_ticket_before() -> None:
    """Before one who has waited longer; the talk is added to the ticket that stood already."""
    queue = await opened("8001")
    talk_ends = await busy(queue)
    earlier = queue.enter(caller("hl-1.98"))
    world = calling(queue, Script(digits=["", "2"], seats=[DialStatus.ANSWER]))
    talks = asyncio.create_task(converse(world.call, world.desk))
    await until(world, TO_SEATS)
    await asyncio.sleep(1)
    assert world.call.variables["STAGE"] == "queued"
    assert int(world.call.variables["PRIORITY"]) > 0, "also for an engine after us"
    (told,) = world.office.told
    assert told.origin is Origin.VOICE_REQUEST
    assert told.first_callback
    assert told.spoken is not None
    assert told.spoken.danger == "着火"
    assert world.call.variables["TICKET"]
    talk_ends()
    await asyncio.wait_for(talks, LONG_S)
    assert world.row.outcome is Outcome.ANSWERED
    assert not earlier.next_offer().done()
    ticket = world.ticket
    assert ticket is not None
    assert (ticket.origin, ticket.state) == (Origin.VOICE_REQUEST, TicketState.PENDING_REVIEW)
    assert (ticket.seat_id, ticket.number) == ("8001", world.row.ticket)
    assert len(world.office.tickets) == 1
    assert world.journal.talks == {}


@in_virtual_time
async def test_where_nobody_is_at_work_he_is_recorded_at_once() -> None:
    """The hours say open, and the one seat is paused: he isn't left with music."""
    queue = await opened("8001")
    queue.pause("8001", "meal")
    world = calling(queue, Script(digits=["", "2", "1"], takes=[9.0]))
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    assert FAILED in world.call.said
    assert TO_SEATS not in world.call.said
    assert world.row.outcome is Outcome.VOICE_REQUEST
    assert spoken_facts(world)[-1].voice_s == 9.0
    assert queue.waiting().count == 0


@in_virtual_time
async def test_who_hangs_up_while_he_waits_is_called_back_first() -> None:
    queue = await opened("8001")
    await busy(queue)
    world = calling(queue, Script(digits=["", "2"]))
    talks = asyncio.create_task(converse(world.call, world.desk))
    await until(world, TO_SEATS)
    await asyncio.sleep(1)
    world.call.leave()
    world.call.key.set_result("9")  # his session notices
    await asyncio.wait_for(talks, LONG_S)
    assert world.row.outcome is Outcome.VOICE_REQUEST
    assert world.row.ticket
    assert [told.first_callback for told in world.office.told] == [True]
    assert queue.waiting().count == 0


@in_virtual_time
async def test_who_speaks_again_instead_of_waiting_has_both_recordings() -> None:
    """Key 2 once more: recorded plainly, into a file of its own, and added to his ticket."""
    queue = await opened("8001")
    await busy(queue)
    world = calling(queue, Script(digits=["", "2", "", "2", "1"], takes=[9.0]))
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    first, second = spoken_facts(world)
    assert first.voice_path.endswith("-1.wav")
    assert second.voice_path.endswith("-2.wav")
    assert second.voice_s == 9.0
    assert second.spoken is not None
    assert second.spoken.danger == "着火"
    assert Review.NOT_RECOGNISED in second.spoken.review
    assert world.call.said.count(TO_SEATS) == 1
    assert len(world.office.tickets) == 1


@in_virtual_time
async def test_an_engine_that_dies_while_he_waits_leaves_him_first_in_the_queue() -> None:
    """The next engine has his place, his priority and his ticket from the channel."""
    queue = await opened("8001")
    talk_ends = await busy(queue)
    world = calling(queue, Script(digits=["", "2"], seats=[DialStatus.ANSWER]))
    talks = asyncio.create_task(converse(world.call, world.desk))
    await until(world, TO_SEATS)
    await asyncio.sleep(1)
    talks.cancel()
    await asyncio.wait({talks})
    queue.enter(caller("hl-1.98"))
    world.engine()
    world.desk = replace(world.desk, queues={"default": queue}, clock=LoopClock())
    world.call.come_back()
    again = asyncio.create_task(converse(world.call, world.desk))
    await asyncio.sleep(1)
    talk_ends()
    await asyncio.wait_for(again, LONG_S)
    assert world.row.outcome is Outcome.ANSWERED
    assert len(world.office.tickets) == 1
    assert world.ticket is not None
    assert world.ticket.first_callback
