"""A seat answers a call whose reservation is over, on a real Asterisk."""

import asyncio
from pathlib import Path

import pytest

from queue_manager.model import AlertKind, Forced, SeatState
from telephony.keys import Keys
from tests.telephony.talk_house import house

pytestmark = pytest.mark.e2e


async def test_a_seat_that_answers_after_its_reservation_ended_has_him_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A supervisor pauses it while it rings, Asterisk isn't told of that, and it picks up: nobody
    hears silence, nobody else is rung for him, and supervisors are told."""
    monkeypatch.setattr(Keys, "end_ring", lambda keys, call_id: None)
    async with house(tmp_path, "8001", "8002") as home:
        queue, first = home.engine.queue, home.phones["8001"]
        queue.pause("8002", "other")
        first.answers = False

        async def too_late() -> None:
            await first.happens("rang")
            queue.force("8001", Forced.PAUSED, by="lead", why="fire drill", reason="other")
            assert home.state("8001") is SeatState.PAUSED
            first.pick_up()

        happening = asyncio.create_task(too_late())
        async with home.citizen() as call_id:
            await happening
            await home.hears(citizen={"8001"}, s8001={"citizen"}, s8002=set())
            assert home.state("8001") is SeatState.TALKING
            assert [(alert.kind, alert.seat_id, alert.call_id) for alert in queue.alerts()] == [
                (AlertKind.LATE_ANSWER, "8001", call_id)
            ]
        row = await home.row()
        assert (row.outcome, row.seat_id) == ("answered", "8001")
        assert len(home.office.tickets) == 1
        assert home.phones["8002"].events == []
        await home.stack.no_channels()
