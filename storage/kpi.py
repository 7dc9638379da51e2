"""What happened to a tenant's tickets, counted in SQL: for the figures of `tickets.kpi_list`.

A ticket belongs to the day of its number, so a day is a range of every table's primary key: no
index is added for the figures, and events are read once for all groupings. A day is counted in
ranges of `CHUNK` tickets, so that no reading is long, and kept until it changes (`kpi_days`).

By unit each thing counts for whom it was about: a clock for its unit, a return for the unit that
asked, a citizen's word for the lead unit at that moment, the ticket itself for its lead unit now.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from storage.database import Database
from storage.kpi_days import dumped, keep, known_of, loaded
from storage.kpi_sql import COUNTS, statement
from storage.tables import ticket_counters
from tickets.kpi import By, Counted
from tickets.number import day_key, format_number
from tickets.periods import DAY, Period

CHUNK = 2_000
"""Tickets a reading: a tenth of a second, far from any deadline."""
MOST_DIGITS = 999_999
"""Numbers beyond have a digit more, and lie as texts among those before."""


async def ticket_counts(
    database: Database, tenant: str, period: Period, by: Collection[By], now: int
) -> AsyncIterator[tuple[date, Counted]]:
    """Each day that has tickets, in order; `now` (seconds since 1970) tells which open clocks are
    past due. Raises `StoreAway`."""
    wanted = tuple(dict.fromkeys(by))
    for day, n in await database.read(partial(_days, tenant=tenant, period=period)):
        known = partial(known_of, tenant=tenant, day=day, by=wanted, now=now)
        stamp, kept = await database.read(known)
        found = await asyncio.to_thread(loaded, kept)  # never in the loop that leads calls
        if missing := tuple(one for one in wanted if one not in kept):
            counted = await _counted(database, tenant, day, n, missing, now)
            rows = await asyncio.to_thread(dumped, tenant, day, stamp, missing, counted)
            await database.write(partial(keep, rows=rows), order=tenant)
            found |= counted
        yield day, found


async def _counted(
    database: Database, tenant: str, day: date, n: int, by: Sequence[By], now: int
) -> dict[tuple[By, str], dict[str, int]]:
    found: dict[tuple[By, str], dict[str, int]] = {}
    for begin, end in _ranges(day, n):
        rows = await database.read(
            partial(_chunk, tenant=tenant, begin=begin, end=end, by=by, now=now)
        )
        await asyncio.to_thread(_add, found, rows)
    return found


def _ranges(day: date, n: int) -> Iterator[tuple[str, str]]:
    """Ranges of numbers, as texts: together everything that begins with the day."""
    begin = day_key(day)
    for first in range(CHUNK + 1, min(n, MOST_DIGITS) + 1, CHUNK):
        end = format_number(day, first)
        yield begin, end
        begin = end
    yield begin, day_key(day + DAY)


def _days(connection: Connection, tenant: str, period: Period) -> Sequence[tuple[date, int]]:
    """Days that have tickets, and how many numbers were given."""
    names = {day_key(day): day for day in period.each_day()}
    counters = ticket_counters.c
    query = select(counters.day, counters.n).where(
        counters.tenant == tenant,
        counters.day >= min(names),
        counters.day <= max(names),
        counters.n > 0,
    )
    return sorted((names[row.day], row.n) for row in connection.execute(query) if row.day in names)


def _chunk(
    connection: Connection, tenant: str, begin: str, end: str, by: Sequence[By], now: int
) -> Sequence[Any]:
    query = statement(tuple(grouping.value for grouping in by))
    values = {"of_tenant": tenant, "begin_number": begin, "end_number": end, "at": now}
    return connection.execute(query, values).all()


def _add(found: dict[tuple[By, str], dict[str, int]], rows: Sequence[Any]) -> None:
    """PostgreSQL sums whole numbers to decimals. A key nothing was counted for isn't told of."""
    for row in rows:
        values = {name: int(n) for name, n in zip(COUNTS, row[2:], strict=True) if n}
        if values:
            counts = found.setdefault((By(row[0]), row[1]), {})
            for name, value in values.items():
                counts[name] = counts.get(name, 0) + value
