"""Consultation, transfer, three-way, and supervisors, on a real Asterisk with real sound."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.talks import TalkTarget, TalkVerb
from queue_manager.model import SeatState
from tests.telephony.talk_house import House, house

pytestmark = pytest.mark.e2e

TENANT = "default"


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "8001", "8002", "8009") as made:
        made.engine.queue.pause("8002", "other")
        made.engine.queue.pause("8009", "other")
        yield made


def seat(seat_id: str) -> TalkTarget:
    return TalkTarget("seat", seat_id)


async def test_consultation_and_attended_transfer(home: House) -> None:
    """The citizen hears music while the seats speak; then he has the second, and the first wraps
    up. His recording, and his call's row, are of the whole call."""
    async with home.citizen() as call_id:
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        await home.board.act(TENANT, call_id, TalkVerb.CONSULT, seat("8002"))
        await home.talk_is(call_id, "consulting")
        await home.hears(citizen=set(), s8001={"8002"}, s8002={"8001"})
        assert home.state("8001") is home.state("8002") is SeatState.TALKING
        await home.board.act(TENANT, call_id, TalkVerb.COMPLETE, None)
        await home.hears(citizen={"8002"}, s8002={"citizen"}, s8001=set())
        await home.is_("8001", SeatState.WRAP_UP)
        assert home.state("8002") is SeatState.TALKING
        home.phones["citizen"].hang_up()
        await home.is_("8002", SeatState.WRAP_UP)
    row = await home.row()
    assert (row.outcome, row.seat_id) == ("answered", "8002")
    assert home.office.tickets[call_id].seat_id == "8002"
    await home.stack.no_channels()
