"""Calls that ended after a moment, read from their rows: for what nobody lived to count."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select

from storage.database import Database
from storage.tables import calls, tickets
from tickets.model import Origin, Outcome

SPAN = timedelta(minutes=30)
OF_TALKS = (Origin.TALK.value, Origin.HANDED_OVER.value)
DRAFT = and_(
    calls.c.outcome == Outcome.ANSWERED.value, calls.c.answered_at.is_(None),
    tickets.c.tenant == calls.c.tenant, tickets.c.call_id == calls.c.call_id,
    tickets.c.origin.in_(OF_TALKS),
)  # fmt: skip
"""The ticket that tells when a talk began, where the call's row doesn't."""


@dataclass(frozen=True, slots=True)
class EndedCall:
    """What a call's row tells of its waiting and its talk. `drafted_at`: when the ticket of a talk
    was made whose begin the row doesn't tell."""

    call_id: str
    line_id: str
    language: str
    began_at: datetime
    queued_at: datetime
    outcome: Outcome
    answered_at: datetime | None
    ended_at: datetime
    seat_id: str = ""
    drafted_at: datetime | None = None


async def ended_calls(
    database: Database, tenant: str, *, queued_since: datetime, ended_after: datetime, now: datetime
) -> AsyncIterator[Sequence[EndedCall]]:
    """Callers queued from a moment until `now` whose call ended after another moment; in spans of
    queueing, so that no reading is long. Raises `StoreAway`."""
    begin = queued_since
    while begin <= now:
        end = begin + SPAN
        query = select(
            calls.c.call_id, calls.c.line_id, calls.c.language, calls.c.started_at,
            calls.c.queued_at, calls.c.outcome, calls.c.answered_at, calls.c.ended_at,
            calls.c.seat_id, tickets.c.created_at,
        ).outerjoin_from(calls, tickets, DRAFT).where(
            calls.c.tenant == tenant, calls.c.queued_at >= begin, calls.c.queued_at < end,
            calls.c.ended_at > ended_after,
        )  # fmt: skip
        rows = await database.read(partial(_run, query))
        yield [
            EndedCall(
                row.call_id, row.line_id, row.language, row.started_at, row.queued_at,
                Outcome(row.outcome), row.answered_at, row.ended_at, row.seat_id,
                row.created_at,
            )
            for row in rows
        ]  # fmt: skip
        begin = end


def _run(query: Select[Any], connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(query).all()
