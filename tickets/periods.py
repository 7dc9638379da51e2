"""Periods of days: what a figure is about, cut by day, week, month or half-year, and compared with
the one before (环比) and the same a year ago (同比). Pure."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

DAY = timedelta(days=1)


class Per(StrEnum):
    """How much time a line is about; weeks begin on Monday."""

    WHOLE = "whole"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    HALF_YEAR = "half_year"


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both included; ValueError when `last` lies before."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"{self.last} lies before {self.first}")

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    @property
    def text(self) -> str:
        """`2026-11`, `2026-11-03`, or both ends."""
        if self == month_of(self.first):
            return f"{self.first:%Y-%m}"
        if self.first == self.last:
            return f"{self.first}"
        return f"{self.first}–{self.last}"

    def each_day(self) -> Iterator[date]:
        """Every day, in order."""
        for n in range(self.days):
            yield self.first + n * DAY

    def before(self) -> "Period":
        """The one before: of a whole month the month before, else as many days."""
        last = self.first - DAY
        if self == month_of(self.first):
            return month_of(last)
        return Period(last - (self.days - 1) * DAY, last)

    def year_before(self) -> "Period":
        """The same days a year ago; what doesn't exist there (29 February) is the day before, and
        a whole month stays one."""
        if self == month_of(self.first):
            return month_of(_a_year_ago(self.first))
        return Period(_a_year_ago(self.first), _a_year_ago(self.last))

    def cut(self, per: Per) -> Iterator["Period"]:
        """Its parts, in order: the first and last may be shorter than a whole week or month."""
        if per is Per.WHOLE:
            yield self
            return
        first = self.first
        while first <= self.last:
            last = min(_end(first, per), self.last)
            yield Period(first, last)
            first = last + DAY


def month_of(day: date) -> Period:
    """The whole month a day lies in."""
    return Period(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


def month(text: str) -> Period:
    """`2026-11`; ValueError for anything else."""
    if len(text) != 7:
        raise ValueError(f"{text!r} is no month: write 2026-11")
    return month_of(date.fromisoformat(f"{text}-01"))


def _end(day: date, per: Per) -> date:
    """The last day of the week, month or half-year a day lies in."""
    match per:
        case Per.WEEK:
            return day + (6 - day.weekday()) * DAY
        case Per.MONTH:
            return month_of(day).last
        case Per.HALF_YEAR:
            return date(day.year, 6, 30) if day.month <= 6 else date(day.year, 12, 31)
        case _:
            return day


def _a_year_ago(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
