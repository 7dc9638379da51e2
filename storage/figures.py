"""Figures in SQL: what each engine counted per quarter of an hour, in absolute numbers.

A row belongs to one engine (`node`) and is replaced whenever that engine knows better, so writing
it again does no harm, and what several engines counted adds up.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, tuple_

from queue_manager.cells import Dimension, Key
from queue_manager.counts import (
    CALL_FIELDS,
    CallCounts,
    Figure,
    SeatCounts,
    quarter_of,
    quarter_start,
)
from queue_manager.figure_book import CallKey, Stored, oldest_of
from queue_manager.figure_tail import Tailed
from queue_manager.seat_times import SeatKey
from storage.database import Database
from storage.figure_rows import (
    Mark,
    call_rows,
    calls_of,
    claim_wrap_ups,
    put_calls,
    put_mark,
    put_seats,
    put_written,
    seat_rows,
    seats_of,
    take_in,
)
from storage.tables import call_figures, figures_written, seat_figures

PAGE = 1000


class SqlFigures:
    """Reads everybody's figures, writes those of `node`."""

    def __init__(self, database: Database, node: str) -> None:
        self._database = database
        self._node = node

    async def write_calls(
        self,
        tenant: str,
        counted: Mapping[CallKey, CallCounts],
        until: datetime,
        seats: Mapping[SeatKey, SeatCounts] | None = None,
        seats_until: Mapping[str, float] | None = None,
        mark: Mark | None = None,
    ) -> None:
        """Store what calls were counted (and some seats), and that all that happened until a
        moment, and all of a tail up to its `mark`, is in it or stored already. They are taken as
        they are now. Raises `StoreAway`."""
        mine = {"tenant": tenant, "node": self._node}
        rows = call_rows(mine, counted)
        of_seats = seat_rows(mine, seats or {}, seats_until)

        def put(connection: Connection) -> None:
            put_calls(connection, rows)
            put_seats(connection, of_seats)
            put_written(connection, mine, until)
            if mark is not None:
                put_mark(connection, mine, mark)

        await self._database.write(put, order=tenant)

    async def write_seats(
        self,
        tenant: str,
        counted: Mapping[SeatKey, SeatCounts],
        until: Mapping[str, float] | None = None,
    ) -> None:
        """Store seats' figures as they are now, and up to when (epoch seconds) each seat's time is
        in them. Raises `StoreAway`."""
        rows = seat_rows({"tenant": tenant, "node": self._node}, counted, until)
        await self._database.write(lambda connection: put_seats(connection, rows), order=tenant)

    async def take_in(self, tenant: str, file: str, lines: list[tuple[int, str]]) -> Tailed:
        """Add what the tail of an engine that counted here before us says; see `figure_rows`."""
        return await take_in(self._database, tenant, self._node, file, lines)

    async def claim_wrap_ups(
        self, tenant: str, ended: Sequence[tuple[str, datetime]]
    ) -> list[bool]:
        """Which wrap-ups nobody has told of before; see `figure_rows`. Raises `StoreAway`."""
        return await self._database.write(
            lambda connection: claim_wrap_ups(connection, tenant, ended), order=tenant
        )

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
            _into(book, key, calls_of(row))
        return Stored(
            until,
            own,
            others,
            _sums_of_day(connection, tenant, every, midnight),
            _quarters_of_day(connection, tenant, midnight),
            self._seats_since(connection, tenant, quarter_start(quarter_of(began_at) - 1)),
            _seats_until(connection, tenant, quarter_start(quarter_of(began_at) - 1)),
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
        return {(quarter_of(row.quarter), row.seat_id): seats_of(row) for row in rows}

    async def pages(
        self, tenant: str, by: Dimension | None, begin: datetime, end: datetime
    ) -> AsyncIterator[Sequence[Figure]]:
        """Quarters that begin in [begin, end), in order of time and key, all engines together;
        by seat when `by` is None. Raises `StoreAway` at any page. What a page costs is paid in
        the reading thread."""
        table = seat_figures if by is None else call_figures
        name = table.c.seat_id if by is None else table.c.key
        place = (table.c.quarter, name, table.c.node)
        mine = (table.c.tenant == tenant) & (table.c.quarter >= begin) & (table.c.quarter < end)
        if by is not None:
            mine &= call_figures.c.dimension == by.value
        query = select(table).where(mine).order_by(*place).limit(PAGE)
        after: tuple[Any, ...] | None = None
        torn: Figure | None = None
        while True:
            asked = query if after is None else query.where(tuple_(*place) > tuple_(*after))
            found, after = await self._database.read(partial(_page, asked, torn))
            if after is None:
                break
            torn = found.pop()
            if found:
                yield found
        if found:
            yield found


def _seats_until(connection: Connection, tenant: str, since: datetime) -> dict[str, float]:
    """Up to when each seat's time is stored, whichever engine did it."""
    seats = seat_figures.c
    query = (
        select(seats.seat_id, func.max(seats.until_ms).label("until_ms"))
        .where(seats.tenant == tenant, seats.quarter >= since, seats.until_ms.is_not(None))
        .group_by(seats.seat_id)
    )
    return {row.seat_id: row.until_ms / 1000 for row in connection.execute(query)}


def _page(
    query: Select[Any], torn: Figure | None, connection: Connection
) -> tuple[list[Figure], tuple[Any, ...] | None]:
    """Rows of one key and quarter made one, beginning with what the page before left over; and
    where the next page goes on, None at the end."""
    found = [] if torn is None else [torn]
    rows = connection.execute(query).all()
    for row in rows:
        figure = _figure_of(row)
        if found and (found[-1].begins, found[-1].key) == (figure.begins, figure.key):
            found[-1].add(figure)
        else:
            found.append(figure)
    if len(rows) < PAGE:
        return found, None
    return found, (rows[-1].quarter, found[-1].key, rows[-1].node)


def _figure_of(row: Row[Any]) -> Figure:
    if "seat_id" in row._mapping:
        return Figure(row.quarter, row.seat_id, seats_of(row))
    return Figure(row.quarter, row.key, calls_of(row))


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
    return {(Dimension(row.dimension), row.key): calls_of(row) for row in rows}


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
    return {quarter_of(row.quarter): calls_of(row) for row in connection.execute(query)}


def _summed() -> list[ColumnElement[Any]]:
    return [
        (func.max if name == "longest_ms" else func.sum)(call_figures.c[name]).label(name)
        for name in CALL_FIELDS
    ]


def _into(book: dict[CallKey, CallCounts], key: CallKey, counts: CallCounts) -> None:
    known = book.get(key)
    if known is None:
        book[key] = counts
    else:
        known.add(counts)
