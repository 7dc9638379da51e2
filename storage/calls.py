"""The call log in SQL: one row per call, and its recording to be checked."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from storage.database import Database
from storage.ended_calls import DRAFT
from storage.prepared import Prepared
from storage.recordings import expect_recording
from storage.rows import facts_row, insert_once
from storage.tables import calls, tickets
from tickets.model import CallRecord, Outcome

_RECORD = Prepared(
    {name: insert.returning(calls.c.call_id) for name, insert in insert_once(calls).items()}
)


OnNew = Callable[[CallRecord, datetime | None], None]


class SqlCalls:
    """`tickets.ports.CallStore` on a `Database`."""

    def __init__(self, database: Database, on_new: OnNew = lambda record, drafted_at: None) -> None:
        """`on_new` is told of each row that wasn't there before, once it is durable; and when the
        ticket of a talk was made whose begin the row doesn't tell."""
        self._database = database
        self._on_new = on_new

    async def record(self, record: CallRecord) -> None:
        """Write the call's row, once per call, and note its recording for checking."""
        new, drafted_at = await self._database.write(
            lambda connection: _record(connection, record), order=record.facts.tenant, patient=True
        )
        if new:
            self._on_new(record, drafted_at)


def _record(connection: Connection, record: CallRecord) -> tuple[bool, datetime | None]:
    """True when the row wasn't there."""
    written = _RECORD.run(connection, _row(record))
    facts = record.facts
    if written is not None and facts.recording:
        lasted_s = (record.ended_at - facts.started_at).total_seconds()
        expect_recording(connection, facts, facts.recording, lasted_s, record.ended_at)
    if written is None or record.outcome is not Outcome.ANSWERED or record.answered_at is not None:
        return written is not None, None
    mine = (calls.c.tenant == facts.tenant) & (calls.c.call_id == facts.call_id)
    query = select(tickets.c.created_at).join_from(calls, tickets, DRAFT).where(mine)
    return True, connection.execute(query).scalar()


def _row(record: CallRecord) -> dict[str, Any]:
    """An answer whose time nobody knows (its engine died) has neither wait nor talk."""
    answered_at, ended_at = record.answered_at, record.ended_at
    waited_until = answered_at if record.outcome is Outcome.ANSWERED else ended_at
    return {
        **facts_row(record.facts),
        "outcome": record.outcome, "seat_id": record.seat_id, "queued_at": record.queued_at,
        "answered_at": record.answered_at, "ended_at": record.ended_at,
        "wait_s": _span_s(record.queued_at, waited_until),
        "talk_s": _span_s(answered_at, ended_at),
    }  # fmt: skip


def _span_s(begin: datetime | None, end: datetime | None) -> float | None:
    if begin is None or end is None:
        return None
    return max(0.0, (end - begin).total_seconds())
