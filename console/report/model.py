"""What the monthly report says, as values: made of what was counted, rendered by `page`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.kpi import Line, lines_of, spoken
from console.report import charts
from console.report.charts import Bar, DayBar
from tickets.kpi import By, Change, Counts, Kpi, Measure, Share
from tickets.kpi_book import KpiBook
from tickets.kpi_list import (
    BY_ID,
    CALL_COUNTS,
    CALL_KPIS,
    LEAST,
    OUTCOMES,
    THREE_RATES,
    TICKET_COUNTS,
    TICKET_KPIS,
)

BY = (By.ALL, By.UNIT, By.CLASS, By.AREA, By.LINE, By.KIND, By.HEAT)
"""What a report has to be counted by."""
MOST_CLASSES, MOST_UNITS, MOST_AREAS, MOST_LINES = 20, 40, 24, 30
UNKNOWN = "未填 not told"
CENTRE = "热线中心(未派单) the centre"
ON_TIME, SATISFIED, CLOSED = (BY_ID[n] for n in ("finished_in_time", "satisfied", "closed"))
RETURNED = BY_ID["returned"]
WORDS = {**TICKET_COUNTS, **CALL_COUNTS}


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything a report is made of. `before` and `year_before` may have nothing stored."""

    tenant: str
    book: KpiBook
    before: KpiBook
    year_before: KpiBook
    names: Mapping[By, Mapping[str, str]]
    as_of: datetime
    service_level_s: int = 15
    least: int = LEAST


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A figure as it is printed. `missed` is True below its limit, False at or above, None where
    there is none or nothing to be measured by."""

    kpi: Kpi
    value: str
    numbers: str
    before: str
    year_before: str
    missed: bool | None


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """A part of what was received."""

    name: str
    words: str
    count: int
    share: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A unit, line or kind as it is printed: its place ("" without one) and its figures."""

    place: str
    name: str
    received: int
    cells: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class MonthReport:
    """The whole report; a chart that would have nothing to show is ""."""

    tenant: str
    title: str
    as_of: str
    unfinished: bool
    has_tickets: bool
    has_calls: bool
    missing_days: str
    missing_calls: str
    compared: str
    received: int
    outcomes: Sequence[OutcomeRow]
    calls: Sequence[FigureRow]
    three: Sequence[FigureRow]
    tickets: Sequence[FigureRow]
    trend: str
    classes: str
    classes_more: int
    on_time: str
    satisfaction: str
    units_more: int
    units: Sequence[GroupRow]
    least: int
    heat: str
    lines: Sequence[GroupRow]
    kinds: Sequence[GroupRow]
    service_level_s: int
    definitions: Sequence[tuple[Kpi, tuple[str, str], tuple[str, str]]]


def month_report(asked: Asked) -> MonthReport:
    """Put it together."""
    book, whole = asked.book, asked.book.whole
    units = [line for line in _lines(asked, By.UNIT) if line.key]
    classes = _lines(asked, By.CLASS)
    return MonthReport(
        tenant=asked.tenant,
        title=book.period.text,
        as_of=asked.as_of.strftime("%Y-%m-%d %H:%M"),
        unfinished=book.period.last >= asked.as_of.date(),
        has_tickets=bool(book.tickets_on),
        has_calls=bool(book.calls_on),
        missing_days=_missing(book, asked.as_of, tickets=True),
        missing_calls=_missing(book, asked.as_of, tickets=False),
        compared=f"{asked.before.period.text} / {asked.year_before.period.text}",
        received=whole.get("received", 0),
        outcomes=_outcomes(whole),
        calls=_rows(CALL_KPIS, asked) if book.calls_on else (),
        three=_rows(THREE_RATES, asked) if book.tickets_on else (),
        tickets=_rows(_OTHERS, asked) if book.tickets_on else (),
        trend=_trend(book),
        classes=_amounts(classes[:MOST_CLASSES], whole, "按类别 Tickets by class"),
        classes_more=max(0, len(classes) - MOST_CLASSES),
        on_time=_ranked(units, ON_TIME),
        satisfaction=_ranked(units, SATISFIED),
        units_more=max(0, sum(1 for line in units if line.place) - MOST_UNITS),
        units=[_group(line, (ON_TIME, SATISFIED, CLOSED, RETURNED)) for line in units],
        least=asked.least,
        heat=_heat(asked),
        lines=[_group(line, _OF_LINES) for line in _lines(asked, By.LINE)[:MOST_LINES]],
        kinds=[_group(line, _OF_KINDS) for line in _lines(asked, By.KIND)],
        service_level_s=asked.service_level_s,
        definitions=[
            (kpi, WORDS[kpi.numerator], WORDS[kpi.denominator])
            for kpi in (*CALL_KPIS, *TICKET_KPIS)
        ],
    )


_OTHERS = tuple(kpi for kpi in TICKET_KPIS if kpi not in THREE_RATES)
_OF_LINES = (BY_ID["connection"], BY_ID["within_15_s"], BY_ID["direct_answer"], SATISFIED)
_OF_KINDS = (BY_ID["direct_answer"], ON_TIME, SATISFIED, CLOSED)


def _lines(asked: Asked, by: By) -> list[Line]:
    return lines_of(asked.book, by, asked.names.get(by, {}), least=asked.least)


def _missing(book: KpiBook, as_of: datetime, *, tickets: bool) -> str:
    """Past days of which nothing is stored, as a list; "" when none is missing, or all are."""
    known = book.tickets_on if tickets else book.calls_on
    if not known:
        return ""
    past = [day for day in book.period.each_day() if day < as_of.date()]
    return "、".join(f"{day.month}-{day.day}" for day in past if day not in known)


def _outcomes(whole: Counts) -> list[OutcomeRow]:
    received = whole.get("received", 0)
    return [
        OutcomeRow(*WORDS[name], whole.get(name, 0), _percent(Share(whole.get(name, 0), received)))
        for name in OUTCOMES
    ]


def _rows(kpis: Sequence[Kpi], asked: Asked) -> list[FigureRow]:
    whole, before, ago = asked.book.whole, asked.before.whole, asked.year_before.whole
    return [
        FigureRow(
            kpi,
            spoken(kpi, kpi.share(whole)),
            numbers(kpi, kpi.share(whole)),
            _changed(kpi, whole, before),
            _changed(kpi, whole, ago),
            _misses(kpi, kpi.share(whole)),
        )
        for kpi in kpis
    ]


def numbers(kpi: Kpi, share: Share) -> str:
    """Both numbers as people read them; means have seconds on top."""
    if kpi.measure is Measure.SECONDS:
        return f"{share.numerator / 1000:,.0f} s / {share.denominator:,}"
    return f"{share.numerator:,} / {share.denominator:,}"


def _changed(kpi: Kpi, now: Counts, then: Counts) -> str:
    """What it was, and by how much that changed: points of percent, or seconds."""
    change = Change(kpi.share(now), kpi.share(then))
    if change.then.rate is None:
        return "无数据 no data"
    was = spoken(kpi, change.then)
    if change.by is None:
        return was
    if kpi.measure is Measure.SECONDS:
        return f"{was} ({change.by / 1000:+.1f} s)"
    return f"{was} ({change.by * 100:+.1f})"


def _misses(kpi: Kpi, share: Share) -> bool | None:
    if kpi.least is None or share.exact is None:
        return None
    return share.exact < kpi.least


def _percent(share: Share) -> str:
    return "—" if share.rate is None else f"{share.rate * 100:.1f} %"


def _trend(book: KpiBook) -> str:
    if not book.tickets_on:
        return ""
    days = []
    for day in book.period.each_day():
        counts = book.days.get(day, {})
        known = day in book.tickets_on
        days.append(
            DayBar(day, counts.get("received", 0) if known else None, counts.get("closed", 0))
        )
    return charts.trend(days)


def _amounts(lines: Sequence[Line], whole: Counts, title: str) -> str:
    most = max((line.counts.get("received", 0) for line in lines), default=0)
    if not most:
        return ""
    received = whole.get("received", 0)
    rows = []
    for line in lines:
        count = line.counts.get("received", 0)
        name = line.name if line.name == line.key else f"{line.name} {line.key}"
        told = f"{count:,} · {_percent(Share(count, received))}"
        rows.append(Bar(name if line.key else UNKNOWN, count / most, told))
    return charts.bars(rows, title)


def _ranked(units: Sequence[Line], kpi: Kpi) -> str:
    """Units that have a place, the best by this figure first."""
    found = [line for line in units if line.place is not None]
    measured = [line for line in found if kpi.share(line.counts).denominator]
    measured.sort(key=lambda line: (-(kpi.share(line.counts).exact or 0), line.place, line.key))
    rows = [
        Bar(
            line.name,
            kpi.share(line.counts).rate,
            f"{_percent(kpi.share(line.counts))} ({numbers(kpi, kpi.share(line.counts))})",
            low=bool(_misses(kpi, kpi.share(line.counts))),
        )
        for line in measured[:MOST_UNITS]
    ]
    limit = None if kpi.least is None else float(kpi.least)
    title = f"各单位{kpi.name} {kpi.name_en} by unit"
    return charts.bars(rows, title, limit) if rows else ""


def _group(line: Line, kpis: Sequence[Kpi]) -> GroupRow:
    shares = [(kpi, kpi.share(line.counts)) for kpi in kpis]
    return GroupRow(
        "" if line.place is None else str(line.place),
        line.name or UNKNOWN,
        line.counts.get("received", 0),
        [
            (spoken(kpi, share), numbers(kpi, share) if share.denominator else "")
            for kpi, share in shares
        ],
    )


def _heat(asked: Asked) -> str:
    """Areas down, domains of the classification across."""
    values: dict[tuple[str, str], int] = {}
    for key, counts in asked.book.groups(By.HEAT).items():
        domain, _, area = key.partition("|")
        values[area, domain] = counts.get("received", 0)
    areas: dict[str, int] = {}
    for (area, _), count in values.items():
        areas[area] = areas.get(area, 0) + count
    if not any(values.values()):
        return ""
    names_of_areas = asked.names.get(By.AREA, {})
    names_of_classes = asked.names.get(By.CLASS, {})
    rows = sorted(areas, key=lambda area: (not area, -areas[area], area))[:MOST_AREAS]
    columns = sorted({domain for _, domain in values}, key=lambda domain: (not domain, domain))
    return charts.heat(
        [(area, names_of_areas.get(area, area) or UNKNOWN) for area in rows],
        [(domain, names_of_classes.get(domain, domain) or UNKNOWN) for domain in columns],
        values,
        "区域与类别 Areas and classes",
    )
