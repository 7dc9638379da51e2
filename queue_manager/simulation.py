"""Callers and seats in virtual time on the real matcher: what a staffing would have brought.

A discrete-event simulation: arrivals are Poisson per kind of caller, handling (talk and wrap-up)
and patience are exponential. With one kind and one skill it is M/M/c, with patience M/M/c+M, and
agrees with Erlang C and A (tests); with skill mixes there is no formula, and this is the answer.
Pure: the seed decides everything, the same plan gives the same result.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from itertools import count
from math import sqrt
from random import Random

from queue_manager.matcher import Matcher
from queue_manager.model import Requirement, WaitingCaller

BATCHES = 20
_T_95 = 2.093  # Student's t for 19 degrees of freedom, two-sided 95 %
_T_999 = 3.883  # the same for 99.9 %
_START = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SimulatedStep:
    """After `after_s` of waiting the caller needs this instead."""

    after_s: float
    needs: Requirement


@dataclass(frozen=True, slots=True)
class CallerKind:
    """Callers alike. `handling_s` is the mean of talk and wrap-up together, `patience_s` the mean
    time until one gives up (None: never)."""

    name: str
    needs: Requirement
    per_hour: float
    handling_s: float
    patience_s: float | None = None
    priority: int = 0
    steps: tuple[SimulatedStep, ...] = ()


@dataclass(frozen=True, slots=True)
class SeatKind:
    """`count` seats with equal skills (name → level 1 to 5)."""

    name: str
    count: int
    skills: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SimulationPlan:
    """What is simulated: counted are the callers who arrive within `duration_s` after `warm_up_s`.

    `weight_s` is what a step of priority is worth in waiting.
    """

    callers: tuple[CallerKind, ...]
    seats: tuple[SeatKind, ...]
    seed: int
    duration_s: float = 86_400.0
    warm_up_s: float = 7_200.0
    service_level_s: float = 15.0
    weight_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over batches of time; the truth is within ± `half_width` with 95 %, within
    ± `half_width_999` with 99.9 %. `nan` when nothing was counted."""

    mean: float
    half_width: float
    half_width_999: float


@dataclass(frozen=True, slots=True)
class KindResult:
    """What became of callers. Shares are of all who arrived; `mean_wait_s` is over all, those who
    gave up with the time until then; `service_level` is answered within `service_level_s`."""

    arrived: int
    answered: int
    abandoned: int
    delayed: Estimate
    abandonment: Estimate
    service_level: Estimate
    mean_wait_s: Estimate


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """Per kind of caller, for all together, and how busy each kind of seat was (0 to 1)."""

    kinds: Mapping[str, KindResult]
    total: KindResult
    occupancy: Mapping[str, float]


def simulate(plan: SimulationPlan) -> SimulationResult:
    """Play the plan through. Raises ValueError for rates or times that make no sense."""
    _check(plan)
    return _Run(plan).result()


def _check(plan: SimulationPlan) -> None:
    if not plan.callers or plan.duration_s <= 0 or plan.warm_up_s < 0:
        raise ValueError("a simulation needs callers, a duration above 0 and no negative warm-up")
    for kind in plan.callers:
        impatient = kind.patience_s is not None and kind.patience_s <= 0
        if kind.per_hour <= 0 or kind.handling_s <= 0 or impatient:
            raise ValueError(f"callers {kind.name!r}: rates and times must be above 0")
    if len({kind.name for kind in plan.callers}) < len(plan.callers):
        raise ValueError("two kinds of callers have one name")
    for seats in plan.seats:
        if seats.count < 0:
            raise ValueError(f"seats {seats.name!r}: there can't be {seats.count} of them")


class _What(IntEnum):
    """Events; at the same moment a seat gets ready before anybody gives up."""

    HANDLED = 0
    ARRIVES = 1
    STEPS = 2
    GIVES_UP = 3


@dataclass(slots=True)
class _Batch:
    arrived: int = 0
    delayed: int = 0
    abandoned: int = 0
    within: int = 0
    wait_s: float = 0.0


@dataclass(slots=True)
class _Caller:
    kind: CallerKind
    arrived_s: float
    step: int = 0


@dataclass(slots=True)
class _Run:
    """One run; `_now_s` is the virtual time in seconds from the start."""

    plan: SimulationPlan
    _random: Random = field(init=False)
    _matcher: Matcher = field(init=False)
    _events: list[tuple[float, int, int, str]] = field(default_factory=list)
    _number: "count[int]" = field(default_factory=count)
    _now_s: float = 0.0
    _waiting: dict[str, _Caller] = field(default_factory=dict)
    _batches: dict[str, list[_Batch]] = field(default_factory=dict)
    _busy_s: dict[str, float] = field(default_factory=dict)
    _seat_kind: dict[str, str] = field(default_factory=dict)
    _kinds: dict[str, CallerKind] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = Random(self.plan.seed)  # noqa: S311 - a simulation's dice, no secret
        self._matcher = Matcher(weight_s=self.plan.weight_s)
        for seats in self.plan.seats:
            self._busy_s[seats.name] = 0.0
            for number in range(seats.count):
                seat_id = f"{seats.name}/{number}"
                self._seat_kind[seat_id] = seats.name
                self._matcher.put_seat(seat_id, seats.skills)
                self._matcher.seat_ready(seat_id)
        for kind in self.plan.callers:
            self._kinds[kind.name] = kind
            self._batches[kind.name] = [_Batch() for _ in range(BATCHES)]
            self._later(self._random.expovariate(kind.per_hour / 3600), _What.ARRIVES, kind.name)

    @property
    def _end_s(self) -> float:
        return self.plan.warm_up_s + self.plan.duration_s

    def result(self) -> SimulationResult:
        """Run until everybody who arrived is served, has given up, or can never be served."""
        while self._events:
            self._now_s, what, _, name = heapq.heappop(self._events)
            match what:
                case _What.ARRIVES:
                    self._arrives(self._kinds[name])
                case _What.HANDLED:
                    self._seat_is_ready(name)
                case _What.STEPS:
                    self._steps(name)
                case _What.GIVES_UP:
                    self._gives_up(name)
        for stranded in self._waiting.values():
            self._count(stranded, self._now_s, abandoned=True)
        return self._told()

    def _later(self, after_s: float, what: _What, name: str) -> None:
        heapq.heappush(self._events, (self._now_s + after_s, what, next(self._number), name))

    def _arrives(self, kind: CallerKind) -> None:
        if self._now_s >= self._end_s:
            return
        self._later(self._random.expovariate(kind.per_hour / 3600), _What.ARRIVES, kind.name)
        call_id = f"c{next(self._number)}"
        self._waiting[call_id] = _Caller(kind, self._now_s)
        queued_at = _START + timedelta(seconds=self._now_s)
        seat_id = self._matcher.caller_enters(
            WaitingCaller("plan", call_id, kind.name, kind.needs, queued_at, kind.priority)
        )
        if seat_id is not None:
            self._match(call_id, seat_id)
            return
        if kind.patience_s is not None:
            self._later(self._random.expovariate(1 / kind.patience_s), _What.GIVES_UP, call_id)
        if kind.steps:
            self._later(kind.steps[0].after_s, _What.STEPS, call_id)

    def _seat_is_ready(self, seat_id: str) -> None:
        call_id = self._matcher.seat_ready(seat_id)
        if call_id is not None:
            self._match(call_id, seat_id)

    def _steps(self, call_id: str) -> None:
        caller = self._waiting.get(call_id)
        if caller is None:
            return
        steps = caller.kind.steps
        needs = steps[caller.step].needs
        caller.step += 1
        if caller.step < len(steps):
            after_s = caller.arrived_s + steps[caller.step].after_s - self._now_s
            self._later(max(after_s, 0.0), _What.STEPS, call_id)
        seat_id = self._matcher.change(call_id, needs)
        if seat_id is not None:
            self._match(call_id, seat_id)

    def _gives_up(self, call_id: str) -> None:
        caller = self._waiting.pop(call_id, None)
        if caller is not None:
            self._matcher.caller_leaves(call_id)
            self._count(caller, self._now_s, abandoned=True)

    def _match(self, call_id: str, seat_id: str) -> None:
        caller = self._waiting.pop(call_id)
        self._matcher.caller_leaves(call_id)
        self._count(caller, self._now_s, abandoned=False)
        handling_s = self._random.expovariate(1 / caller.kind.handling_s)
        begun, ended = self._now_s, self._now_s + handling_s
        inside_s = min(ended, self._end_s) - max(begun, self.plan.warm_up_s)
        self._busy_s[self._seat_kind[seat_id]] += max(inside_s, 0.0)
        self._later(handling_s, _What.HANDLED, seat_id)

    def _count(self, caller: _Caller, until_s: float, *, abandoned: bool) -> None:
        since_s = caller.arrived_s - self.plan.warm_up_s
        if since_s < 0:
            return
        at = min(int(since_s / self.plan.duration_s * BATCHES), BATCHES - 1)
        batch = self._batches[caller.kind.name][at]
        wait_s = until_s - caller.arrived_s
        batch.arrived += 1
        batch.delayed += wait_s > 0
        batch.abandoned += abandoned
        batch.within += not abandoned and wait_s <= self.plan.service_level_s
        batch.wait_s += wait_s

    def _told(self) -> SimulationResult:
        together = [_sum(column) for column in zip(*self._batches.values(), strict=True)]
        occupancy = {
            kind.name: self._busy_s[kind.name] / (kind.count * self.plan.duration_s)
            for kind in self.plan.seats
            if kind.count
        }
        kinds = {name: _kind_result(batches) for name, batches in self._batches.items()}
        return SimulationResult(kinds, _kind_result(together), occupancy)


def _sum(batches: tuple[_Batch, ...]) -> _Batch:
    return _Batch(
        sum(b.arrived for b in batches),
        sum(b.delayed for b in batches),
        sum(b.abandoned for b in batches),
        sum(b.within for b in batches),
        sum(b.wait_s for b in batches),
    )


def _kind_result(batches: list[_Batch]) -> KindResult:
    total = _sum(tuple(batches))
    return KindResult(
        total.arrived,
        total.arrived - total.abandoned,
        total.abandoned,
        _estimate([(b.delayed, b.arrived) for b in batches]),
        _estimate([(b.abandoned, b.arrived) for b in batches]),
        _estimate([(b.within, b.arrived) for b in batches]),
        _estimate([(b.wait_s, b.arrived) for b in batches]),
    )


def _estimate(parts: list[tuple[float, int]]) -> Estimate:
    """Batch means of a ratio: batches are long, so that their means are nearly independent."""
    whole = sum(below for _, below in parts)
    if not whole:
        return Estimate(float("nan"), float("nan"), float("nan"))
    mean = sum(above for above, _ in parts) / whole
    size = whole / len(parts)
    # a ratio of sums: each batch's distance from it, weighed by the batch's size
    spread = sum((above - mean * below) ** 2 for above, below in parts) / (len(parts) - 1)
    error = sqrt(spread / len(parts)) / size
    return Estimate(mean, _T_95 * error, _T_999 * error)
