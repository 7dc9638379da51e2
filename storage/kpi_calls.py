"""Calls of a tenant by line, a local day at a time, for the figures of `tickets.kpi_list`."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime, time, tzinfo
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select

from queue_manager.cells import Dimension
from storage.database import Database
from storage.tables import call_figures
from tickets.kpi import Counts
from tickets.periods import DAY, Period

_SUMMED = (
    "offered", "answered", "answered_in_time", "abandoned", "abandoned_short", "waits", "wait_ms",
    "menu_ms", "talks", "talk_ms", "wrap_ups", "wrap_up_ms",
)  # fmt: skip


async def call_counts(
    database: Database, tenant: str, period: Period, zone: tzinfo
) -> AsyncIterator[tuple[date, Mapping[str, Counts]]]:
    """What was counted by line on each day that has calls, in order; raises `StoreAway`."""
    for day in period.each_day():
        begin, end = (datetime.combine(one, time(), zone) for one in (day, day + DAY))
        rows = await database.read(partial(_lines, tenant=tenant, begin=begin, end=end))
        if found := {row.key: _counts(row) for row in rows}:
            yield day, found


def _lines(connection: Connection, tenant: str, begin: datetime, end: datetime) -> Sequence[Any]:
    figures = call_figures.c
    sums = [func.sum(figures[name]).label(name) for name in _SUMMED]
    query = (
        select(figures.key, *sums)
        .where(figures.tenant == tenant, figures.dimension == Dimension.LINE.value)
        .where(figures.quarter >= begin, figures.quarter < end)
        .group_by(figures.key)
    )
    return connection.execute(query).all()


def _counts(row: Any) -> dict[str, int]:
    """A correction between engines is never shown as less than 0."""
    told = {name: max(0, int(getattr(row, name))) for name in _SUMMED}
    short = min(told["abandoned_short"], told["abandoned"])
    return {
        "offered": told["offered"],
        "answered": told["answered"],
        "answered_in_time": told["answered_in_time"],
        "abandoned": told["abandoned"],
        "abandoned_long": told["abandoned"] - short,
        "offered_long": max(0, told["offered"] - short),
        "waits": told["waits"],
        "wait_ms": told["wait_ms"],
        "wait_with_menu_ms": told["wait_ms"] + told["menu_ms"],
        "talks": told["talks"],
        "handling_ms": told["talk_ms"] + told["wrap_up_ms"],
        "wrap_ups": told["wrap_ups"],
        "wrap_up_ms": told["wrap_up_ms"],
    }
