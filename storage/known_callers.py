"""Callers the staff have marked, and who has called lately: read into memory at the start, and
what other nodes add while they are many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from storage.database import Database
from storage.rows import DIALECTS
from storage.tables import calls, known_callers
from tickets.model import Outcome


@dataclass(frozen=True, slots=True)
class MarkedCaller:
    """What the staff noted of a number (E.164): an elder, a language ("" for none)."""

    tenant: str
    e164: str
    elder: bool
    language: str
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """How a number's earlier call ended."""

    e164: str
    ended_at: datetime
    outcome: Outcome
    seat_id: str
    language: str


_MARK = {
    name: (statement := insert(known_callers)).on_conflict_do_update(
        index_elements=["tenant", "e164"],
        set_={
            column: statement.excluded[column]
            for column in ("elder", "language", "set_at", "set_by")
        },
    )
    for name, insert in DIALECTS.items()
}


_CALL = (
    calls.c.caller_e164, calls.c.ended_at, calls.c.outcome, calls.c.seat_id, calls.c.language,
)  # fmt: skip


class SqlKnownCallers:
    """The table of marks, and the call log seen by numbers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def mark(self, caller: MarkedCaller) -> None:
        """Note it, in place of an earlier note of the same number."""
        row = {
            "tenant": caller.tenant, "e164": caller.e164, "elder": caller.elder,
            "language": caller.language, "set_at": caller.set_at, "set_by": caller.set_by,
        }  # fmt: skip
        await self._database.write(
            lambda connection: connection.execute(_MARK[connection.dialect.name], row)
        )

    async def forget(self, tenant: str, e164: str) -> bool:
        """Take a note away; False when there is none."""
        gone = delete(known_callers).where(
            known_callers.c.tenant == tenant, known_callers.c.e164 == e164
        )
        return await self._database.write(lambda connection: connection.execute(gone).rowcount > 0)

    async def marked(self, tenant: str) -> Sequence[MarkedCaller]:
        """A tenant's notes by number."""
        query = (
            select(known_callers)
            .where(known_callers.c.tenant == tenant)
            .order_by(known_callers.c.e164)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            MarkedCaller(row.tenant, row.e164, row.elder, row.language, row.set_at, row.set_by)
            for row in rows
        ]

    async def earlier(self, tenant: str, since: datetime, limit: int) -> Sequence[EarlierCall]:
        """The newest `limit` calls of people who were queued since then and sent a number, oldest
        first."""
        query = (
            select(*_CALL)
            .where(calls.c.tenant == tenant, calls.c.queued_at >= since, calls.c.caller_e164 != "")
            .order_by(calls.c.queued_at.desc())
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_earlier(row) for row in reversed(rows)]

    async def ended(
        self, tenant: str, since: datetime, queued_since: datetime
    ) -> Sequence[EarlierCall]:
        """Calls that have ended since then, of people who were queued not too long ago and sent a
        number; in order of their ends."""
        query = (
            select(*_CALL)
            .where(calls.c.tenant == tenant, calls.c.queued_at >= queued_since)
            .where(calls.c.ended_at >= since, calls.c.caller_e164 != "")
            .order_by(calls.c.ended_at)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_earlier(row) for row in rows]


def _earlier(row: Any) -> EarlierCall:
    """A row of `_CALL`."""
    return EarlierCall(
        row.caller_e164, row.ended_at, Outcome(row.outcome), row.seat_id, row.language
    )
