"""Figures as tables for people and machines: CSV that spreadsheets can be trusted with, and JSON.

Every rate is given as numerator, denominator and value (empty when there is nothing to divide by);
times are seconds. Functions of values: no clock, no I/O.
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from queue_manager.counts import CALL_FIELDS, SEAT_SUMS, TIME_SHARES, CallCounts, Figure, SeatCounts

BOM = "\ufeff"
"""What Excel wants at the beginning to read UTF-8."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MS = "_ms"

Cell = str | int | float | None
Row = Mapping[str, Cell]


class By(StrEnum):
    """What a report has a line for."""

    QUEUE = "queue"
    SKILL = "skill"
    LINE = "line"
    SEAT = "seat"


class Per(StrEnum):
    """How much time a line of a report is about."""

    QUARTER = "quarter"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Report:
    """What is asked for: figures of quarters that begin in [begin, end), in the tenant's zone.
    `names` are people's words for the keys, `reasons` the pauses that have a column each."""

    by: By
    per: Per
    begin: datetime
    end: datetime
    zone: tzinfo
    names: Mapping[str, str]
    reasons: Sequence[str] = ()


def moment(text: str, zone: tzinfo, *, end: bool) -> datetime:
    """A day (`2026-11-21`: its beginning, or with `end` the beginning of the next) or a time
    with zone; raises ValueError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        when = datetime.fromisoformat(text)
        if when.tzinfo is None:
            raise ValueError(f"{text!r} has no zone: write for example {text}+08:00") from None
        return when
    return datetime.combine(day + timedelta(days=end), time(), zone)


def columns(report: Report) -> list[str]:
    """The names of a report's columns."""
    empty = Figure(report.begin, "", SeatCounts() if report.by is By.SEAT else CallCounts())
    return list(row(report, empty))


def row(report: Report, figure: Figure) -> Row:
    """One line, by column."""
    counts = figure.counts
    first: dict[str, Cell] = {
        "begins": figure.begins.astimezone(report.zone).isoformat(timespec="minutes"),
        report.by.value: figure.key,
        "name": report.names.get(figure.key, ""),
    }
    if isinstance(counts, SeatCounts):
        first |= {_named(n): _told(n, getattr(counts, n)) for n in SEAT_SUMS}
        first |= _pauses(counts, report.reasons)
    else:
        first |= {_named(n): _told(n, getattr(counts, n)) for n in CALL_FIELDS}
    for name, (part, whole) in counts.rates().items():
        first |= _rate(name, part, whole)
    return first


class Days:
    """The day being summed, by key."""

    def __init__(self) -> None:
        self._begins: datetime | None = None
        self._sums: dict[str, Figure] = {}

    def take(self, figure: Figure, zone: tzinfo) -> list[Figure]:
        """Add a quarter; the finished day before it, if there is one."""
        day = figure.begins.astimezone(zone).date()
        begins = datetime.combine(day, time(), zone)
        done = self.rest() if begins != self._begins else []
        self._begins = begins
        known = self._sums.get(figure.key)
        if known is None:
            self._sums[figure.key] = Figure(begins, figure.key, figure.counts)
        else:
            known.add(figure)
        return done

    def rest(self) -> list[Figure]:
        """What is left, in order of key."""
        done = [self._sums[key] for key in sorted(self._sums)]
        self._sums = {}
        return done


async def lines_of(
    report: Report, pages: AsyncIterator[Sequence[Figure]]
) -> AsyncIterator[Sequence[Figure]]:
    """A report's lines from stored quarters, page by page."""
    days = Days()
    async for page in pages:
        if report.per is Per.QUARTER:
            yield page
        elif done := [line for figure in page for line in days.take(figure, report.zone)]:
            yield done
    if rest := days.rest():
        yield rest


def csv_head(report: Report, *, bom: bool = False) -> str:
    """The first line."""
    return (BOM if bom else "") + _csv_lines([columns(report)])


def csv_text(report: Report, figures: Iterable[Figure]) -> str:
    """The lines of these figures."""
    return _csv_lines([safe(cell) for cell in row(report, f).values()] for f in figures)


def safe(cell: Cell) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, "CSV injection"): a text that begins
    like one gets an apostrophe before it."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(_FORMULA) else cell
    return str(cell)


def _csv_lines(rows: Iterable[Sequence[str]]) -> str:
    """RFC 4180: quoted where needed, lines end in CRLF."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _rate(name: str, part: int, whole: int) -> dict[str, Cell]:
    named, mean, share = _named(name), name.endswith(_MS), name in TIME_SHARES
    return {
        f"{named}_numerator": _s(part) if mean or share else max(0, part),
        f"{named}_denominator": _s(whole) if share else max(0, whole),
        named: round(part / whole / (1000 if mean else 1), 4) if whole > 0 else None,
    }


def _pauses(counts: SeatCounts, reasons: Sequence[str]) -> dict[str, Cell]:
    """A column per reason, one for reasons that are no longer in the list, and the sum."""
    pauses = counts.pauses or {}
    told: dict[str, Cell] = {f"paused_{reason}_s": _s(pauses.get(reason, 0)) for reason in reasons}
    others = sum(ms for reason, ms in pauses.items() if reason not in reasons)
    return told | {"paused_unlisted_s": _s(others), "paused_s": _s(counts.paused_ms)}


def _named(name: str) -> str:
    return f"{name.removesuffix(_MS)}_s" if name.endswith(_MS) else name


def _told(name: str, value: int) -> int | float:
    return _s(value) if name.endswith(_MS) else max(0, value)


def _s(ms: int) -> float:
    """Seconds; a correction between engines is never shown as less than 0."""
    return max(0, ms) / 1000
