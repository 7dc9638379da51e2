"""Intake: into the store, else into the journal, and never lost on the way."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from tickets.errors import StoreAway, StoreRefused
from tickets.merge import merged
from tickets.model import (
    CallFacts,
    CallRecord,
    NewTicket,
    Origin,
    Outcome,
    Ticket,
    TicketState,
)
from tickets.service import Intake

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
FACTS = CallFacts("t", "n-1.1", *[""] * 6, False, "", None, "", NOON, "")
NEW = NewTicket(FACTS, Origin.TALK, TicketState.DRAFT, NOON)
RECORD = CallRecord(FACTS, Outcome.ANSWERED, "801", NOON, NOON, NOON, "")


class Both:
    """Store and journal in one; `failure` is what the store answers with."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.stored: list[object] = []
        self.kept: list[object] = []
        self.go = asyncio.Event()
        self.go.set()

    async def _take(self, fact: object) -> None:
        await self.go.wait()
        if self.failure is not None:
            raise self.failure
        self.stored.append(fact)

    async def create(self, new: NewTicket) -> Ticket:
        await self._take(new)
        return merged("261121000001", [new])

    async def record(self, record: CallRecord) -> None:
        await self._take(record)

    async def keep_ticket(self, new: NewTicket) -> None:
        self.kept.append(new)

    async def keep_call(self, record: CallRecord) -> None:
        self.kept.append(record)

    async def get(self, tenant: str, number: str) -> Ticket:
        raise StoreAway(number)

    async def list(
        self, tenant: str, *, limit: int = 50, before: str = "", since: datetime | None = None
    ) -> Sequence[Ticket]:
        raise StoreAway(tenant)


async def test_a_stored_ticket_has_a_number_and_no_journal() -> None:
    both = Both()
    intake = Intake(both, both, both)
    assert await intake.create(NEW) == "261121000001"
    await intake.record(RECORD)
    assert both.stored == [NEW, RECORD]
    assert both.kept == []


@pytest.mark.parametrize(
    "failure", [StoreAway("away"), StoreRefused("poison"), KeyError("a mistake of ours")]
)
async def test_what_the_store_fails_to_take_is_journalled(failure: Exception) -> None:
    both = Both(failure)
    intake = Intake(both, both, both)
    assert await intake.create(NEW) == ""
    await intake.record(RECORD)
    assert both.kept == [NEW, RECORD]


@pytest.mark.parametrize("failure", [None, StoreAway("away")])
async def test_a_hang_up_in_mid_write_loses_nothing(failure: Exception | None) -> None:
    both = Both(failure)
    both.go.clear()
    intake = Intake(both, both, both)
    conversation = asyncio.create_task(intake.create(NEW))
    await asyncio.sleep(0)
    conversation.cancel()
    with pytest.raises(asyncio.CancelledError):
        await conversation
    both.go.set()
    await intake.close()
    assert both.stored + both.kept == [NEW]
