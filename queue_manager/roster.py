"""The shift roster (排班) as data (YAML): shifts, rotations of teams, exceptions, holidays.

A rotation's cycle is a row of days, each a shift or `rest`. On the day it `starts` its first team
stands at the first day of the cycle, the second team at the second, and so on; every day each team
moves one on. Six teams on a cycle of four shifts and two rests (六班四运转) man every shift by one
team. A shift belongs to the day on which it begins, also when it ends on the next.

The shape is checked here by pydantic; what hangs together by `queue_manager.roster_faults`. Who is
due when, and who of them is missing, is told by `queue_manager.duty`.
"""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

REST = "rest"
DAY_MIN = 24 * 60
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]
SeatId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Named(_Strict):
    id: Name
    name: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=60)


class Shift(_Named):
    """A span of work (班次): `08:00-14:00`; an end that isn't after the begin is the next day's."""

    hours: str

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, value: str) -> str:
        _minutes(value)
        return value

    @property
    def begin_min(self) -> int:
        """Minutes after midnight."""
        return _minutes(self.hours)[0]

    @property
    def end_min(self) -> int:
        """Minutes after the same midnight: beyond 1440 on the next day."""
        return _minutes(self.hours)[1]

    def span(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """Begin and end (UTC) of the shift of this day, by the clock on the zone's walls."""
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        begins = midnight + timedelta(minutes=self.begin_min)
        ends = midnight + timedelta(minutes=self.end_min)
        return begins.astimezone(UTC), ends.astimezone(UTC)


class Team(_Named):
    """A team (班组). Its seats are listed here, or say so themselves (`hotline seats add --team`).

    `name` and `name_en` are what pages show."""

    seats: tuple[SeatId, ...] = ()


class OnHolidays(StrEnum):
    """Whether a rotation goes on over holidays."""

    WORK = "work"
    REST = "rest"


class Rotation(_Strict):
    """Teams that take turns. With more teams than days in the cycle several share a day's shift."""

    id: Name
    starts: date
    cycle: tuple[Name, ...]
    teams: tuple[Team, ...]
    holidays: Annotated[OnHolidays, Field(strict=False)] = OnHolidays.WORK

    def place(self, number: int, day: date) -> str:
        """What the cycle has for the team of this number (from 0) on a day; maybe `rest`."""
        return self.cycle[((day - self.starts).days + number) % len(self.cycle)]


class Days(_Strict):
    """From `first` to `last`, both included; one day when `last` isn't written."""

    first: date
    last: date | None = None

    def has(self, day: date) -> bool:
        """Whether the day is one of these."""
        return self.first <= day <= (self.last or self.first)


class Holiday(Days):
    """Days on which rotations with `holidays: rest` don't work."""

    name: str = Field(min_length=1, max_length=60)


class Leave(Days):
    """A seat is away (请假)."""

    seat: SeatId


class Swap(_Strict):
    """Two teams, or two seats, take each other's shifts that begin on this day (调班)."""

    on: date
    teams: tuple[Name, Name] | None = None
    seats: tuple[SeatId, SeatId] | None = None


class Extra(_Strict):
    """A team or a seat works a shift that isn't in its rotation (加班)."""

    on: date
    shift: Name
    team: Name | None = None
    seat: SeatId | None = None


class Roster(_Strict):
    """A tenant's roster. `grace_s`: how late a seat may be until the supervisor is told."""

    version: Literal[1]
    grace_s: float = Field(default=300.0, ge=0, le=86_400, strict=False)
    shifts: tuple[Shift, ...]
    rotations: tuple[Rotation, ...]
    holidays: tuple[Holiday, ...] = ()
    leave: tuple[Leave, ...] = ()
    swaps: tuple[Swap, ...] = ()
    extra: tuple[Extra, ...] = ()

    def teams(self) -> dict[str, Team]:
        """Every team by its id."""
        return {team.id: team for rotation in self.rotations for team in rotation.teams}

    def shift(self, shift_id: str) -> Shift | None:
        """The shift of that id; None for `rest` and for what there isn't."""
        return next((shift for shift in self.shifts if shift.id == shift_id), None)


def _minutes(hours: str) -> tuple[int, int]:
    """Begin and end; raises ValueError with what to write."""
    found = _HOURS.fullmatch(hours)
    if found is None:
        raise ValueError(f"{hours!r} are no hours: write 08:00-14:00, 22:00-06:00 or 00:00-24:00")
    begin = int(found[1]) * 60 + int(found[2])
    end = int(found[3]) * 60 + int(found[4]) if found[3] else DAY_MIN
    return begin, end if end > begin else end + DAY_MIN
