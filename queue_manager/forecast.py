"""A forecast as data (YAML): who calls when and for how long, what seats there can be, the target.

The shape is checked here by pydantic; `forecast_faults` tells what doesn't hang together. Pure.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from queue_manager.erlang import Target
from queue_manager.plan_judge import MOST_PROFILES, Profile, Question
from queue_manager.rule_faults import Fault
from queue_manager.rules import Level, RequirementText, SkillName
from queue_manager.simulation import CallerKind, SimulatedStep

DAY_MIN = 1440
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Share = Annotated[float, Field(ge=0, lt=1)]
Calls = Annotated[float, Field(ge=0, le=1_000_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Wanted(_Strict):
    """The service level: of those who enter the queue, `share` answered within `within_s` seconds
    and `connection` answered at all (接通率), for every kind of caller."""

    share: Share = 0.8
    within_s: float = Field(default=15.0, ge=0, le=3600)
    connection: Share = 0.95

    def target(self) -> Target:
        """The same in the planner's words."""
        return Target(self.share, self.within_s, self.connection)


class SeatProfile(_Strict):
    """A kind of seat. `cost` is what an hour of it costs, in any unit."""

    id: Name
    name: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=60)
    skills: dict[SkillName, Level] = Field(min_length=1)
    cost: float = Field(default=1.0, gt=0, le=1_000_000)


class Later(_Strict):
    """What a caller needs once he has waited `after_s` seconds, as the rules' steps change it."""

    after_s: float = Field(ge=0, le=86_400)
    needs: RequirementText


class Kind(_Strict):
    """Callers alike: what they need, how long they talk and the seat wraps up on average, and
    after how long on average they give up (not written: never)."""

    id: Name
    name: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=60)
    needs: RequirementText
    talk_s: Seconds
    wrap_up_s: float = Field(default=20.0, ge=0, le=3600)
    patience_s: Seconds | None = None
    steps: tuple[Later, ...] = Field(default=(), max_length=16)


class Interval(_Strict):
    """Calls that come in the interval that begins at `from` (`08:00`), by kind; `talk_s` where it
    differs from the kind's."""

    begins: str = Field(alias="from")
    calls: dict[Name, Calls]
    talk_s: dict[Name, Seconds] = Field(default_factory=dict)

    @property
    def begin_min(self) -> int:
        """Minutes after midnight; -1 for what is no time."""
        found = _TIME.fullmatch(self.begins)
        return int(found[1]) * 60 + int(found[2]) if found else -1


class Forecast(_Strict):
    """A day. Intervals that aren't written have no calls. `shrinkage` is the share of rostered
    time in which seats aren't there (leave, training, breaks)."""

    version: Literal[1]
    interval_min: Literal[15, 30, 60] = 60
    target: Wanted = Wanted()
    shrinkage: Share = 0.0
    profiles: tuple[SeatProfile, ...]
    kinds: tuple[Kind, ...]
    forecast: tuple[Interval, ...] = ()

    def question(self, interval: Interval, seed: int, calls: int) -> Question:
        """What the planner is asked for one interval; raises `Unservable`."""
        per_hour = 60 / self.interval_min
        kinds = (
            CallerKind(
                name=kind.id,
                needs=kind.needs,
                per_hour=interval.calls.get(kind.id, 0.0) * per_hour,
                handling_s=interval.talk_s.get(kind.id, kind.talk_s) + kind.wrap_up_s,
                patience_s=kind.patience_s,
                steps=tuple(SimulatedStep(step.after_s, step.needs) for step in kind.steps),
            )
            for kind in self.kinds
        )
        return Question(tuple(kinds), self.seats(), self.target.target(), seed, calls)

    def seats(self) -> tuple[Profile, ...]:
        """The kinds of seats in the planner's words."""
        return tuple(Profile(p.id, p.skills, p.cost) for p in self.profiles)


def forecast_faults(forecast: Forecast) -> Iterator[Fault]:
    """Everything wrong in a forecast: ids there twice, unknown kinds of callers, times that are no
    interval's, callers whom no seat can serve."""
    if not forecast.profiles or len(forecast.profiles) > MOST_PROFILES:
        yield Fault(("profiles",), f"write 1 to {MOST_PROFILES} kinds of seats")
    if not forecast.kinds:
        yield Fault(("kinds",), "at least one kind of caller is needed")
    yield from _twice("profiles", [profile.id for profile in forecast.profiles])
    yield from _twice("kinds", [kind.id for kind in forecast.kinds])
    for index, kind in enumerate(forecast.kinds):
        if not any(kind.needs.met_by(profile.skills) for profile in forecast.profiles):
            reason = f"callers {kind.id!r} ({kind.needs}): no kind of seat can serve them"
            yield Fault(("kinds", index, "needs"), reason)
    yield from _interval_faults(forecast)


def _twice(what: str, ids: list[str]) -> Iterator[Fault]:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            yield Fault((what, index, "id"), f"{name!r} is there twice")


def _interval_faults(forecast: Forecast) -> Iterator[Fault]:
    kinds = [kind.id for kind in forecast.kinds]
    begun: set[int] = set()
    for index, interval in enumerate(forecast.forecast):
        at = interval.begin_min
        if at < 0 or at % forecast.interval_min:
            reason = f"{interval.begins!r} begins no interval of {forecast.interval_min} minutes"
            yield Fault(("forecast", index, "from"), reason)
        elif at in begun:
            yield Fault(("forecast", index, "from"), f"{interval.begins} is there twice")
        begun.add(at)
        for field, named in (("calls", interval.calls), ("talk_s", interval.talk_s)):
            for kind in named:
                if kind not in kinds:
                    reason = f"there is no kind of caller {kind!r} (there are {', '.join(kinds)})"
                    yield Fault(("forecast", index, field, kind), reason)
