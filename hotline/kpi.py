"""Figures of tickets and calls together, read from SQL, with people's names for their groups."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from hotline.unit_files import UnitBook
from ivr.lines import Lines
from storage.database import Database
from storage.kpi import ticket_counts
from storage.kpi_calls import call_counts
from tickets.calendar import seconds
from tickets.kpi import By
from tickets.kpi_book import KpiBook
from tickets.model import Kind
from tickets.periods import Per, Period
from tickets.understanding.rules import load_rules
from tickets.understanding.understand import HERE, Context

KINDS = {
    Kind.CONSULTATION: "咨询", Kind.COMPLAINT: "投诉", Kind.HELP: "求助", Kind.SUGGESTION: "建议",
    Kind.REPORT: "举报", Kind.PRAISE: "表扬",
}  # fmt: skip


REST = 1.0
"""An engine that counts leaves as much time again to its calls."""


async def gather(
    database: Database,
    tenant: str,
    zone: ZoneInfo,
    period: Period,
    now: datetime,
    *,
    by: Collection[By] = (By.ALL,),
    per: Per = Per.WHOLE,
    rest: float = 0.0,
) -> KpiBook:
    """Count a period. `rest`: after each day so many times what it took is left to others, since
    an engine that counts also leads calls. Raises `StoreAway`."""
    groupings = tuple(dict.fromkeys((By.ALL, *by)))
    book = KpiBook(period, per, groupings)
    began = time.monotonic()
    async for day, counted in ticket_counts(database, tenant, period, groupings, seconds(now)):
        await asyncio.to_thread(book.take_tickets, day, counted)
        if rest:
            await asyncio.sleep((time.monotonic() - began) * rest)
            began = time.monotonic()
    async for day, lines in call_counts(database, tenant, period, zone):
        book.take_calls(day, lines)
    return book


class KpiNames:
    """People's names of units, classes, areas, lines and kinds, by what is counted by."""

    def __init__(
        self,
        units: UnitBook,
        lines: Callable[[str], Mapping[str, str]],
        understanding: Context = HERE,
    ) -> None:
        """`lines` gives the names of a tenant's lines by id."""
        self._units = units
        self._lines = lines
        self._understanding = understanding

    def of(self, tenant: str, by: By) -> Mapping[str, str]:
        """Names by key; a key without one is shown as it is."""
        match by:
            case By.UNIT:
                return {unit.id: unit.name for unit in self._units.of(tenant).units}
            case By.CLASS:
                return self._classes()
            case By.AREA:
                return {one.code: one.name for one in self._units.of(tenant).divisions}
            case By.LINE:
                return self._lines(tenant)
            case By.KIND:
                return {kind.value: name for kind, name in KINDS.items()}
            case _:
                return {}

    def _classes(self) -> Mapping[str, str]:
        """Leaves, the groups they are in and the domains above, each by its code."""
        found: dict[str, str] = {}
        for leaf in load_rules(self._understanding.rules).classes.leaves:
            for digits, name in zip((2, 4, 6), leaf.path, strict=True):
                found[leaf.code[:digits]] = name
        return found


def line_names(lines: Lines, tenant: str) -> Mapping[str, str]:
    """The names of a tenant's lines by id."""
    return {line.id: line.name for line in lines.of(tenant)}


class StoredKpis:
    """`console.kpi.KpiReader` on SQL: one count at a time, half of the time left to others."""

    def __init__(self, database: Database, names: KpiNames, zones: Mapping[str, ZoneInfo]) -> None:
        self._database = database
        self._names = names
        self._zones = zones
        self._turn = asyncio.Lock()

    async def book(
        self, tenant: str, period: Period, now: datetime, by: Collection[By], per: Per = Per.WHOLE
    ) -> KpiBook:
        async with self._turn:
            zone = self._zones[tenant]
            return await gather(
                self._database, tenant, zone, period, now, by=by, per=per, rest=REST
            )

    def names(self, tenant: str, by: By) -> Mapping[str, str]:
        return self._names.of(tenant, by)
