"""What was counted of a day's tickets, kept until one of them changes (decision 0318).

A day's **stamp** tells its tickets apart from what they were: each event raises its ticket's
version, and a due date that is counted anew moves the sum of open ones. Read before the counting,
it is at worst too old: then the day is counted once more. `until` is when the next open clock
becomes overdue, which no event tells. Nothing is written with the events themselves.
"""

import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, case, func, literal_column, select

from storage.clock_tables import clock_bases, ticket_clocks
from storage.kpi_sql import statement
from storage.kpi_tables import kpi_days
from storage.life_tables import ticket_states
from storage.rows import DIALECTS
from tickets.kpi import By, Counted
from tickets.number import day_key
from tickets.periods import DAY

_OURS = kpi_days.c
_OPEN = literal_column("0", BigInteger)
"""Written out, as in the index of open clocks: a prepared plan finds it by no parameter."""
_KEEP = {
    name: (put := insert(kpi_days)).on_conflict_do_update(
        index_elements=["tenant", "day", "grouping"],
        set_={
            one: put.excluded[one] for one in ("stamp", "counted_at", "until", "counts")
        },
    )
    for name, insert in DIALECTS.items()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DayStamp:
    """What a day's tickets are like at a moment, and when the next of their clocks is overdue."""

    text: str
    at: int
    until: int


@cache
def _definition() -> str:
    """Of the statement that counts: another one counts anew."""
    return sha256(str(statement(tuple(by.value for by in By))).encode()).hexdigest()[:12]


def known_of(
    connection: Connection, tenant: str, day: date, by: Sequence[By], now: int
) -> tuple[DayStamp, Mapping[By, bytes]]:
    """The day's stamp, and what is kept that still holds."""
    stamp = _stamp(connection, tenant, day, now)
    query = select(_OURS.grouping, _OURS.counts).where(
        _OURS.tenant == tenant, _OURS.day == day_key(day),
        _OURS.grouping.in_([one.value for one in by]),
        _OURS.stamp == stamp.text, _OURS.counted_at <= now,
        (_OURS.until == 0) | (_OURS.until >= now),
    )  # fmt: skip
    return stamp, {By(row.grouping): row.counts for row in connection.execute(query)}


def keep(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep what was counted (`dumped`) instead of what was kept before."""
    connection.execute(_KEEP[connection.dialect.name], list(rows))


def dumped(
    tenant: str, day: date, stamp: DayStamp, by: Collection[By], counted: Counted
) -> list[dict[str, Any]]:
    """A row for each grouping, those with nothing too."""
    groups: dict[By, dict[str, Any]] = {one: {} for one in by}
    for (one, key), counts in counted.items():
        groups[one][key] = counts
    return [
        {
            "tenant": tenant, "day": day_key(day), "grouping": one.value, "stamp": stamp.text,
            "counted_at": stamp.at, "until": stamp.until,
            "counts": zlib.compress(json.dumps(found, ensure_ascii=False).encode()),
        }
        for one, found in groups.items()
    ]  # fmt: skip


def loaded(kept: Mapping[By, bytes]) -> dict[tuple[By, str], dict[str, int]]:
    """`dumped`, back."""
    return {
        (by, key): counts
        for by, blob in kept.items()
        for key, counts in json.loads(zlib.decompress(blob)).items()
    }


def _stamp(connection: Connection, tenant: str, day: date, now: int) -> DayStamp:
    states, clocks = ticket_states.c, ticket_clocks.c
    lived = select(func.count(), func.sum(states.version)).where(*_of(states, tenant, day))
    coming = func.min(case((clocks.due >= now, clocks.due)))
    running = select(func.count(), func.sum(clocks.due), coming).where(
        *_of(clocks, tenant, day), clocks.stopped_at == _OPEN
    )
    basis = select(clock_bases.c.basis, clock_bases.c.upto).where(clock_bases.c.tenant == tenant)
    tickets, versions = connection.execute(lived).one()
    open_, dues, until = connection.execute(running).one()
    told = connection.execute(basis).first() or ("", "")
    parts = (_definition(), *told, tickets, versions or 0, open_, dues or 0)
    return DayStamp("/".join(map(str, parts)), now, until or 0)


def _of(columns: Any, tenant: str, day: date) -> tuple[ColumnElement[bool], ...]:
    first, end = day_key(day), day_key(day + DAY)
    return columns.tenant == tenant, columns.number >= first, columns.number < end
