"""Figures in SQL: what each engine counted per quarter of an hour, in absolute numbers.

A row belongs to one engine (`node`) and is replaced whenever that engine knows better, so writing
it again does no harm, and what several engines counted adds up.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Row, Table, func, select, tuple_

from queue_manager.cells import Dimension, Key
from queue_manager.counts import (
    CALL_FIELDS,
    SEAT_SUMS,
    CallCounts,
    SeatCounts,
    quarter_of,
    quarter_start,
)
from queue_manager.figure_book import CallKey, Stored, oldest_of
from queue_manager.seat_times import SeatKey
from storage.database import Database
from storage.rows import DIALECTS
from storage.tables import call_figures, figures_written, seat_figures

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a report: `key` is the queue, line, skill or seat, `quarter` when it began."""

    quarter: datetime
    key: str
    counts: CallCounts | SeatCounts


def _replacing(table: Table, names: Iterable[str]) -> dict[str, Insert]:
    """By dialect: an INSERT that takes the place of the row that is there."""
    made: dict[str, Insert] = {}
    keys = [column.name for column in table.primary_key]
    for dialect, insert in DIALECTS.items():
        statement = insert(table)
        made[dialect] = statement.on_conflict_do_update(
            index_elements=keys, set_={name: statement.excluded[name] for name in names}
        )
    return made


_PUT_CALLS = _replacing(call_figures, CALL_FIELDS)
_PUT_SEATS = _replacing(seat_figures, (*SEAT_SUMS, "pauses"))
_PUT_WRITTEN = _replacing(figures_written, ("counted_until",))


class SqlFigures:
    """Reads everybody's figures, writes those of `node`."""

    def __init__(self, database: Database, node: str) -> None:
        self._database = database
        self._node = node

    async def write_calls(
        self, tenant: str, counted: Mapping[CallKey, CallCounts], until: datetime
    ) -> None:
        """Store what calls were counted, and that all that happened until a moment is in it or
        stored already. They are taken as they are now. Raises `StoreAway`."""
        mine = {"tenant": tenant, "node": self._node}
        rows = [
            {**mine, "dimension": dimension, "quarter": quarter_start(quarter), "key": key}
            | {name: getattr(counts, name) for name in CALL_FIELDS}
            for (quarter, dimension, key), counts in counted.items()
        ]
        written = {**mine, "counted_until": until}

        def put(connection: Connection) -> None:
            dialect = connection.dialect.name
            if rows:
                connection.execute(_PUT_CALLS[dialect], rows)
            connection.execute(_PUT_WRITTEN[dialect], written)

        await self._database.write(put, order=tenant)

    async def write_seats(self, tenant: str, counted: Mapping[SeatKey, SeatCounts]) -> None:
        """Store seats' figures as they are now. Raises `StoreAway`."""
        rows = [
            {"tenant": tenant, "node": self._node}
            | {"quarter": quarter_start(quarter), "seat_id": seat_id}
            | {name: getattr(counts, name) for name in SEAT_SUMS}
            | {"pauses": dict(counts.pauses or {})}
            for (quarter, seat_id), counts in counted.items()
        ]

        def put(connection: Connection) -> None:
            connection.execute(_PUT_SEATS[connection.dialect.name], rows)

        await self._database.write(put, order=tenant)

    async def load(self, tenant: str, *, began_at: datetime, midnight: datetime) -> Stored:
        """What an engine that began at a moment goes on from: the quarters that something may
        still happen to, and sums of the day that began at `midnight`. Raises `StoreAway`."""
        return await self._database.read(
            lambda connection: self._load(connection, tenant, began_at, midnight)
        )

    def _load(
        self, connection: Connection, tenant: str, began_at: datetime, midnight: datetime
    ) -> Stored:
        figures = call_figures.c
        until: datetime | None = connection.execute(
            select(func.max(figures_written.c.counted_until)).where(
                figures_written.c.tenant == tenant
            )
        ).scalar()
        oldest = oldest_of(began_at, until)
        own: dict[CallKey, CallCounts] = {}
        others: dict[CallKey, CallCounts] = {}
        every = [dimension.value for dimension in Dimension]
        query = select(call_figures).where(
            figures.tenant == tenant,
            figures.dimension.in_(every),
            figures.quarter >= quarter_start(oldest),
        )
        for row in connection.execute(query):
            book = own if row.node == self._node else others
            key = (quarter_of(row.quarter), Dimension(row.dimension), row.key)
            _into(book, key, _calls_of(row))
        return Stored(
            until,
            own,
            others,
            _sums_of_day(connection, tenant, every, midnight),
            _quarters_of_day(connection, tenant, midnight),
            self._seats_since(connection, tenant, quarter_start(quarter_of(began_at) - 1)),
            oldest,
        )

    def _seats_since(
        self, connection: Connection, tenant: str, since: datetime
    ) -> dict[SeatKey, SeatCounts]:
        seats = seat_figures.c
        query = select(seat_figures).where(
            seats.tenant == tenant, seats.quarter >= since, seats.node == self._node
        )
        rows = connection.execute(query)
        return {(quarter_of(row.quarter), row.seat_id): _seats_of(row) for row in rows}

    async def read(
        self, tenant: str, by: Dimension | None, begin: datetime, end: datetime
    ) -> AsyncIterator[Figure]:
        """Quarters that begin in [begin, end), in order of time and key, all engines together;
        by seat when `by` is None. Reads in pages; raises `StoreAway` at any of them."""
        table = seat_figures if by is None else call_figures
        name = table.c.seat_id if by is None else table.c.key
        mine = (table.c.tenant == tenant) & (table.c.quarter >= begin) & (table.c.quarter < end)
        if by is not None:
            mine &= call_figures.c.dimension == by.value
        place = (table.c.quarter, name, table.c.node)
        before: Figure | None = None
        after: ColumnElement[bool] | None = None
        while True:
            query = select(table).where(mine).order_by(*place).limit(PAGE)
            if after is not None:
                query = query.where(after)
            rows = await self._rows(query)
            for row in rows:
                key = row.seat_id if by is None else row.key
                if before is not None and (before.quarter, before.key) == (row.quarter, key):
                    _add(before.counts, row)
                    continue
                if before is not None:
                    yield before
                before = Figure(row.quarter, key, _seats_of(row) if by is None else _calls_of(row))
            if len(rows) < PAGE:
                break
            last = rows[-1]
            key = last.seat_id if by is None else last.key
            after = tuple_(*place) > tuple_(last.quarter, key, last.node)
        if before is not None:
            yield before

    async def _rows(self, query: Any) -> list[Row[Any]]:
        return await self._database.read(lambda connection: list(connection.execute(query).all()))


def _sums_of_day(
    connection: Connection, tenant: str, dimensions: list[str], midnight: datetime
) -> dict[Key, CallCounts]:
    figures = call_figures.c
    query = (
        select(figures.dimension, figures.key, *_summed())
        .where(
            figures.tenant == tenant,
            figures.dimension.in_(dimensions),
            figures.quarter >= midnight,
        )
        .group_by(figures.dimension, figures.key)
    )
    rows = connection.execute(query)
    return {(Dimension(row.dimension), row.key): _calls_of(row) for row in rows}


def _quarters_of_day(
    connection: Connection, tenant: str, midnight: datetime
) -> dict[int, CallCounts]:
    """The tenant as a whole: each call has one line."""
    figures = call_figures.c
    query = (
        select(figures.quarter, *_summed())
        .where(
            figures.tenant == tenant,
            figures.dimension == Dimension.LINE.value,
            figures.quarter >= midnight,
        )
        .group_by(figures.quarter)
    )
    return {quarter_of(row.quarter): _calls_of(row) for row in connection.execute(query)}


def _summed() -> list[ColumnElement[Any]]:
    return [
        (func.max if name == "longest_ms" else func.sum)(call_figures.c[name]).label(name)
        for name in CALL_FIELDS
    ]


def _calls_of(row: Row[Any]) -> CallCounts:
    """PostgreSQL sums whole numbers to decimals."""
    found = row._mapping
    return CallCounts(**{name: int(found[name]) for name in CALL_FIELDS})


def _seats_of(row: Row[Any]) -> SeatCounts:
    found = row._mapping
    counts = SeatCounts()
    for name in SEAT_SUMS:
        setattr(counts, name, int(found[name]))
    for reason, ms in found["pauses"].items():
        counts.pause(reason, int(ms))
    return counts


def _add(counts: CallCounts | SeatCounts, row: Row[Any]) -> None:
    if isinstance(counts, SeatCounts):
        counts.add(_seats_of(row))
    else:
        counts.add(_calls_of(row))


def _into(book: dict[CallKey, CallCounts], key: CallKey, counts: CallCounts) -> None:
    known = book.get(key)
    if known is None:
        book[key] = counts
    else:
        known.add(counts)
