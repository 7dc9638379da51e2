"""Arithmetic with working time: a running count of work seconds, looked up by bisection.

Instants are whole seconds since 1970 (UTC), amounts are seconds. `position(t)` is how much work
has been possible from the calendar's first day until `t`; everything else follows from it and its
inverse `at`. A closing hour still belongs to working time: an amount that fills a day exactly ends
at 18:00, not at nine the next morning.
"""

import hashlib
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import accumulate
from typing import Protocol

from tickets.errors import TicketError
from tickets.workdays import (
    DAY_S,
    FIRST_YEAR,
    LAST_DECREED_YEAR,
    CalendarFile,
    DayFact,
    DaySource,
    day_fact,
    is_worked,
    length_s,
    periods,
)

YEARS_AHEAD = 12


class CalendarEnd(TicketError):
    """An instant lies outside the years the calendar was made for."""

    id = "calendar-end"


class Timeline(Protocol):
    """A way of counting time: working time, or all of it."""

    def position(self, at: int) -> int:
        """Seconds counted until `at`."""
        ...

    def at(self, position: int) -> int:
        """The first instant by which that many seconds have been counted."""
        ...


class RoundTheClock:
    """Every second counts."""

    def position(self, at: int) -> int:
        """As `Timeline`."""
        return at

    def at(self, position: int) -> int:
        """As `Timeline`."""
        return position


ALL_TIME = RoundTheClock()


class WorkCalendar:
    """The working time of one tenant, from 2004 to `YEARS_AHEAD` years after what is decreed.

    `basis` names what it was made of: calendars with the same one count alike. Building takes some
    60 ms; look-ups are bisections.
    """

    def __init__(
        self, zone: tzinfo, file: CalendarFile, years: tuple[int, int] | None = None
    ) -> None:
        self.zone = zone
        self.file = file
        self.day_s = length_s(file.hours)
        first, last = years or (FIRST_YEAR, LAST_DECREED_YEAR + YEARS_AHEAD)
        self._local = {local.date: local for local in file.days}
        self._first, self._last = date(first, 1, 1), date(last, 12, 31)
        self._midnights: list[int] = []
        self._begins: list[int] = []
        lengths: list[int] = []
        spans = {hours: periods(hours) for hours in (file.hours, *(s.hours for s in file.seasons))}
        told = hashlib.sha256(repr((str(zone), sorted(spans))).encode())
        day, midnight = self._first, self._instant(self._first, 0)
        while day <= self._last:
            today, day = day, day + timedelta(days=1)
            began, midnight = midnight, self._instant(day, 0)
            self._midnights.append(began)
            if not is_worked(today, self._local):
                continue
            clock_changes = midnight - began != DAY_S
            for begin, end in spans[file.hours_of(today)]:
                opens, closes = began + begin * 60, began + end * 60
                if clock_changes:
                    opens, closes = self._instant(today, begin), self._instant(today, end)
                self._begins.append(opens)
                lengths.append(closes - opens)
                told.update(f"{opens}+{lengths[-1]}".encode())
        self._midnights.append(midnight)
        self._done = [0, *accumulate(lengths)]
        self.basis = told.hexdigest()[:16]

    def day(self, day: date) -> DayFact:
        """Whether a day is worked, and how that is known."""
        return day_fact(day, self._local)

    def position(self, at: int) -> int:
        """Work seconds until `at`; raises `CalendarEnd`."""
        if not self._midnights[0] <= at <= self._midnights[-1]:
            raise CalendarEnd(f"{self._local_time(at)} is outside the calendar ({self._span()})")
        i = bisect_right(self._begins, at)
        if i == 0:
            return 0
        return min(self._done[i - 1] + at - self._begins[i - 1], self._done[i])

    def at(self, position: int) -> int:
        """The first instant by which `position` work seconds (1 or more) are done; raises
        `CalendarEnd`."""
        i = bisect_left(self._done, position)
        if not 0 < i < len(self._done):
            raise CalendarEnd(f"{position} s of work don't fit into the calendar ({self._span()})")
        return self._begins[i - 1] + position - self._done[i - 1]

    def add(self, at: int, seconds: int) -> int:
        """`seconds` of work after `at`; none: the first working instant from `at` on."""
        if seconds <= 0:
            return self.open_from(at)
        return self.at(self.position(at) + seconds)

    def back(self, at: int, seconds: int) -> int:
        """The last instant from which `seconds` of work fit before `at`."""
        return self.open_from(self.at(max(self.position(at) - seconds, 0) + 1) - 1)

    def between(self, begin: int, end: int) -> int:
        """Work seconds between two instants; negative when `end` lies before `begin`."""
        return self.position(end) - self.position(begin)

    def open_from(self, at: int) -> int:
        """`at` itself in working time (its closing second included), else the next opening."""
        done = self.position(at)
        if done and self.at(done) == at:
            return at
        return self.at(done + 1) - 1

    def open_at(self, at: int, grace_s: int = 0) -> bool:
        """Whether people are at work, or left less than `grace_s` ago."""
        return self.open_from(at) == at or (
            (done := self.position(at)) > 0 and at - self.at(done) <= grace_s
        )

    def day_after(self, at: int) -> int:
        """The midnight with which the next local day begins; raises `CalendarEnd`."""
        i = bisect_right(self._midnights, at)
        if not 0 < i < len(self._midnights):
            raise CalendarEnd(f"{self._local_time(at)} is outside the calendar ({self._span()})")
        return self._midnights[i]

    def close_of(self, day: date) -> int:
        """The end of work of a day, or of the next worked day when it is none."""
        if not self._first <= day <= self._last:
            raise CalendarEnd(f"{day} is outside the calendar ({self._span()})")
        while not self.day(day).working:
            day += timedelta(days=1)
        return self._instant(day, periods(self.file.hours_of(day))[-1][1])

    def local_day(self, at: int) -> date:
        """The day of an instant here."""
        return datetime.fromtimestamp(at, self.zone).date()

    def provisional(self, begin: int, end: int) -> bool:
        """Whether any day from one instant to the other isn't decreed yet."""
        day, last = self.local_day(begin), self.local_day(end)
        while day <= last:
            if self.day(day).source is DaySource.PROVISIONAL:
                return True
            day += timedelta(days=1)
        return False

    def _instant(self, day: date, minute: int) -> int:
        wall = datetime.combine(day, time(), self.zone) + timedelta(minutes=minute)
        return int(wall.timestamp())

    def _local_time(self, at: int) -> str:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"

    def _span(self) -> str:
        return f"{self._first.year} to {self._last.year}"


def seconds(at: datetime) -> int:
    """An aware time as whole seconds since 1970, rounded down; ValueError for a naive one."""
    if at.tzinfo is None:
        raise ValueError(f"a time without zone: {at!r}")
    return int(at.timestamp() // 1)


def moment(at: int) -> datetime:
    """`seconds`, back: an aware time in UTC."""
    return datetime.fromtimestamp(at, UTC)
