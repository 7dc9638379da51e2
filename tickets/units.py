"""Units (承办单位) as data: what they handle where, their 四个一, who is on duty. Pure."""

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tickets.divisions import CODE, Division, Divisions

PHONE = r"^\+?[0-9][0-9 \-]{2,19}$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DutyPost(_Part):
    """Who is on duty for one turn, and the leader on duty (值班员, 带班领导)."""

    person: str = Field(min_length=1, max_length=40)
    phone: str = Field(pattern=PHONE)
    leader: str = Field(min_length=1, max_length=40)


class DutyRoster(_Part):
    """Posts that take turns of `days` days each, again and again, from `begins` on."""

    begins: date
    days: int = Field(default=7, ge=1, le=31)
    posts: tuple[DutyPost, ...] = Field(min_length=1, max_length=60)

    def on_duty(self, day: date) -> DutyPost | None:
        """Whose turn a day is in; None before the first."""
        past = (day - self.begins).days
        return None if past < 0 else self.posts[past // self.days % len(self.posts)]


class Unit(_Part):
    """A unit. `fills` is the office the classification names (城市管理局), its own name by default:
    several units fill one, each in its division. `helps` are classes in which it is a co-unit.

    The 四个一: `phone`, `computer` (the terminal tickets come to), `person`, `head` (who answers
    for it), as posts rather than persons where a file is shared.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_]{0,30}$")
    name: str = Field(min_length=1, max_length=60)
    fills: str = Field(default="", max_length=60)
    division: str = Field(default="", pattern=r"^(\d{6}(\d{3})?)?$", description="empty: home")
    classes: tuple[str, ...] = Field(default=(), description="beginnings of class codes it leads")
    helps: tuple[str, ...] = Field(default=(), description="beginnings of class codes")
    lines: tuple[str, ...] = Field(default=(), description="units of the line table that are it")
    phone: str = Field(pattern=PHONE)
    computer: str = Field(min_length=1, max_length=60)
    person: str = Field(min_length=1, max_length=40)
    head: str = Field(min_length=1, max_length=40)
    duty: DutyRoster | None = None

    @property
    def office(self) -> str:
        """What it fills."""
        return self.fills or self.name

    def on_duty(self, day: date) -> DutyPost:
        """Who answers on a day: by the roster, else the hotline's person and the head."""
        post = self.duty.on_duty(day) if self.duty else None
        return post or DutyPost(person=self.person, phone=self.phone, leader=self.head)


class UnitsFile(_Part):
    """A tenant's units and divisions (YAML). `home` is the division this platform serves, `leaders`
    the heads who take turns in joint reviews (领导轮值)."""

    version: Literal[1] = 1
    home: str = Field(pattern=CODE)
    divisions: tuple[Division, ...] = Field(min_length=1, max_length=60_000)
    leaders: DutyRoster | None = None
    units: tuple[Unit, ...] = Field(min_length=1, max_length=20_000)

    @model_validator(mode="after")
    def _fits_together(self) -> "UnitsFile":
        codes = {division.code for division in self.divisions}
        if self.home not in codes:
            raise ValueError(f"home {self.home} is not one of the divisions")
        if len(codes) < len(self.divisions):
            raise ValueError("divisions: each code may be written once")
        for division in self.divisions:
            if division.successor and division.successor not in codes:
                raise ValueError(f"division {division.code}: there is no {division.successor}")
        seen: set[str] = set()
        for unit in self.units:
            if unit.id in seen:
                raise ValueError(f"unit {unit.id} is written twice")
            seen.add(unit.id)
            if unit.division and unit.division not in codes:
                raise ValueError(f"unit {unit.id}: there is no division {unit.division}")
        return self

    @cached_property
    def by_id(self) -> Mapping[str, Unit]:
        """The units by id."""
        return {unit.id: unit for unit in self.units}

    @cached_property
    def map(self) -> Divisions:
        """The divisions, to be asked."""
        return Divisions(self.divisions)

    def division_of(self, unit: Unit) -> str:
        """Where a unit's word counts."""
        return unit.division or self.home
