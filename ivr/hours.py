"""Opening hours: is a line answered by people now, and when does that change?

Pure: the time comes in as an aware datetime. Hours repeat every week, all seven days alike unless
written otherwise; holidays are days like any other (「每周7天工作制」). A range may cross midnight.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from queue_manager.opening import HoursMode

DEFAULT_HOURS = "08:00-18:00"
ROUND_THE_CLOCK = "24h"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_RANGE = re.compile(r"^([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)$")
_DAY_MINUTES = 24 * 60
_HORIZON_DAYS = 9  # a week and a day on each side: every change of a weekly schedule is seen


@dataclass(frozen=True, slots=True)
class Range:
    """Minutes after midnight of the day it starts on; `end` beyond 1440 reaches into the next."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Ranges per weekday, Monday first, in one time zone."""

    days: tuple[tuple[Range, ...], ...]
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Decision:
    """`next_change` is None when nothing will change by itself (24 h, never, or overridden)."""

    open: bool
    next_change: datetime | None


def parse_hours(hours: str | dict[str, str], zone: ZoneInfo) -> Schedule:
    """Hours as people write them; raises ValueError with the reason.

    A text holds for every day: `08:00-18:00`, `08:00-12:00, 14:00-18:00`, `22:00-06:00`, `24h`,
    `closed`. A mapping gives days or spans of days: `{mon-fri: "08:00-18:00", sat: "closed"}`;
    days that are not named are closed.
    """
    if isinstance(hours, str):
        return Schedule((_ranges(hours),) * 7, zone)
    days: list[tuple[Range, ...] | None] = [None] * 7
    for span, text in hours.items():
        for day in _span(span):
            if days[day] is not None:
                raise ValueError(f"{_DAYS[day]} is written twice")
            days[day] = _ranges(text)
    return Schedule(tuple(day or () for day in days), zone)


def effective(line: HoursMode, tenant: HoursMode) -> HoursMode:
    """The override that holds: the line's own wins over its tenant's."""
    return tenant if line is HoursMode.AUTO else line


def decide(schedule: Schedule, override: HoursMode, now: datetime) -> Decision:
    """Open or closed at `now` (aware), and when that changes next (UTC)."""
    if override is not HoursMode.AUTO:
        return Decision(override is HoursMode.OPEN, None)
    now = now.astimezone(UTC)
    spans = _spans_around(schedule, now)
    for start, end in spans:
        if start <= now < end:
            return Decision(True, None if end == spans[-1][1] else end)
        if now < start:
            return Decision(False, start)
    return Decision(False, None)


def _spans_around(schedule: Schedule, now: datetime) -> list[tuple[datetime, datetime]]:
    """Open spans a week and more around `now`, in order, touching ones made one."""
    today = now.astimezone(schedule.zone).date()
    spans: list[tuple[datetime, datetime]] = []
    for offset in range(-2, _HORIZON_DAYS + 1):
        day = today + timedelta(days=offset)
        for span in schedule.days[day.weekday()]:
            midnight = datetime(day.year, day.month, day.day, tzinfo=schedule.zone)
            start = (midnight + timedelta(minutes=span.start)).astimezone(UTC)
            end = (midnight + timedelta(minutes=span.end)).astimezone(UTC)
            if start < end:  # a range inside the hour that summer time skips is empty
                spans.append((start, end))
    spans.sort()
    merged: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    if first not in _DAYS or (last and last not in _DAYS):
        raise ValueError(f"{text!r} is no day: use mon … sun or a span such as mon-fri")
    start, end = _DAYS.index(first), _DAYS.index(last or first)
    if end < start:
        raise ValueError(f"{text!r} runs backwards: write it as two spans")
    return range(start, end + 1)


def _ranges(text: str) -> tuple[Range, ...]:
    if text == ROUND_THE_CLOCK:
        return (Range(0, _DAY_MINUTES),)
    if text == "closed":
        return ()
    ranges = sorted((_range(part.strip()) for part in text.split(",")), key=lambda r: r.start)
    for earlier, later in pairwise(ranges):
        if later.start < earlier.end:
            raise ValueError(f"ranges overlap in {text!r}")
    return tuple(ranges)


def _range(text: str) -> Range:
    match = _RANGE.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no range of hours: write 08:00-18:00, 24h or closed")
    start_h, start_m, end_h, end_m = (int(part) for part in match.groups())
    start, end = start_h * 60 + start_m, end_h * 60 + end_m
    if start >= _DAY_MINUTES or end > _DAY_MINUTES:
        raise ValueError(f"{text!r}: a day ends at 24:00")
    if start == end:
        raise ValueError(f"{text!r} is empty: write 24h for the whole day, closed for none of it")
    return Range(start, end if end > start else end + _DAY_MINUTES)
