"""`hotline bench calls`: app_queue and the engine take the same calls in turn, on one Asterisk.

This module decides what is called, what is measured and what comes of it. The two sides are
built by the front door and reach us as an `Arena`; docs/benchmarks.md tells what "equal work"
means and why the yardsticks are what they are.
"""

import asyncio
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from simulator.bench_hold import hold_figures
from simulator.bench_plan import BARE, FULL, TARGETS, Arena, Measure, Plan, Side, Tally
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
WAITING_SAMPLES = 5


async def bench_calls(
    arena: Arena, plan: Plan, folder: Path, say: Callable[[str], None]
) -> dict[str, float]:
    """Run the whole plan; the figures by name. Raises SimulatorError when it can't be measured."""
    raw_sockets_allowed()
    tallies = {side: Tally() for side in Side}
    bench = Bench(arena, plan, folder, say, tallies)
    await asyncio.to_thread(bench.make_sounds)
    figures: dict[str, float] = {}
    if Measure.FLOW in plan.measures:
        for rate in plan.rates:
            for side in _alternately(plan.pairs):
                await bench.flow(side, rate)
        figures |= _flow_figures(plan, tallies)
    if Measure.BARE in plan.measures:
        for side in _alternately(plan.pairs, BARE):
            await bench.flow(side, plan.bare_rate)
        figures |= _bare_figures(plan, tallies)
    if Measure.RING in plan.measures:
        for side in _alternately(plan.crowd_pairs):
            await bench.crowd(side)
        figures |= _ring_figures(tallies)
    if Measure.MEMORY in plan.measures:
        rss_mb = await bench.wait_together()
        figures[f"rss_{plan.waiting}_waiting_mb"] = round(rss_mb, 1)
    if Measure.HOLD in plan.measures:
        for held, seconds in plan.holds:
            for side in FULL:
                await bench.hold(side, held, seconds)
        figures |= hold_figures(plan, tallies)
    return figures | _count_figures(tallies)


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


def _alternately(pairs: int, sides: tuple[Side, Side] = FULL) -> list[Side]:
    """A B, B A, A B …: drift of the machine falls on both sides alike, and so do switches."""
    return [side for pair in range(pairs) for side in (sides if pair % 2 == 0 else sides[::-1])]


@dataclass(slots=True)
class Bench:
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
        rate = self.plan.waiting_rate
        longest_s = max(seconds + callers / rate for callers, seconds in self.plan.holds)
        write_quiet_sound(self.quiet_sound, "ulaw", KEY_AT, longest_s + 60)

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
        burst = Burst(plan.crowd, plan.crowd_rate, trace=True, talk_ms=plan.crowd_talk_ms)
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
        burst = Burst(plan.waiting, plan.waiting_rate, hold_s=arriving_s + plan.all_wait_s)
        run = asyncio.create_task(self.run(burst, crowd, self.quiet_sound))
        try:
            samples = await self._weigh(arriving_s + plan.all_wait_s)
        finally:
            await asyncio.wait({run})
        await run
        self.tallies[Side.ENGINE].left_over += await self.left_over()
        self.say(f"engine: {max(samples):.1f} MB with {plan.waiting} callers waiting")
        return max(samples)

    async def hold(self, side: Side, callers: int, seconds: float) -> None:
        """Nobody answers: what holding them with music costs a second, and how many are lost."""
        plan = self.plan
        crowd = await self.arena.switch(side, 0)
        arriving_s = callers / plan.waiting_rate
        stay_s = arriving_s + plan.all_wait_s + seconds
        burst = Burst(callers, plan.waiting_rate, hold_s=stay_s)
        run = asyncio.create_task(self.run(burst, crowd, self.quiet_sound))
        try:
            await asyncio.sleep(arriving_s + plan.all_wait_s / 2)
            before = sum(self.arena.cpu_s(side).values())
            await asyncio.sleep(seconds)
            spent_s = sum(self.arena.cpu_s(side).values()) - before
            there = await self.arena.channels()
        finally:
            await asyncio.wait({run})
        await run
        tally = self.tallies[side]
        tally.held_cpu_s[callers] = spent_s / seconds
        tally.lost[callers] = callers - there
        tally.left_over += await self.left_over()
        self.say(
            f"{side}: {there} of {callers} held for {seconds:g} s, "
            f"{100 * spent_s / seconds:.0f} % of a core"
        )

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

    async def _burst(
        self, side: Side, burst: Burst, crowd: Crowd, sound: Path | None = None
    ) -> BurstResult:
        """One burst, its failures, leftovers and rows counted; ends when all is written."""
        tally = self.tallies[side]
        rows_before = await self.arena.rows(side)
        result = await self.run(burst, crowd, sound or self.sound)
        if not result.seats.successful:
            raise StepMissed(f"{side}: not one of {burst.calls} calls reached a seat")
        tally.failed += burst.calls - min(result.citizens.successful, result.seats.successful)
        tally.left_over += await self.left_over()
        await asyncio.sleep(SETTLE_S)
        if side.keeps_rows:
            written = await self.arena.rows(side) - rows_before
            tally.rows_missing += max(0, burst.calls - written)
        return result

    async def run(self, burst: Burst, crowd: Crowd, sound: Path) -> BurstResult:
        self._bursts += 1
        return await run_burst(burst, crowd, sound, self.folder / f"burst-{self._bursts}")

    async def left_over(self) -> int:
        """Channels that don't go within a time in which every channel must."""
        deadline = asyncio.get_running_loop().time() + CHANNELS_GONE_S
        while left := await self.arena.channels():
            if asyncio.get_running_loop().time() > deadline:
                return left
            await asyncio.sleep(0.5)
        return 0


def _flow_figures(plan: Plan, tallies: Mapping[Side, Tally]) -> dict[str, float]:
    """Medians of the pairs; `cpu_ratio` is the worst rate's median ratio."""
    engine, queue = tallies[Side.ENGINE], tallies[Side.APP_QUEUE]
    figures: dict[str, float] = {}
    for rate in plan.rates:
        figures[f"cpu_ratio_{rate}"] = _ratio(engine, queue, rate)
        figures[f"engine_cpu_ms_{rate}"] = round(median(engine.cpu_ms[rate]), 2)
        figures[f"app_queue_cpu_ms_{rate}"] = round(median(queue.cpu_ms[rate]), 2)
    return {"cpu_ratio": max(figures[f"cpu_ratio_{rate}"] for rate in plan.rates)} | figures


def _bare_figures(plan: Plan, tallies: Mapping[Side, Tally]) -> dict[str, float]:
    engine, queue = tallies[Side.BARE_ENGINE], tallies[Side.BARE_APP_QUEUE]
    return {
        "cpu_ratio_bare": _ratio(engine, queue, plan.bare_rate),
        "bare_engine_cpu_ms": round(median(engine.cpu_ms[plan.bare_rate]), 2),
        "bare_app_queue_cpu_ms": round(median(queue.cpu_ms[plan.bare_rate]), 2),
    }


def _ratio(engine: Tally, queue: Tally, rate: int) -> float:
    """The median of the pairs' ratios."""
    pairs = zip(engine.cpu_ms[rate], queue.cpu_ms[rate], strict=True)
    return round(median(e / q for e, q in pairs), 3)


def _ring_figures(tallies: Mapping[Side, Tally]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for prefix, side in (("", Side.ENGINE), ("app_queue_", Side.APP_QUEUE)):
        rings = percentiles(tallies[side].gaps_ms)
        figures |= {
            f"{prefix}ring_p50_ms": round(rings.p50, 2),
            f"{prefix}ring_p95_ms": round(rings.p95, 2),
            f"{prefix}ring_p99_ms": round(rings.p99, 2),
            f"{prefix}rings": rings.count,
        }
    return figures


def _count_figures(tallies: Mapping[Side, Tally]) -> dict[str, float]:
    """What went wrong on each side; the bare sides' count with their own."""
    figures: dict[str, float] = {}
    for prefix, sides in (
        ("", (Side.ENGINE, Side.BARE_ENGINE)),
        ("app_queue_", (Side.APP_QUEUE, Side.BARE_APP_QUEUE)),
    ):
        told = [tallies[side] for side in sides]
        figures |= {
            f"{prefix}failed_calls": sum(tally.failed for tally in told),
            f"{prefix}leftover_channels": sum(tally.left_over for tally in told),
            f"{prefix}rows_missing": sum(tally.rows_missing for tally in told),
        }
    return figures
