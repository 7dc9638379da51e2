"""Callbacks in SQL: one row each, the newest version of it; ended ones stay for the figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, true

from queue_manager.callback import Callback, CallbackState
from queue_manager.requirement import Requirement
from queue_manager.rules import CallbackOrder
from storage.database import Database
from storage.rows import DIALECTS, facts_row, row_facts
from storage.tables import callbacks
from tickets.model import CallFacts


@dataclass(frozen=True, slots=True)
class KeptCallback:
    """A callback, and what the call in which it was asked for tells of itself."""

    callback: Callback
    facts: CallFacts


_SAVE = {
    name: (statement := insert(callbacks)).on_conflict_do_update(
        index_elements=["tenant", "call_id"],
        set_={
            column: statement.excluded[column]
            for column in (
                "state",
                "priority",
                "attempts",
                "next_at",
                "result",
                "seat_id",
                "ended_at",
                "version",
            )
        },
        where=callbacks.c.version < statement.excluded.version,
    )
    for name, insert in DIALECTS.items()
}


class SqlCallbacks:
    """The callbacks of every tenant. Every write is durable when the coroutine returns; all raise
    `StoreAway` when the database doesn't answer."""

    def __init__(self, database: Database, node: str = "") -> None:
        self._calls_here = callbacks.c.call_id.startswith(f"{node}-") if node else true()
        self._database = database

    async def save(self, kept: KeptCallback) -> bool:
        """Write it, in place of an older version; False when this or a newer one is there."""
        row = _row(kept)

        def run(connection: Connection) -> bool:
            return connection.execute(_SAVE[connection.dialect.name], row).rowcount > 0

        return await self._database.write(run, order=kept.callback.tenant)

    async def open(self) -> Sequence[KeptCallback]:
        """Every callback of this node's calls that hasn't ended, the longest waiting first."""
        query = (
            select(callbacks)
            .where(callbacks.c.ended_at.is_(None), self._calls_here)
            .order_by(callbacks.c.queued_at, callbacks.c.call_id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_kept(row) for row in rows]

    async def find(self, tenant: str, call_id: str) -> KeptCallback | None:
        """The callback that was asked for in this call, also when it has ended."""
        query = select(callbacks).where(
            callbacks.c.tenant == tenant, callbacks.c.call_id == call_id
        )
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else _kept(row)

    async def list(self, tenant: str, *, limit: int = 100) -> Sequence[KeptCallback]:
        """A tenant's callbacks, the last taken first."""
        query = (
            select(callbacks)
            .where(callbacks.c.tenant == tenant)
            .order_by(callbacks.c.taken_at.desc(), callbacks.c.call_id)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_kept(row) for row in rows]


def _row(kept: KeptCallback) -> dict[str, Any]:
    callback = kept.callback
    return {
        **facts_row(kept.facts),
        "state": callback.state.value, "queue_id": callback.queue_id, "number": callback.number,
        "needs": str(callback.needs), "priority": callback.priority,
        "queued_at": callback.queued_at, "taken_at": callback.taken_at,
        "expires_at": callback.expires_at, "rings_first": callback.order.value,
        "tries": callback.tries, "retry_s": callback.retry_s, "attempts": callback.attempts,
        "next_at": callback.next_at, "result": callback.result, "seat_id": callback.seat_id,
        "ended_at": callback.ended_at, "version": callback.version,
    }  # fmt: skip


def _kept(row: Row[Any]) -> KeptCallback:
    facts = row_facts(row)
    callback = Callback(
        tenant=row.tenant, call_id=row.call_id, number=row.number, line_id=row.line_id,
        queue_id=row.queue_id, needs=Requirement.parse(row.needs), language=row.language,
        priority=row.priority, queued_at=row.queued_at, taken_at=row.taken_at,
        expires_at=row.expires_at, order=CallbackOrder(row.rings_first), tries=row.tries,
        retry_s=row.retry_s, state=CallbackState(row.state), attempts=row.attempts,
        next_at=row.next_at, result=row.result, seat_id=row.seat_id, ended_at=row.ended_at,
        version=row.version,
    )  # fmt: skip
    return KeptCallback(callback, facts)
