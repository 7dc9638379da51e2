"""`hotline bench routing`: what one decision of the matcher costs, by kind, at its largest size.

This module decides what is asked and measured; the matcher itself is given by the front door
(`House`). docs/benchmarks.md tells what the crowd looks like and how the figures are meant.
"""

import gc
from array import array
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median
from time import perf_counter_ns, thread_time_ns
from typing import Any, Protocol

import psutil

from simulator.bench_calls import machine
from simulator.routing_crowd import Crowd, Size

TARGETS: Mapping[str, float] = {
    "decision_p99_ms": 0.1,
    "decision_max_ms": 10.0,
    "decision_p99_ms_12000": 0.25,
    "growth_x10": 1.5,
    "bytes_per_waiting": 256,
}
"""Upper limits. The p99 is the worst kind's, the slowest is of all decisions of all kinds."""

_START = datetime(2026, 1, 1, tzinfo=UTC)
_TIDY_EVERY = 8
_MATCHED = 100
_PRIORITIES = (0,) * 16 + (1, 1, 2, 5)
_MS = 1e6


class Router(Protocol):
    """The matcher, seen from here; see `queue_manager.matcher.Matcher`."""

    def put_seat(self, seat_id: str, skills: Mapping[str, int]) -> str | None: ...

    def seat_ready(self, seat_id: str, *, idle_since: datetime | None = None) -> str | None: ...

    def seat_busy(self, seat_id: str) -> None: ...

    def set_duty(self, seat_id: str, on_duty: bool) -> None: ...

    def on_duty(self, needs: Any) -> int: ...

    def caller_enters(self, caller: Any) -> str | None: ...

    def caller_returns(self, call_id: str) -> str | None: ...

    def caller_leaves(self, call_id: str) -> None: ...

    def change(self, call_id: str, needs: Any, priority: int | None = None) -> str | None: ...

    def move_first(self, call_id: str) -> int: ...

    def position(self, call_id: str) -> int: ...

    def tidy(self) -> bool: ...


class Newcomer(Protocol):
    """A caller as the router takes him."""

    @property
    def call_id(self) -> str: ...


class House(Protocol):
    """What the front door gives: the real matcher, and the values it takes."""

    def router(self) -> Router: ...

    def needs(self, text: str) -> Any: ...

    def caller(self, call_id: str, needs: Any, queued_at: datetime, priority: int) -> Newcomer: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: `decisions` at each size, after a tenth as many to warm up."""

    decisions: int = 100_000
    seats: int = 15_000
    waiting: int = 500_000
    needs: int = 3_000
    many_needs: int = 12_000
    seed: int = 12345


QUICK = Plan(decisions=4_000, seats=600, waiting=20_000, needs=300, many_needs=1_200)


def _no_times() -> "array[int]":
    return array("q")


class Watch:
    """One decision's time: the thread's own, and the wall clock's."""

    __slots__ = ("cpu_ns", "wall_ns")

    def __init__(self) -> None:
        self.wall_ns = perf_counter_ns()
        self.cpu_ns = thread_time_ns()

    def stop(self) -> None:
        """The decision is made."""
        self.cpu_ns = thread_time_ns() - self.cpu_ns
        self.wall_ns = perf_counter_ns() - self.wall_ns


@dataclass(slots=True)
class Timings:
    """Nanoseconds of CPU of each decision, by kind; `wall_ns` are those of the clock on the wall,
    in which a busy machine's other work counts, too. Arrays: lists of so many numbers would make
    the garbage collector's pauses longer, and they would be counted as the matcher's."""

    by_kind: dict[str, "array[int]"] = field(default_factory=dict)
    wall_ns: "array[int]" = field(default_factory=_no_times)
    tidy_ns: "array[int]" = field(default_factory=_no_times)

    def note(self, kind: str, watch: Watch) -> None:
        """One more decision of this kind."""
        self.by_kind.setdefault(kind, array("q")).append(watch.cpu_ns)
        self.wall_ns.append(watch.wall_ns)

    def p99_ms(self) -> float:
        """Of the kind where it is largest."""
        return max(percentile(times, 99) for times in self.by_kind.values()) / _MS

    def max_ms(self) -> float:
        """The slowest decision of all."""
        return max(max(times) for times in self.by_kind.values()) / _MS

    def typical_ns(self) -> float:
        """A decision's cost: the mean over the kinds of their medians, which a busy machine
        moves least."""
        return sum(median(times) for times in self.by_kind.values()) / len(self.by_kind)


def percentile(times: Sequence[int], share: int) -> int:
    """The smallest of `times` that at least `share` percent don't exceed."""
    return sorted(times)[-(-len(times) * share // 100) - 1]


def bench_routing(house: House, plan: Plan, say: Callable[[str], None]) -> dict[str, float]:
    """Measure and tell the figures. About a minute for the full plan."""
    large = Size(plan.seats, plan.waiting, plan.needs)
    say(f"{large.waiting} callers with {large.needs} needs, {large.seats} seats: filling")
    full = _Bench(house, large, plan)
    bytes_each = full.fill()
    figures: dict[str, float] = {"bytes_per_waiting": round(bytes_each, 1)}
    timings = full.measure(say)
    del full
    for kind, times in sorted(timings.by_kind.items()):
        figures[f"{kind}_p50_ms"] = round(median(times) / _MS, 5)
        figures[f"{kind}_p99_ms"] = round(percentile(times, 99) / _MS, 5)
        figures[f"{kind}_max_ms"] = round(max(times) / _MS, 5)
    small = _measured(house, Size(plan.seats, plan.waiting // 10, plan.needs), plan, say)
    many = _measured(house, Size(plan.seats, plan.waiting, plan.many_needs), plan, say)
    return {
        "decision_p99_ms": round(timings.p99_ms(), 4),
        "decision_max_ms": round(max(timings.max_ms(), many.max_ms()), 3),
        "decision_p99_ms_12000": round(many.p99_ms(), 4),
        "growth_x10": round(timings.typical_ns() / small.typical_ns(), 3),
        "wall_p99_ms": round(percentile(timings.wall_ns, 99) / _MS, 4),
        "wall_max_ms": round(max(timings.wall_ns) / _MS, 3),
        "tidy_max_ms": round(max(timings.tidy_ns + many.tidy_ns) / _MS, 3),
        **figures,
        **{
            f"{kind}_p99_ms_12000": round(percentile(times, 99) / _MS, 5)
            for kind, times in sorted(many.by_kind.items())
        },
    }


def report(figures: Mapping[str, float], commit: str) -> dict[str, object]:
    """The JSON object every bench prints. Targets are upper limits; one not measured isn't met."""
    met = all(name in figures and figures[name] <= limit for name, limit in TARGETS.items())
    return {
        "bench": "routing",
        "commit": commit,
        "machine": machine(),
        "figures": dict(figures),
        "targets": dict(TARGETS),
        "met": met,
    }


def _measured(house: House, size: Size, plan: Plan, say: Callable[[str], None]) -> Timings:
    say(f"{size.waiting} callers with {size.needs} needs, {size.seats} seats: filling")
    bench = _Bench(house, size, plan)
    bench.fill()
    return bench.measure(say)


class _Bench:
    """One matcher of one size, and who is in it."""

    def __init__(self, house: House, size: Size, plan: Plan) -> None:
        self._house = house
        self._size = size
        self._plan = plan
        self._random = Random(plan.seed)  # noqa: S311 - a benchmark's dice, no secret
        self._crowd = Crowd(size, self._random)
        self._needs = [house.needs(text) for text in self._crowd.needs]
        self._quiet_needs = [house.needs(text) for text in self._crowd.quiet_needs]
        self._seats = list(self._crowd.seats)
        self._busy = sorted(self._crowd.seats.keys() - set(self._crowd.quiet_seats))
        self._quiet_busy: list[str] = []
        self._router = house.router()
        self._waiting = _Names()
        self._matched: deque[str] = deque()
        self._entered = 0
        self._now = _START
        self._timings = Timings()

    def fill(self) -> float:
        """Seats and callers as planned; the memory per waiting caller, by the resident set."""
        for seat_id, skills in self._crowd.seats.items():
            self._router.put_seat(seat_id, skills)
        gc.collect()
        before = psutil.Process().memory_info().rss
        for _ in range(self._size.waiting):
            self._router.caller_enters(self._newcomer(self._needs[self._crowd.popular()]))
        gc.collect()
        bytes_each = (psutil.Process().memory_info().rss - before) / self._size.waiting
        for number in range(1, self._entered + 1):
            self._waiting.add(_call_id(number))
        for seat_id in self._crowd.quiet_seats:
            self._router.seat_ready(seat_id, idle_since=self._tick())
        while self._router.tidy():
            pass
        return bytes_each

    def measure(self, say: Callable[[str], None]) -> Timings:
        """Every kind of decision equally often (those that let callers wait as often as those that
        end it), in random order, with idle ticks between them."""
        gc.collect()
        gc.freeze()  # as the engine does: what lives long is out of the collector's sight
        for decisions in (self._plan.decisions // 10, self._plan.decisions):
            self._timings = Timings()
            for number in range(decisions):
                self._random.choice(_KINDS)(self)
                if number % _TIDY_EVERY == 0:
                    begun = thread_time_ns()
                    self._router.tidy()
                    self._timings.tidy_ns.append(thread_time_ns() - begun)
        gc.unfreeze()
        worst_ms = self._timings.p99_ms()
        say(f"{self._plan.decisions} decisions: the worst kind's p99 is {worst_ms:.4f} ms")
        return self._timings

    # --- decisions by kind

    def seat_gets_caller(self) -> None:
        """One that ends a talk; of those who wait it can nearly always serve somebody."""
        seat_id, now = self._random.choice(self._busy), self._tick()
        watch = Watch()
        call_id = self._router.seat_ready(seat_id, idle_since=now)
        watch.stop()
        self._timings.note("seat_gets_nobody" if call_id is None else "seat_gets_caller", watch)
        if call_id is None:
            self._router.seat_busy(seat_id)
        else:
            self._rings(call_id)

    def seat_gets_nobody(self) -> None:
        """A quiet department's seat: all the waiting are other people's."""
        if not self._quiet_busy:
            self.caller_gets_seat()
        if self._quiet_busy:
            seat_id, now = self._quiet_busy.pop(), self._tick()
            watch = Watch()
            self._router.seat_ready(seat_id, idle_since=now)
            watch.stop()
            self._timings.note("seat_gets_nobody", watch)

    def caller_gets_seat(self) -> None:
        """A quiet department's caller: many of its seats are ready."""
        newcomer = self._newcomer(self._random.choice(self._quiet_needs))
        watch = Watch()
        seat_id = self._router.caller_enters(newcomer)
        watch.stop()
        self._timings.note("caller_waits" if seat_id is None else "caller_gets_seat", watch)
        if seat_id is None:
            self._waiting.add(newcomer.call_id)
        else:
            self._quiet_busy.append(seat_id)
            self._router.caller_leaves(newcomer.call_id)

    def caller_waits(self) -> None:
        """Nobody who could serve him is ready."""
        newcomer = self._newcomer(self._needs[self._crowd.popular()])
        watch = Watch()
        self._router.caller_enters(newcomer)
        watch.stop()
        self._timings.note("caller_waits", watch)
        self._waiting.add(newcomer.call_id)

    def caller_leaves(self) -> None:
        """Somebody hangs up, or his talk begins."""
        if len(self._matched) > _MATCHED:
            call_id = self._matched.popleft()
        else:
            call_id = self._waiting.some(self._random)
            self._waiting.remove(call_id)
        watch = Watch()
        self._router.caller_leaves(call_id)
        watch.stop()
        self._timings.note("caller_leaves", watch)

    def caller_returns(self) -> None:
        """His seat didn't answer."""
        if not self._matched:
            self.seat_gets_caller()
        if self._matched:
            call_id = self._matched.pop()
            watch = Watch()
            self._router.caller_returns(call_id)
            watch.stop()
            self._timings.note("caller_returns", watch)
            self._waiting.add(call_id)

    def step(self) -> None:
        """He needs something else; one in a hundred what nobody needed before."""
        if self._random.random() < 0.01:
            needs = self._house.needs(self._crowd.fresh_needs())
        else:
            needs = self._needs[self._crowd.popular()]
        call_id = self._waiting.some(self._random)
        watch = Watch()
        self._router.change(call_id, needs)
        watch.stop()
        self._timings.note("step", watch)

    def priority_change(self) -> None:
        """A danger word was heard."""
        call_id = self._waiting.some(self._random)
        watch = Watch()
        self._router.change(call_id, None, 5)
        watch.stop()
        self._timings.note("priority_change", watch)

    def moved_first(self) -> None:
        """A supervisor moves somebody up."""
        call_id = self._waiting.some(self._random)
        watch = Watch()
        self._router.move_first(call_id)
        watch.stop()
        self._timings.note("moved_first", watch)

    def skills_change(self) -> None:
        """A level changed, a skill learnt or unlearnt: nearly always a mix nobody else has."""
        seat_id = self._random.choice(self._seats)
        skills = self._crowd.other_skills(seat_id)
        watch = Watch()
        call_id = self._router.put_seat(seat_id, skills)
        watch.stop()
        self._timings.note("skills_change", watch)
        if call_id is not None:
            self._rings(call_id)

    def duty_change(self) -> None:
        """Somebody comes to work, or goes."""
        seat_id, on_duty = self._random.choice(self._busy), self._random.random() < 0.5
        watch = Watch()
        self._router.set_duty(seat_id, on_duty)
        watch.stop()
        self._timings.note("duty_change", watch)

    def position(self) -> None:
        """Somebody is told how many are before him."""
        call_id = self._waiting.some(self._random)
        watch = Watch()
        self._router.position(call_id)
        watch.stop()
        self._timings.note("position", watch)

    def on_duty(self) -> None:
        """The seats at work that can serve somebody are counted, for his expected wait."""
        needs = self._needs[self._crowd.popular()]
        watch = Watch()
        self._router.on_duty(needs)
        watch.stop()
        self._timings.note("on_duty", watch)

    # --- inside

    def _tick(self) -> datetime:
        self._now += timedelta(milliseconds=7)
        return self._now

    def _newcomer(self, needs: Any) -> Newcomer:
        self._entered += 1
        priority = self._random.choice(_PRIORITIES)
        return self._house.caller(_call_id(self._entered), needs, self._tick(), priority)

    def _rings(self, call_id: str) -> None:
        self._waiting.remove(call_id)
        self._matched.append(call_id)


_KINDS = (
    _Bench.seat_gets_caller,
    _Bench.seat_gets_nobody,
    _Bench.caller_gets_seat,
    _Bench.caller_waits,
    _Bench.caller_waits,
    _Bench.caller_leaves,
    _Bench.caller_returns,
    _Bench.step,
    _Bench.priority_change,
    _Bench.moved_first,
    _Bench.skills_change,
    _Bench.duty_change,
    _Bench.position,
    _Bench.on_duty,
)


def _call_id(number: int) -> str:
    """As long as Asterisk's are with a system name: 24 characters."""
    return f"gx1-1767225600.{number:09d}"


class _Names:
    """Names of which any can be drawn or taken out."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._at: dict[str, int] = {}

    def add(self, name: str) -> None:
        self._at[name] = len(self._names)
        self._names.append(name)

    def remove(self, name: str) -> None:
        at, last = self._at.pop(name), self._names.pop()
        if last != name:
            self._names[at] = last
            self._at[last] = at

    def some(self, random: Random) -> str:
        return random.choice(self._names)
