"""Words of spoken requests whose time is over: rows with what was asked and answered, and
transcripts. The tickets stay, and so does their history, which tells what they were made of.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    cast,
    delete,
    func,
    literal,
    select,
    tuple_,
)

from recordings.model import KeptWords, Purged
from storage.database import Database
from storage.rows import insert_once
from storage.spoken import spoken_requests
from storage.tables import purges
from storage.transcripts import transcripts

_PURGED = insert_once(purges)
_OF: tuple[tuple[Table, str, str, Callable[[Any], ColumnElement[int]]], ...] = (
    (spoken_requests, "number", "made_at", lambda c: _size(c.answers) + _size(c.text)),
    (transcripts, "path", "recorded_at", lambda c: _size(c.words)),
)
"""A table, the name of its row within the tenant, when it was said, and how much it is."""


class SqlSpokenWords:
    """`recordings.ports.SpokenWords` on a `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def said_before(self, before: datetime, *, limit: int) -> Sequence[KeptWords]:
        """The oldest of what was said before a time."""
        found = await self._database.read(lambda c: list(_said_before(c, before, limit)))
        return sorted(found, key=lambda one: (one.said_at, one.path))[:limit]

    async def purge(self, purged: Sequence[Purged]) -> None:
        """Log their removal and remove them, both or neither."""
        await self._database.write(lambda connection: _purge(connection, purged))


def _said_before(connection: Connection, before: datetime, limit: int) -> Iterator[KeptWords]:
    for table, name, said_at, size in _OF:
        at = table.c[said_at]
        query = (
            select(
                (literal(f"{table.name}/") + table.c.tenant + "/" + table.c[name]).label("path"),
                at.label("said_at"), size(table.c).label("size"),
            )
            .where(at < before)
            .order_by(at)
            .limit(limit)
        )  # fmt: skip
        for row in connection.execute(query):
            yield KeptWords(row.path, row.said_at, row.size)


def _purge(connection: Connection, purged: Sequence[Purged]) -> None:
    connection.execute(_PURGED[connection.dialect.name], [_logged(one) for one in purged])
    for table, name, *_ in _OF:
        keys = [
            (tenant, key)
            for kept_in, tenant, key in (one.path.split("/", 2) for one in purged)
            if kept_in == table.name
        ]
        if keys:
            ours = tuple_(table.c.tenant, table.c[name])
            connection.execute(delete(table).where(ours.in_(keys)))


def _logged(one: Purged) -> dict[str, Any]:
    return {
        "tenant": one.path.split("/", 2)[1], "path": one.path, "kind": one.kind, "day": one.day,
        "bytes": one.size_bytes, "kept_days": one.kept_days, "purged_at": one.at,
    }  # fmt: skip


def _size(column: Any) -> ColumnElement[int]:
    return func.length(cast(column, Text))
