"""Judges mixes of seats for one interval: simulated on the real matcher, told once, remembered.

A short simulation first; what that doesn't clearly refuse is judged by a long one. Pure: the
seed decides everything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from queue_manager.erlang import Target
from queue_manager.simulation import (
    CallerKind,
    KindResult,
    SeatKind,
    SimulationPlan,
    SimulationResult,
    simulate,
)

FIRST_LOOK = 4_000
"""Calls in the first, short simulation of a mix."""
OTHER_DICE = 1_000_003
MOST_PROFILES = 10
WARM_UP_HANDLINGS = 10

Seats = tuple[int, ...]


class Unservable(ValueError):
    """A kind of caller whom no kind of seat can serve; no number of seats would do."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of seat that may be staffed: its skills (name → level), and what one costs."""

    name: str
    skills: Mapping[str, int]
    cost: float = 1.0


@dataclass(frozen=True, slots=True)
class Question:
    """One interval: who calls how often (`kinds`), what seats there can be, and the target, which
    every kind of caller shall see. `calls`: how many are simulated to judge an answer."""

    kinds: tuple[CallerKind, ...]
    profiles: tuple[Profile, ...]
    target: Target = field(default_factory=Target)
    seed: int = 1
    calls: int = 40_000

    def __post_init__(self) -> None:
        if len(self.profiles) > MOST_PROFILES:
            raise ValueError(f"{len(self.profiles)} kinds of seats: {MOST_PROFILES} are the most")
        for kind in self.kinds:
            if not any(kind.needs.met_by(profile.skills) for profile in self.profiles):
                raise Unservable(f"callers {kind.name!r} ({kind.needs}): no kind of seat can serve")


def reached(kind: KindResult, target: Target) -> bool:
    """Whether the simulated shares reach the target."""
    return shortfall(kind, target) <= 0


@dataclass(slots=True)
class Judge:
    """Simulates mixes of one question and remembers what it saw."""

    question: Question
    told: Callable[[], None]
    glances: dict[Seats, SimulationResult] = field(default_factory=dict)
    whole: dict[Seats, SimulationResult] = field(default_factory=dict)
    looked: int = 0

    def holds(self, seats: Seats) -> bool:
        """Whether every kind of caller sees the target."""
        found = self.verdict(seats)
        return all(reached(kind, self.question.target) for kind in found.kinds.values())

    def verdict(self, seats: Seats) -> SimulationResult:
        """The short simulation where that is clear enough to refuse a mix, else the whole one,
        with other dice: who was let through by luck isn't lucky again."""
        glance, target = self.glance(seats), self.question.target
        if any(_clearly_short(kind, target) for kind in glance.kinds.values()):
            return glance
        if seats not in self.whole:
            seed = self.question.seed + OTHER_DICE
            self.whole[seats] = self.simulate(seats, self.question.calls, seed)
        return self.whole[seats]

    def glance(self, seats: Seats) -> SimulationResult:
        """A short simulation, good enough to choose by."""
        if seats not in self.glances:
            self.glances[seats] = self.simulate(seats, FIRST_LOOK, self.question.seed)
        return self.glances[seats]

    def simulate(self, seats: Seats, calls: int, seed: int) -> SimulationResult:
        self.looked += 1
        question = self.question
        per_s = sum(kind.per_hour for kind in question.kinds) / 3600
        plan = SimulationPlan(
            callers=question.kinds,
            seats=tuple(
                SeatKind(profile.name, count, profile.skills)
                for profile, count in zip(question.profiles, seats, strict=True)
            ),
            seed=seed,
            duration_s=calls / per_s,
            warm_up_s=WARM_UP_HANDLINGS * max(kind.handling_s for kind in question.kinds),
            service_level_s=question.target.within_s,
        )
        found = simulate(plan)
        self.told()
        return found


def shortfall(kind: KindResult, target: Target) -> float:
    """The larger of what the two shares lack; 0 or less when both are reached. A kind of whom
    nobody was seen (too rare for the simulation's length) counts as served."""
    if not kind.arrived:
        return 0.0
    answered = 1.0 - kind.abandonment.mean
    return max(target.share - kind.service_level.mean, target.connection - answered)


def _clearly_short(kind: KindResult, target: Target) -> bool:
    """With 99.9 % confidence."""
    high = kind.service_level.mean + kind.service_level.half_width_999
    answered = 1.0 - kind.abandonment.mean + kind.abandonment.half_width_999
    return bool(kind.arrived) and (high < target.share or answered < target.connection)
