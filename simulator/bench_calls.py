"""`hotline bench calls`: app_queue and the engine take the same calls in turn, on one Asterisk.

This module decides what is called, what is measured and what comes of it. The two sides are
built by the front door and reach us as an `Arena`; docs/benchmarks.md tells what "equal work"
means and why the yardsticks are what they are.
"""

import asyncio
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Protocol

import psutil

from simulator.errors import StepMissed
from simulator.load import (
    Burst,
    BurstResult,
    Crowd,
    raw_sockets_allowed,
    run_burst,
    write_quiet_sound,
    write_sound,
)
from simulator.rings import answered_at, percentiles, ring_gaps

KEY_AT = ((0.8, "1"),)
QUEUED_AFTER_S = 1.5
SETTLE_S = 1.0
CHANNELS_GONE_S = 10.0
ALL_WAIT_S = 15.0
WAITING_SAMPLES = 5
TARGETS: Mapping[str, float] = {
    "cpu_ratio": 1.0,
    "ring_p99_ms": 20.0,
    "failed_calls": 0,
    "leftover_channels": 0,
    "rows_missing": 0,
    "rss_500_waiting_mb": 160.0,
}


class Side(StrEnum):
    """Who distributes the calls."""

    APP_QUEUE = "app_queue"
    ENGINE = "engine"


class Arena(Protocol):
    """One private installation with both sides in it, of which one runs at a time."""

    async def switch(self, side: Side, seats: int) -> Crowd:
        """Let this side alone take calls, with so many seats ready; how to reach it."""
        ...

    def cpu_s(self, side: Side) -> Mapping[str, float]:
        """CPU seconds used so far, by each part that works for this side's calls."""
        ...

    async def rows(self, side: Side) -> int:
        """How many calls stand in the database."""
        ...

    async def channels(self) -> int:
        """How many channels Asterisk has."""
        ...

    async def waiting(self) -> int:
        """How many callers wait in the engine's queue."""
        ...

    def engine_rss_mb(self) -> float:
        """The engine's resident memory, MB (10^6 bytes)."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. Talk is 1 to 2 s, so `few` seats serve `few` / 1.5 calls a second:
    `crowd_rate` must be above that, or nobody waits."""

    pairs: int = 5
    rates: tuple[int, ...] = (20, 40, 80)
    burst_s: float = 10.0
    seats: int = 400
    few: int = 45
    crowd_rate: int = 40
    crowd_s: float = 10.0
    waiting: int = 500
    waiting_rate: int = 25
    warm_up: int = 20


QUICK = Plan(
    pairs=1, rates=(20,), burst_s=3.0, few=12, crowd_rate=16, crowd_s=6.0, waiting=50, warm_up=5
)


@dataclass(slots=True)
class Tally:
    """What one side's bursts added up to."""

    cpu_ms: dict[int, list[float]] = field(default_factory=dict)
    gaps_ms: list[float] = field(default_factory=list)
    failed: int = 0
    left_over: int = 0
    rows_missing: int = 0


async def bench_calls(
    arena: Arena, plan: Plan, folder: Path, say: Callable[[str], None]
) -> dict[str, float]:
    """Run the whole plan; the figures by name. Raises SimulatorError when it can't be measured."""
    raw_sockets_allowed()
    tallies = {side: Tally() for side in Side}
    bench = _Bench(arena, plan, folder, say, tallies)
    await asyncio.to_thread(bench.make_sounds)
    for rate in plan.rates:
        for side in _alternately(plan.pairs):
            await bench.flow(side, rate)
    for side in _alternately(plan.pairs):
        await bench.crowd(side)
    rss_mb = await bench.wait_together()
    return _figures(plan, tallies) | {f"rss_{plan.waiting}_waiting_mb": round(rss_mb, 1)}


def report(figures: Mapping[str, float], commit: str) -> dict[str, object]:
    """The JSON object every bench prints. Targets are upper limits; one not measured isn't met."""
    met = all(name in figures and figures[name] <= limit for name, limit in TARGETS.items())
    return {
        "bench": "calls",
        "commit": commit,
        "machine": machine(),
        "figures": dict(figures),
        "targets": dict(TARGETS),
        "met": met,
    }


def machine() -> dict[str, object]:
    """Where it was measured."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cpus": os.cpu_count() or 0,
        "memory_mb": psutil.virtual_memory().total // 1_000_000,
    }


def _alternately(pairs: int) -> list[Side]:
    """A B, B A, A B …: drift of the machine falls on both sides alike, and so do switches."""
    there, back = [Side.APP_QUEUE, Side.ENGINE], [Side.ENGINE, Side.APP_QUEUE]
    return [side for pair in range(pairs) for side in (there if pair % 2 == 0 else back)]


@dataclass(slots=True)
class _Bench:
    """One run of the plan."""

    arena: Arena
    plan: Plan
    folder: Path
    say: Callable[[str], None]
    tallies: dict[Side, Tally]
    _bursts: int = 0

    @property
    def sound(self) -> Path:
        return self.folder / "sound.pcap"

    @property
    def quiet_sound(self) -> Path:
        return self.folder / "quiet.pcap"

    def make_sounds(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_sound(self.sound, "ulaw", KEY_AT)
        write_quiet_sound(self.quiet_sound, "ulaw", KEY_AT)

    async def flow(self, side: Side, rate: int) -> None:
        """Enough seats for everybody: what does a call cost?"""
        crowd = await self.arena.switch(side, self.plan.seats)
        await self._burst(side, Burst(self.plan.warm_up, 10), crowd)
        before = self.arena.cpu_s(side)
        burst = Burst(round(rate * self.plan.burst_s), rate)
        result = await self._burst(side, burst, crowd)
        served = result.seats.successful
        after = self.arena.cpu_s(side)
        parts_ms = {part: 1000 * (after[part] - before[part]) / served for part in after}
        per_call = sum(parts_ms.values())
        self.tallies[side].cpu_ms.setdefault(rate, []).append(per_call)
        shares = ", ".join(f"{part} {spent:.1f}" for part, spent in parts_ms.items())
        self.say(f"{side}: {burst.calls} calls at {rate}/s, {per_call:.1f} ms CPU each ({shares})")

    async def crowd(self, side: Side) -> None:
        """More callers than seats: how long is a free seat left alone?"""
        plan = self.plan
        crowd = await self.arena.switch(side, plan.few)
        burst = Burst(round(plan.crowd_rate * plan.crowd_s), plan.crowd_rate, trace=True)
        result = await self._burst(side, burst, crowd)
        answered = answered_at(result.citizens_trace)
        gaps = ring_gaps(result.seats_trace, answered, key_after_s=QUEUED_AFTER_S)
        rings = percentiles(gaps)
        self.tallies[side].gaps_ms += gaps
        self.say(
            f"{side}: {rings.count} seats set free while callers waited, "
            f"next ring after {rings.p50:.1f} ms (median), {rings.p99:.1f} ms (p99)"
        )

    async def wait_together(self) -> float:
        """Nobody answers: the engine's largest resident memory with all of them waiting, MB."""
        plan = self.plan
        crowd = await self.arena.switch(Side.ENGINE, 0)
        arriving_s = plan.waiting / plan.waiting_rate
        burst = Burst(plan.waiting, plan.waiting_rate, hold_s=arriving_s + ALL_WAIT_S)
        run = asyncio.create_task(self._run(burst, crowd, self.quiet_sound))
        try:
            samples = await self._weigh(arriving_s + ALL_WAIT_S)
        finally:
            await asyncio.wait({run})
        await run
        self.tallies[Side.ENGINE].left_over += await self._left_over()
        self.say(f"engine: {max(samples):.1f} MB with {plan.waiting} callers waiting")
        return max(samples)

    async def _weigh(self, within_s: float) -> list[float]:
        """The engine's memory, some times, once all wait; raises StepMissed if they never do."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        while (waiting := await self.arena.waiting()) < self.plan.waiting:
            if loop.time() > deadline:
                raise StepMissed(f"only {waiting} of {self.plan.waiting} callers waited together")
            await asyncio.sleep(0.2)
        samples = []
        for _ in range(WAITING_SAMPLES):
            samples.append(self.arena.engine_rss_mb())
            await asyncio.sleep(SETTLE_S)
        return samples

    async def _burst(self, side: Side, burst: Burst, crowd: Crowd) -> BurstResult:
        """One burst, its failures, leftovers and rows counted; ends when all is written."""
        tally = self.tallies[side]
        rows_before = await self.arena.rows(side)
        result = await self._run(burst, crowd, self.sound)
        if not result.seats.successful:
            raise StepMissed(f"{side}: not one of {burst.calls} calls reached a seat")
        tally.failed += burst.calls - min(result.citizens.successful, result.seats.successful)
        tally.left_over += await self._left_over()
        await asyncio.sleep(SETTLE_S)
        written = await self.arena.rows(side) - rows_before
        tally.rows_missing += max(0, burst.calls - written)
        return result

    async def _run(self, burst: Burst, crowd: Crowd, sound: Path) -> BurstResult:
        self._bursts += 1
        return await run_burst(burst, crowd, sound, self.folder / f"burst-{self._bursts}")

    async def _left_over(self) -> int:
        """Channels that don't go within a time in which every channel must."""
        deadline = asyncio.get_running_loop().time() + CHANNELS_GONE_S
        while left := await self.arena.channels():
            if asyncio.get_running_loop().time() > deadline:
                return left
            await asyncio.sleep(0.5)
        return 0


def _figures(plan: Plan, tallies: Mapping[Side, Tally]) -> dict[str, float]:
    """Medians of the pairs; `cpu_ratio` is the worst rate's median ratio."""
    engine, queue = tallies[Side.ENGINE], tallies[Side.APP_QUEUE]
    figures: dict[str, float] = {}
    for rate in plan.rates:
        ratios = [e / q for e, q in zip(engine.cpu_ms[rate], queue.cpu_ms[rate], strict=True)]
        figures[f"cpu_ratio_{rate}"] = round(median(ratios), 3)
        figures[f"engine_cpu_ms_{rate}"] = round(median(engine.cpu_ms[rate]), 2)
        figures[f"app_queue_cpu_ms_{rate}"] = round(median(queue.cpu_ms[rate]), 2)
    figures = {"cpu_ratio": max(figures[f"cpu_ratio_{rate}"] for rate in plan.rates)} | figures
    for prefix, tally in (("", engine), ("app_queue_", queue)):
        rings = percentiles(tally.gaps_ms)
        figures |= {
            f"{prefix}ring_p50_ms": round(rings.p50, 2),
            f"{prefix}ring_p95_ms": round(rings.p95, 2),
            f"{prefix}ring_p99_ms": round(rings.p99, 2),
            f"{prefix}rings": rings.count,
            f"{prefix}failed_calls": tally.failed,
            f"{prefix}leftover_channels": tally.left_over,
            f"{prefix}rows_missing": tally.rows_missing,
        }
    return figures
