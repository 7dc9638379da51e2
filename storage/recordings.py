"""Recordings in SQL: what is to be checked, what was found, what was removed."""

import contextlib
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select, true, update

from recordings.model import CheckedRecording, PendingRecording, Purged, RecordingStatus
from recordings.naming import relative
from storage.database import Database
from storage.life_tables import ticket_states
from storage.prepared import Prepared
from storage.rows import insert_once
from storage.tables import purges, recordings
from tickets.lifecycle import CLOSED
from tickets.model import CallFacts

_EXPECT = Prepared(insert_once(recordings))
_PURGED = insert_once(purges)
_CHECKED = (
    update(recordings)
    .where(recordings.c.path == bindparam("at_path"))
    .values(length_s=bindparam("length"), status=bindparam("found"), checked_at=bindparam("at"))
)


def expect_recording(
    connection: Connection, facts: CallFacts, path: str, expected_s: float, ended_at: datetime
) -> None:
    """Note a recording as to be checked, in the transaction of the row that tells of it."""
    with contextlib.suppress(ValueError):  # a strange path is kept as told, and found missing
        path = relative(path)
    _EXPECT.run(
        connection,
        {
            "tenant": facts.tenant, "path": path, "call_id": facts.call_id,
            "expected_s": expected_s, "status": RecordingStatus.PENDING, "ended_at": ended_at,
        },
    )  # fmt: skip


class SqlRecordings:
    """`recordings.ports.RecordingStore` and `EvidenceStore` on a `Database`; among several nodes
    (`node` not "") the recordings that are to be checked are those of this node's calls: they lie
    on its disk."""

    def __init__(self, database: Database, node: str = "") -> None:
        self._database = database
        self._calls_here = recordings.c.call_id.startswith(f"{node}-") if node else true()

    async def pending(self, *, ended_before: datetime, limit: int) -> Sequence[PendingRecording]:
        """The oldest recordings not checked yet, of calls that ended before a time."""
        query = (
            select(
                recordings.c.tenant, recordings.c.path, recordings.c.call_id,
                recordings.c.expected_s, recordings.c.ended_at,
            )
            .where(recordings.c.status == RecordingStatus.PENDING.value, self._calls_here)
            .where(recordings.c.ended_at < ended_before)
            .order_by(recordings.c.ended_at)
            .limit(limit)
        )  # fmt: skip
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [PendingRecording(*row) for row in rows]

    async def checked(self, results: Sequence[CheckedRecording]) -> None:
        """Note what was found, all together."""
        values = [
            {
                "at_path": result.pending.path,
                "length": result.length_s, "found": result.status, "at": result.checked_at,
            }
            for result in results
        ]  # fmt: skip
        await self._database.write(
            lambda connection: connection.execute(_CHECKED, values), patient=True
        )

    async def note_purges(self, purged: Sequence[Purged]) -> None:
        """Log removals; the same path twice is logged once."""
        owned = select(recordings.c.path, recordings.c.tenant).where(
            recordings.c.path.in_([one.path for one in purged])
        )
        rows = await self._database.read(lambda connection: connection.execute(owned).all())
        tenants = {row.path: row.tenant for row in rows}
        values = [
            {
                "tenant": tenants.get(one.path, one.tenant), "path": one.path, "kind": one.kind,
                "day": one.day, "bytes": one.size_bytes, "kept_days": one.kept_days,
                "purged_at": one.at,
            }
            for one in purged
        ]  # fmt: skip
        await self._database.write(
            lambda connection: connection.execute(_PURGED[connection.dialect.name], values)
        )

    async def still_open(self, tenant: str, numbers: Sequence[str]) -> Collection[str]:
        """`recordings.ports.EvidenceStore`."""
        query = select(ticket_states.c.number).where(
            ticket_states.c.tenant == tenant, ticket_states.c.number.in_(numbers),
            ticket_states.c.state.not_in(CLOSED),
        )  # fmt: skip
        return await self._database.read(lambda c: list(c.execute(query).scalars()))

    async def counts(self, tenant: str) -> dict[RecordingStatus, int]:
        """How many recordings there are of each status."""
        query = (
            select(recordings.c.status, func.count())
            .where(recordings.c.tenant == tenant)
            .group_by(recordings.c.status)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {RecordingStatus(status): count for status, count in rows}

    async def purge_log(self, *, limit: int = 100) -> Sequence[tuple[str, str, datetime]]:
        """The latest removals: tenant ("" when no row told), path and time."""
        query = (
            select(purges.c.tenant, purges.c.path, purges.c.purged_at)
            .order_by(purges.c.purged_at.desc(), purges.c.path)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [(row.tenant, row.path, row.purged_at) for row in rows]
