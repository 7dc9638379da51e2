"""Makes calls and tickets for tests: sensible defaults, what matters is named."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from storage.database import Database
from tickets.model import CallFacts, CallRecord, NewTicket, Origin, Outcome, TicketState

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = {"default": SHANGHAI, "nanning": SHANGHAI, "baoji": SHANGHAI}
NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
STATES = {
    Origin.TALK: TicketState.DRAFT,
    Origin.VOICE_REQUEST: TicketState.PENDING_REVIEW,
    Origin.ABANDONED: TicketState.DRAFT,
}


def call_facts(call_id: str = "n-1.1", tenant: str = "default", **changed: Any) -> CallFacts:
    """What a call tells."""
    values: dict[str, Any] = {
        "tenant": tenant, "call_id": call_id, "line_id": "12345", "unit": "市12345中心",
        "called_number": "12345", "dialled": "12345", "caller_raw": "13800138000",
        "caller_e164": "+8613800138000", "anonymous": False, "language": "cmn", "kind": None,
        "keys": "1", "started_at": NOON, "recording": "",
    }  # fmt: skip
    return CallFacts(**values | changed)


def new_ticket(
    call_id: str = "n-1.1",
    tenant: str = "default",
    *,
    origin: Origin = Origin.TALK,
    at: datetime = NOON,
    facts: CallFacts | None = None,
    **changed: Any,
) -> NewTicket:
    """A ticket to be made."""
    facts = facts or call_facts(call_id, tenant)
    return NewTicket(facts=facts, origin=origin, state=STATES[origin], at=at, **changed)


def call_record(
    call_id: str = "n-1.1",
    tenant: str = "default",
    *,
    outcome: Outcome = Outcome.ANSWERED,
    queued_at: datetime | None = NOON,
    wait_s: float = 4.0,
    talk_s: float = 60.0,
    **facts: Any,
) -> CallRecord:
    """A call's row; an unanswered one ended after `wait_s`."""
    waited = (queued_at or NOON) + timedelta(seconds=wait_s)
    answered = outcome is Outcome.ANSWERED
    return CallRecord(
        facts=call_facts(call_id, tenant, **facts), outcome=outcome,
        seat_id="801" if answered else "", queued_at=queued_at,
        answered_at=waited if answered else None,
        ended_at=waited + timedelta(seconds=talk_s if answered else 0), ticket="",
    )  # fmt: skip


@asynccontextmanager
async def opened(url: str, *, deadline_s: float = 20.0) -> AsyncIterator[Database]:
    """A started database for the length of the block; a commit on a busy machine is no outage."""
    database = Database(url, deadline_s=deadline_s)
    await database.start()
    try:
        yield database
    finally:
        await database.close()


async def until(condition: Any, *, seconds: float = 20.0) -> None:
    """Poll what has no event to await; TimeoutError when it doesn't come true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
