"""Units' inboxes: written with the events that tell a unit something, read and acknowledged."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from storage.database import Database
from storage.desk_tables import unit_notices
from storage.prepared import Prepared
from storage.rows import DIALECTS
from tickets.calendar import moment, seconds
from tickets.desk_values import Notice
from tickets.life import Life, Told
from tickets.notices import notices_of

_OURS = unit_notices.c
_PUT = Prepared(dict.fromkeys(DIALECTS, insert(unit_notices)))


def keep_notices(connection: Connection, tenant: str, kept: Sequence[tuple[Life, Told]]) -> None:
    """What these events tell units."""
    rows = [
        {
            "tenant": tenant, "unit": unit, "number": life.number, "seq": life.seq,
            "message": message, "at": seconds(told.at), "seen_at": 0, "seen_by": "",
        }
        for life, told in kept
        for unit, message in notices_of(life, told)
    ]  # fmt: skip
    _PUT.run_many(connection, rows)


class SqlNotices:
    """Inboxes on a `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(
        self, tenant: str, unit: str, *, open_only: bool = False, limit: int = 50, before: int = 0
    ) -> Sequence[Notice]:
        """A unit's notices, the newest first, those with ids below `before` when it is named."""
        query = select(unit_notices).where(_OURS.tenant == tenant, _OURS.unit == unit)
        if open_only:
            query = query.where(_OURS.seen_at == 0)
        if before:
            query = query.where(_OURS.id < before)
        query = query.order_by(_OURS.id.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            Notice(
                row.id, row.unit, row.number, row.seq, row.message, moment(row.at),
                moment(row.seen_at) if row.seen_at else None, row.seen_by,
            )
            for row in rows
        ]  # fmt: skip

    async def acknowledge(
        self, tenant: str, unit: str, notice: int, *, by: str, at: datetime
    ) -> bool:
        """Somebody of the unit has seen it, the first time counts; False: there is no such."""
        which = (_OURS.tenant == tenant, _OURS.unit == unit, _OURS.id == notice)

        def run(connection: Connection) -> bool:
            seen = update(unit_notices).where(*which, _OURS.seen_at == 0)
            connection.execute(seen.values(seen_at=seconds(at), seen_by=by))
            return connection.execute(select(_OURS.id).where(*which)).first() is not None

        return await self._database.write(run, order=tenant)
