"""Figures of tickets and calls as lines for people and machines: JSON, CSV and tables.

Every figure is numerator, denominator and value, which is empty, never 0, when there is nothing to
divide by. Functions of values: no clock, no I/O.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from console.figures import BOM, Cell, safe
from tickets.kpi import By, Counts, Kpi, Measure, Share, ranking
from tickets.kpi_book import KpiBook
from tickets.kpi_list import KPIS, LEAST, RANKED_BY, TICKET_KPIS
from tickets.periods import Per, Period

WITH_CALLS = frozenset({By.ALL, By.LINE})
"""A call knows its line; neither unit, class, area nor kind."""
TOLD_TO_ALL = RANKED_BY
"""What units learn of each other: what they are ranked by."""


class KpiReader(Protocol):
    """Where figures are counted."""

    async def book(
        self, tenant: str, period: Period, now: datetime, by: Collection[By], per: Per = Per.WHOLE
    ) -> KpiBook:
        """Count a period by these groupings; raises `StoreAway`."""
        ...

    def names(self, tenant: str, by: By) -> Mapping[str, str]:
        """People's names by key."""
        ...


class NoKpis:
    """Nothing is counted: for consoles without a store."""

    async def book(
        self, tenant: str, period: Period, now: datetime, by: Collection[By], per: Per = Per.WHOLE
    ) -> KpiBook:
        return KpiBook(period, per, tuple(by))

    def names(self, tenant: str, by: By) -> Mapping[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one group in one part of the period. `place` is a unit's in the ranking;
    `before` and `year_before` what was counted of it then, None when that wasn't asked for."""

    period: Period
    key: str
    name: str
    counts: Counts
    place: int | None = None
    before: Counts | None = None
    year_before: Counts | None = None


def figures_of(by: By) -> Sequence[Kpi]:
    """The figures there are by this grouping."""
    return KPIS if by in WITH_CALLS else TICKET_KPIS


def lines_of(
    book: KpiBook,
    by: By,
    names: Mapping[str, str],
    *,
    before: KpiBook | None = None,
    year_before: KpiBook | None = None,
    least: int = LEAST,
) -> list[Line]:
    """Lines in order of time; units by their place, others by how much there is. Books to
    compare with are of the whole period."""
    then = before.groups(by) if before else None
    ago = year_before.groups(by) if year_before else None
    found = []
    for part, groups in book.parts(by).items():
        for place, key, counts in _ordered(by, groups, least):
            found.append(
                Line(
                    part, key, names.get(key, key), counts, place,
                    None if then is None else then.get(key, {}),
                    None if ago is None else ago.get(key, {}),
                )
            )  # fmt: skip
    return found


def _ordered(
    by: By, groups: Mapping[str, Counts], least: int
) -> Iterator[tuple[int | None, str, Counts]]:
    if by is By.ALL:
        yield None, "", groups.get("", {})
        return
    if by is not By.UNIT:
        order = sorted(groups, key=lambda key: (-_amount(groups[key]), key))
        yield from ((None, key, groups[key]) for key in order)
        return
    units = {key: counts for key, counts in groups.items() if key}
    yield from ((one.place, one.key, one.counts) for one in ranking(units, RANKED_BY, least))
    if "" in groups:  # what no unit was given: the centre's own
        yield None, "", groups[""]


def _amount(counts: Counts) -> int:
    """How much of it there is: tickets, or calls where there were more."""
    return max(counts.get("received", 0), counts.get("offered", 0))


def value(kpi: Kpi, share: Share) -> float | None:
    """A rate with four digits, a mean in seconds."""
    if share.rate is None:
        return None
    return round(share.rate / 1000 if kpi.measure is Measure.SECONDS else share.rate, 4)


def as_json(line: Line, kpis: Iterable[Kpi]) -> dict[str, Any]:
    """One line for machines."""
    told: dict[str, Any] = {
        "from": _day(line.period.first), "to": _day(line.period.last),
        "key": line.key, "name": line.name, "place": line.place,
        "counts": dict(sorted(line.counts.items())), "figures": {},
    }  # fmt: skip
    for kpi in kpis:
        figure = _told(kpi, line.counts)
        for name, then in (("before", line.before), ("year_before", line.year_before)):
            if then is not None:
                figure[name] = _told(kpi, then)
        told["figures"][kpi.id] = figure
    return told


def _told(kpi: Kpi, counts: Counts) -> dict[str, Any]:
    share = kpi.share(counts)
    return {
        "numerator": share.numerator,
        "denominator": share.denominator,
        "value": value(kpi, share),
    }


def described(kpi: Kpi) -> dict[str, Any]:
    """A figure's definition for machines."""
    return {
        "id": kpi.id, "name": kpi.name, "name_en": kpi.name_en, "numerator": kpi.numerator,
        "denominator": kpi.denominator, "formula": kpi.formula, "formula_en": kpi.formula_en,
        "measure": kpi.measure, "source": kpi.source,
        "targets": [target.text for target in kpi.targets],
    }  # fmt: skip


def csv_text(
    by: By, lines: Sequence[Line], kpis: Sequence[Kpi], *, compared: bool = False, bom: bool = False
) -> str:
    """All lines as CSV (RFC 4180), the first one says what is in them; texts that begin like a
    formula are made harmless."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    then: Counts | None = {} if compared else None
    some_day = Period(date(2001, 1, 1), date(2001, 1, 1))
    writer.writerow(_row(by, Line(some_day, "", "", {}, before=then, year_before=then), kpis))
    for line in lines:
        writer.writerow(safe(cell) for cell in _row(by, line, kpis).values())
    return (BOM if bom else "") + text.getvalue()


def _row(by: By, line: Line, kpis: Sequence[Kpi]) -> dict[str, Cell]:
    row: dict[str, Cell] = {"from": _day(line.period.first), "to": _day(line.period.last)}
    if by is not By.ALL:
        row |= {by.value: line.key, "name": line.name}
    if by is By.UNIT:
        row["place"] = line.place
    row["received"] = line.counts.get("received", 0)
    compared = (("", line.counts), ("_before", line.before), ("_year_before", line.year_before))
    for kpi in kpis:
        for suffix, counts in compared:
            if counts is not None:
                for name, cell in _told(kpi, counts).items():
                    row[f"{kpi.id}{suffix}_{name}" if name != "value" else kpi.id + suffix] = cell
    return row


def _day(day: date) -> str:
    return day.isoformat()


def spoken(kpi: Kpi, share: Share) -> str:
    """For people: `98.6 %`, `12.3 s`, or a dash."""
    if share.rate is None:
        return "—"
    seconds = kpi.measure is Measure.SECONDS
    return f"{share.rate / 1000:.1f} s" if seconds else f"{share.rate * 100:.1f} %"
