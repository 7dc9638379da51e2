"""Rows of figures: how counters are written and read."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Insert, Row, Table, delete, select

from queue_manager.counts import CALL_FIELDS, SEAT_SUMS, CallCounts, SeatCounts, quarter_start
from queue_manager.figure_book import CallKey
from queue_manager.figure_tail import Tailed, read_tail, wrap_up_of
from queue_manager.seat_times import SeatKey
from storage.database import Database
from storage.figure_tables import figure_tails, figure_wrap_ups
from storage.rows import DIALECTS, insert_once
from storage.tables import call_figures, figures_written, seat_figures

Mine = dict[str, str]
"""Tenant and node of a row."""
Mark = tuple[str, int]
"""A tail's file, and the number of its last line that is stored."""


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
_PUT_SEATS = _replacing(seat_figures, (*SEAT_SUMS, "pauses", "until_ms"))
_PUT_WRITTEN = _replacing(figures_written, ("counted_until",))
_PUT_TAIL = _replacing(figure_tails, ("file", "number"))
_CLAIM = {
    name: insert.returning(figure_wrap_ups.c.seat_id)
    for name, insert in insert_once(figure_wrap_ups).items()
}
CLAIMS_KEPT_MS = 86_400_000


def call_rows(mine: Mine, counted: Mapping[CallKey, CallCounts]) -> list[dict[str, Any]]:
    """Counters of callers as they are now."""
    return [
        {**mine, "dimension": dimension, "quarter": quarter_start(quarter), "key": key}
        | {name: getattr(counts, name) for name in CALL_FIELDS}
        for (quarter, dimension, key), counts in counted.items()
    ]


def seat_rows(
    mine: Mine, counted: Mapping[SeatKey, SeatCounts], until: Mapping[str, float] | None = None
) -> list[dict[str, Any]]:
    """Counters of seats as they are now, and up to when (epoch seconds) their time is in them."""
    until_ms = {seat_id: round(1000 * at_s) for seat_id, at_s in (until or {}).items()}
    return [
        {**mine, "quarter": quarter_start(quarter), "seat_id": seat_id}
        | {name: getattr(counts, name) for name in SEAT_SUMS}
        | {"pauses": dict(counts.pauses or {}), "until_ms": until_ms.get(seat_id)}
        for (quarter, seat_id), counts in counted.items()
    ]


def put_calls(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write rows of callers, in the place of those that are there."""
    if rows:
        connection.execute(_PUT_CALLS[connection.dialect.name], rows)


def put_seats(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Write rows of seats, in the place of those that are there."""
    if rows:
        connection.execute(_PUT_SEATS[connection.dialect.name], rows)


def put_written(connection: Connection, mine: Mine, until: datetime) -> None:
    """All that happened until a moment is stored."""
    written = {**mine, "counted_until": until}
    connection.execute(_PUT_WRITTEN[connection.dialect.name], written)


def put_mark(connection: Connection, mine: Mine, mark: Mark) -> None:
    """All lines of a tail up to a number are stored."""
    row = {**mine, "file": mark[0], "number": mark[1]}
    connection.execute(_PUT_TAIL[connection.dialect.name], row)


def calls_of(row: Row[Any]) -> CallCounts:
    """PostgreSQL sums whole numbers to decimals."""
    found = row._mapping
    return CallCounts(**{name: int(found[name]) for name in CALL_FIELDS})


def seats_of(row: Row[Any]) -> SeatCounts:
    """A seat's counters."""
    found = row._mapping
    counts = SeatCounts()
    for name in SEAT_SUMS:
        setattr(counts, name, int(found[name]))
    for reason, ms in found["pauses"].items():
        counts.pause(reason, int(ms))
    return counts


async def take_in(
    database: Database, tenant: str, node: str, file: str, lines: list[tuple[int, str]]
) -> Tailed:
    """Add what the tail of a dead engine of this node says and nobody has stored; each line once,
    however often this is done. What was added. Raises `StoreAway`."""
    mine = {"tenant": tenant, "node": node}
    last = max((number for number, _ in lines), default=0)

    def take(connection: Connection) -> Tailed:
        tails, written = figure_tails.c, figures_written.c
        stored = connection.execute(
            select(tails.number).where(
                tails.tenant == tenant, tails.node == node, tails.file == file
            )
        ).scalar()
        until = connection.execute(
            select(written.counted_until).where(written.tenant == tenant, written.node == node)
        ).scalar()
        after = stored or 0
        found = read_tail(_not_told(connection, tenant, lines, after), after, until)
        _add_calls(connection, mine, found)
        _add_seats(connection, mine, found)
        put_mark(connection, mine, (file, max(last, stored or 0)))
        return found

    return await database.write(take, order=tenant)


def claim_wrap_ups(
    connection: Connection, tenant: str, ended: Iterable[tuple[str, datetime]]
) -> list[bool]:
    """For each seat's wrap-up that began then, whether it is ours to count: nobody has told of it
    before. What is older than a day is forgotten."""
    won, newest_ms = [], 0
    for seat_id, began_at in ended:
        began_ms = round(began_at.timestamp() * 1000)
        row = {"tenant": tenant, "seat_id": seat_id, "began_ms": began_ms}
        won.append(connection.execute(_CLAIM[connection.dialect.name], row).first() is not None)
        newest_ms = max(newest_ms, began_ms)
    table = figure_wrap_ups.c
    old = (table.tenant == tenant) & (table.began_ms < newest_ms - CLAIMS_KEPT_MS)
    connection.execute(delete(figure_wrap_ups).where(old))
    return won


def _not_told(
    connection: Connection, tenant: str, lines: list[tuple[int, str]], after: int
) -> list[tuple[int, str]]:
    """The lines, as stored ones (number 0) those that another engine has counted: a seat's last
    wrap-up, if the live state still called it unended when that engine went on from there."""
    last: dict[str, tuple[int, datetime]] = {}
    for number, line in lines:
        ended = wrap_up_of(line) if number > after else None
        if ended is not None:
            last[ended[0]] = (number, ended[1])
    claims = [(seat_id, began_at) for seat_id, (_, began_at) in last.items()]
    ours = claim_wrap_ups(connection, tenant, claims)
    told = {number for (number, _), mine in zip(last.values(), ours, strict=True) if not mine}
    return [(0 if number in told else number, line) for number, line in lines]


def _add_calls(connection: Connection, mine: Mine, found: Tailed) -> None:
    table = call_figures.c
    sums: dict[CallKey, CallCounts] = {}
    for (quarter, dimension, key), counts in found.calls.items():
        row = connection.execute(
            select(call_figures).where(
                table.tenant == mine["tenant"], table.node == mine["node"],
                table.dimension == dimension.value, table.quarter == quarter_start(quarter),
                table.key == key,
            )
        ).first()  # fmt: skip
        total = sums[quarter, dimension, key] = CallCounts() if row is None else calls_of(row)
        total.add(counts)
    put_calls(connection, call_rows(mine, sums))


def _add_seats(connection: Connection, mine: Mine, found: Tailed) -> None:
    table = seat_figures.c
    sums: dict[SeatKey, SeatCounts] = {}
    until: dict[str, float] = {}
    for (quarter, seat_id), counts in found.seats.items():
        row = connection.execute(
            select(seat_figures).where(
                table.tenant == mine["tenant"], table.node == mine["node"],
                table.quarter == quarter_start(quarter), table.seat_id == seat_id,
            )
        ).first()  # fmt: skip
        total = sums[quarter, seat_id] = SeatCounts() if row is None else seats_of(row)
        total.add(counts)
        if row is not None and row.until_ms is not None:
            until[seat_id] = row.until_ms / 1000
    put_seats(connection, seat_rows(mine, sums, until))
