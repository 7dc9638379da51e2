"""Which days are worked: the decreed holidays with make-up days (调休), local days over them.

`chinesecalendar` holds what has been decreed (2004 to 2026 as of its release of 2026). Later years
are **provisional**: Monday to Friday without the days whose date the law fixes
(全国年节及纪念日放假办法, 2025). Who knows better writes days into the tenant's calendar file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

import chinese_calendar
from chinese_calendar.constants import holidays, workdays
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

FIRST_YEAR: int = min(holidays).year
LAST_DECREED_YEAR: int = max(max(holidays), max(workdays)).year
FIXED_BY_LAW = {
    (1, 1): "元旦", (5, 1): "劳动节", (5, 2): "劳动节",
    (10, 1): "国庆节", (10, 2): "国庆节", (10, 3): "国庆节",
}  # fmt: skip
DAY_MINUTES = 24 * 60
DAY_S = 60 * DAY_MINUTES
_PERIOD = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_MONTH_DAY = re.compile(r"\d\d-\d\d", re.ASCII)

Minutes = tuple[int, int]


class DaySource(StrEnum):
    """How it is known whether a day is worked."""

    DECREED = "decreed"
    LOCAL = "local"
    PROVISIONAL = "provisional"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LocalDay(_Part):
    """A day that is different here: a local holiday, a make-up day, a year decreed meanwhile."""

    date: date
    working: bool
    name: str = Field(default="", max_length=60)


class Season(_Part):
    """Other hours between two days of each year, both included (may span New Year)."""

    first: str = Field(description="month and day, 06-01")
    last: str = Field(description="month and day, 09-30")
    hours: tuple[str, ...] = Field(min_length=1, description="08:00-12:00")

    @field_validator("first", "last")
    @classmethod
    def _is_month_day(cls, value: str) -> str:
        if not _MONTH_DAY.fullmatch(value):
            raise ValueError(f"{value!r} is no day of the year: write it as 06-01")
        date.fromisoformat(f"2024-{value}")
        return value

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        periods(value)
        return value

    def covers(self, day: date) -> bool:
        """Whether this day's hours are these."""
        at = f"{day:%m-%d}"
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


class CalendarFile(_Part):
    """A tenant's working hours and local days, as people write them (YAML).

    Every working day has the same length, so that "a working day" is the same amount of work all
    year round.
    """

    version: Literal[1] = 1
    hours: tuple[str, ...] = Field(
        default=("09:00-12:00", "13:00-18:00"), min_length=1, description="of a working day"
    )
    seasons: tuple[Season, ...] = Field(default=(), max_length=12)
    days: tuple[LocalDay, ...] = Field(default=(), max_length=2000)

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        periods(value)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "CalendarFile":
        for season in self.seasons:
            if length_s(season.hours) != length_s(self.hours):
                raise ValueError(
                    f"the days from {season.first} to {season.last} are "
                    f"{length_s(season.hours) / 3600:g} h long, other days "
                    f"{length_s(self.hours) / 3600:g} h: a working day must be the same all year"
                )
        seen: set[date] = set()
        for local in self.days:
            if local.date in seen:
                raise ValueError(f"{local.date} is written twice under days")
            seen.add(local.date)
        return self

    def hours_of(self, day: date) -> tuple[str, ...]:
        """The working hours of a day, if it is worked."""
        return next((s.hours for s in self.seasons if s.covers(day)), self.hours)


@dataclass(frozen=True, slots=True)
class DayFact:
    """Whether a day is worked, what it is called, how that is known."""

    working: bool
    name: str
    source: DaySource


def day_fact(day: date, local: Mapping[date, LocalDay]) -> DayFact:
    """What is known of a day: the local word goes before the decree, the decree before the rule."""
    working = is_worked(day, local)
    if known := local.get(day):
        return DayFact(working, known.name, DaySource.LOCAL)
    if _decreed(day):
        _, name = chinese_calendar.get_holiday_detail(day)
        return DayFact(working, _name(name, day), DaySource.DECREED)
    fixed = FIXED_BY_LAW.get((day.month, day.day), "")
    return DayFact(working, fixed or _name(None, day), DaySource.PROVISIONAL)


def is_worked(day: date, local: Mapping[date, LocalDay]) -> bool:
    """Whether a day is worked. A calendar asks for each of its twelve thousand days whenever an
    engine starts, so the decrees are looked up without the checks of `chinese_calendar`."""
    if known := local.get(day):
        return known.working
    if _decreed(day):
        return day in workdays or (day.weekday() < 5 and day not in holidays)
    return day.weekday() < 5 and (day.month, day.day) not in FIXED_BY_LAW


def _decreed(day: date) -> bool:
    return FIRST_YEAR <= day.year <= LAST_DECREED_YEAR


def periods(hours: tuple[str, ...]) -> tuple[Minutes, ...]:
    """`("09:00-12:00", …)` in minutes of the day, ascending; ValueError says what is wrong."""
    found: list[Minutes] = []
    for text in hours:
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} are no hours: write them as 09:00-12:00")
        h1, m1, h2, m2 = (int(part) for part in match.groups())
        begin, end = h1 * 60 + m1, h2 * 60 + m2
        if not begin < end <= DAY_MINUTES:
            raise ValueError(f"{text!r}: the end must lie after the beginning, by 24:00")
        if found and begin < found[-1][1]:
            raise ValueError(f"{text!r} begins before the hours written before it end")
        found.append((begin, end))
    return tuple(found)


def length_s(hours: tuple[str, ...]) -> int:
    """Seconds of work in these hours."""
    return sum(end - begin for begin, end in periods(hours)) * 60


def _name(decreed: str | None, day: date) -> str:
    """The holiday's Chinese name; a plain Saturday or Sunday is 周末."""
    if decreed:
        return _CHINESE.get(decreed, decreed)
    return "周末" if day.weekday() >= 5 else ""


_CHINESE: dict[str, str] = {found.value: found.chinese for found in chinese_calendar.Holiday}
