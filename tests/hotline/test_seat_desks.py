"""What a seat's own page asks reaches its queue."""

import asyncio
from datetime import timedelta
from typing import Any, cast

from hotline.boards import QueueBoards
from queue_manager.model import SeatState
from queue_manager.service import QueueService
from tests.ivr.script import in_virtual_time
from tests.ivr.test_with_queue import opened
from tests.queue_manager.builders import caller
from tests.queue_manager.virtual_time import LoopClock

TENANT = "default"


def boards(queue: QueueService) -> QueueBoards:
    """The console's seats; no figures and tickets are asked for here."""
    nothing = cast(Any, None)
    return QueueBoards({TENANT: queue}, {}, {}, nothing, nothing, LoopClock())


@in_virtual_time
async def test_a_seat_whose_page_is_closed_is_offered_nobody() -> None:
    """Its telephone stays registered; it is back with the next heartbeat."""
    queue = await opened("8001")
    seats = boards(queue)
    for _ in range(3):
        seats.heartbeat(TENANT, "8001")
        await asyncio.sleep(14)
        assert seats.view(TENANT, "8001").state is SeatState.READY
    await asyncio.sleep(2)
    assert seats.view(TENANT, "8001").state is SeatState.OFFLINE
    seats.heartbeat(TENANT, "8001")
    assert seats.view(TENANT, "8001").state is SeatState.READY


@in_virtual_time
async def test_a_minute_more_of_wrap_up() -> None:
    queue = await opened("8001")
    seats = boards(queue)
    place = queue.enter(caller("hl-1.1"))
    offer = await place.next_offer()
    place.answered(offer)
    place.talk_ended(offer)
    since = seats.view(TENANT, "8001").since
    ends_at = seats.extend_wrap_up(TENANT, "8001", 60)
    assert ends_at - since == timedelta(seconds=queue.settings.wrap_up_s + 60)
    await asyncio.sleep(queue.settings.wrap_up_s + 59)
    assert seats.view(TENANT, "8001").state is SeatState.WRAP_UP
