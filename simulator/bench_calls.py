"""`hotline bench calls`: app_queue and the engine take the same calls in turn, on one Asterisk.

This module decides what is called, what is measured and what comes of it. The two sides are
built by the front door and reach us as an `Arena`; docs/benchmarks.md tells what "equal work"
means and why the yardsticks are what they are.
"""

import asyncio
import contextlib
import os
import platform
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import psutil

from simulator.bench_figures import (
    bare_figures,
    count_figures,
    flow_figures,
    hold_figures,
    ring_figures,
)
from simulator.bench_plan import BARE, FULL, TARGETS, Arena, Measure, Pair, Plan, Side, Tally
from simulator.bench_steps import Figures, Steps, within
from simulator.errors import StepMissed
from simulator.holding import NEVER_CONNECTED, losses, told
from simulator.load import (
    Burst,
    BurstResult,
    Crowd,
    citizens_trace,
    raw_sockets_allowed,
    run_burst,
    write_quiet_sound,
    write_sound,
)
from simulator.rings import answered_at, percentiles, ring_gaps

T = TypeVar("T")

KEY_AT = ((0.8, "1"),)
QUEUED_AFTER_S = 1.5
SETTLE_S = 1.0
CHANNELS_GONE_S = 10.0
WAITING_SAMPLES = 5
HOLD_DRAIN_S = 300.0
"""A thousand on a full machine: who was answered minutes late (and is lost) leaves minutes late."""


async def bench_calls(
    arena: Arena,
    plan: Plan,
    folder: Path,
    steps: Steps,
    figures: dict[str, float | None] | None = None,
) -> Figures:
    """Run the whole plan; the figures by name. What failed stands in the steps' errors.

    When the bench is ended meanwhile, what was measured until then is in `figures` all the same.
    Raises SimulatorError when nothing can be measured at all.
    """
    raw_sockets_allowed()
    told: dict[str, float | None] = {} if figures is None else figures
    tallies = {side: Tally() for side in Side}
    bench = Bench(arena, plan, folder, steps, tallies)
    await asyncio.to_thread(bench.make_sounds)
    try:
        await bench.take_all()
    finally:
        told |= _figures(plan, tallies)
    return told


def _figures(plan: Plan, tallies: dict[Side, Tally]) -> Figures:
    """What the planned measures told; null where nothing was measured."""
    figures: dict[str, float | None] = {}
    if Measure.FLOW in plan.measures:
        figures |= flow_figures(plan, tallies)
    if Measure.BARE in plan.measures:
        figures |= bare_figures(plan, tallies)
    if Measure.RING in plan.measures:
        figures |= ring_figures(tallies)
    if Measure.MEMORY in plan.measures:
        rss_mb = tallies[Side.ENGINE].rss_mb
        figures[f"rss_{plan.waiting}_waiting_mb"] = None if rss_mb is None else round(rss_mb, 1)
    if Measure.HOLD in plan.measures:
        figures |= hold_figures(plan, tallies)
    return {**figures, **count_figures(tallies)}


def report(figures: Figures, commit: str) -> dict[str, object]:
    """The JSON object every bench prints. Targets are upper limits; one not measured isn't met."""
    return {
        "bench": "calls",
        "commit": commit,
        "machine": machine(),
        "figures": dict(figures),
        "targets": dict(TARGETS),
        "met": within(figures, TARGETS),
    }


def machine() -> dict[str, object]:
    """Where it was measured."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cpus": os.cpu_count() or 0,
        "memory_mb": psutil.virtual_memory().total // 1_000_000,
    }


def _alternately(pairs: int, sides: Pair = FULL) -> list[Pair]:
    """A B, B A, A B …: drift of the machine falls on both sides alike, and so do switches."""
    return [sides if pair % 2 == 0 else (sides[1], sides[0]) for pair in range(pairs)]


@dataclass(slots=True)
class Bench:
    """One run of the plan."""

    arena: Arena
    plan: Plan
    folder: Path
    steps: Steps
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
        plan = self.plan
        longest_s = max(seconds + callers / plan.holding_rate for callers, seconds in plan.holds)
        write_quiet_sound(self.quiet_sound, "ulaw", KEY_AT, longest_s + plan.stay_on_s + 60)

    async def take_all(self) -> None:
        """The plan's measures, one step after another."""
        plan = self.plan
        if Measure.FLOW in plan.measures:
            for rate in plan.rates:
                for sides in _alternately(plan.pairs):
                    await self.take(f"calls at {rate}/s", self.pair(sides, rate))
        if Measure.BARE in plan.measures:
            for sides in _alternately(plan.pairs, BARE):
                await self.take("bare calls", self.pair(sides, plan.bare_rate))
        if Measure.RING in plan.measures:
            for side in chain.from_iterable(_alternately(plan.crowd_pairs)):
                await self.take(f"ringing, {side}", self.crowd(side))
        if Measure.MEMORY in plan.measures:
            waiting = self.take(f"{plan.waiting} waiting", self.wait_together())
            self.tallies[Side.ENGINE].rss_mb = await waiting
        if Measure.HOLD in plan.measures:
            for held, seconds in plan.holds:
                for side in FULL:
                    await self.take(f"{held} held, {side}", self.hold(side, held, seconds))

    async def take(self, name: str, work: Awaitable[T]) -> T | None:
        """A step of the plan; after one that failed every part is started anew."""
        failed = len(self.steps.errors)
        taken = await self.steps.take(name, work)
        if len(self.steps.errors) > failed:
            self.arena.start_over()
        return taken

    async def pair(self, sides: Pair, rate: int) -> None:
        """Both sides one after the other; a pair of which one failed counts for neither."""
        costs_ms = [await self.flow(side, rate) for side in sides]
        for side, cost_ms in zip(sides, costs_ms, strict=True):
            self.tallies[side].cpu_ms.setdefault(rate, []).append(cost_ms)

    async def flow(self, side: Side, rate: int) -> float:
        """Enough seats for everybody: what does a call cost, ms of CPU?"""
        crowd = await self.arena.switch(side, self.plan.seats)
        await self._burst(side, Burst(self.plan.warm_up, 10), crowd)
        before = self.arena.cpu_s(side)
        burst = Burst(round(rate * self.plan.burst_s), rate)
        result = await self._burst(side, burst, crowd)
        served = result.seats.successful
        after = self.arena.cpu_s(side)
        parts_ms = {part: 1000 * (after[part] - before[part]) / served for part in after}
        per_call = sum(parts_ms.values())
        shares = ", ".join(f"{part} {spent:.1f}" for part, spent in parts_ms.items())
        self.steps.say(
            f"{side}: {burst.calls} calls at {rate}/s, {per_call:.1f} ms CPU each ({shares})"
        )
        return per_call

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
        self.steps.say(
            f"{side}: {rings.count} seats set free while callers waited, "
            f"next ring after {rings.p50:.1f} ms (median), {rings.p99:.1f} ms (p99)"
        )

    async def wait_together(self) -> float:
        """Nobody answers: the engine's largest resident memory with all of them waiting, MB."""
        plan = self.plan
        crowd = await self.arena.switch(Side.ENGINE, 0)
        arriving_s = plan.waiting / plan.waiting_rate
        burst = Burst(plan.waiting, plan.waiting_rate, hold_s=arriving_s + plan.all_wait_s)
        async with self._calling(burst, crowd):
            samples = await self._weigh(arriving_s + plan.all_wait_s)
            self.steps.say(f"engine: {max(samples):.1f} MB with {plan.waiting} callers waiting")
        self.tallies[Side.ENGINE].left_over += await self.left_over()
        return max(samples)

    async def hold(self, side: Side, callers: int, seconds: float) -> None:
        """Nobody answers: what holding them with music costs a second, and how many are lost.

        Lost is whoever isn't there when it is counted: by his own SIP trace, or for Asterisk, which
        has no channel of his. They all stay longer than that, whatever the machine does meanwhile.
        """
        plan, loop = self.plan, asyncio.get_running_loop()
        crowd = await self.arena.switch(side, 0)
        settled_s = callers / plan.holding_rate + plan.all_wait_s / 2
        stay_s = settled_s + seconds + plan.stay_on_s
        burst = Burst(callers, plan.holding_rate, trace=True, hold_s=stay_s, drain_s=HOLD_DRAIN_S)
        tally = self.tallies[side]
        async with self._calling(burst, crowd) as run:
            await asyncio.sleep(settled_s)
            began, before = loop.time(), sum(self.arena.cpu_s(side).values())
            await asyncio.sleep(seconds)
            cores = (sum(self.arena.cpu_s(side).values()) - before) / (loop.time() - began)
            at = time.time()
            there = await self.arena.channels()
            if run.done():
                await run  # it broke off; what was measured then isn't meant
            trace = await asyncio.to_thread(citizens_trace, self._folder())
            lost = losses(trace, callers, at)
            held = min(there, callers - len(lost))
            tally.held_cpu_s[callers] = cores
            tally.lost[callers] = callers - held
            tally.never_connected[callers] = sum(loss.fate in NEVER_CONNECTED for loss in lost)
            self.steps.say(
                f"{side}: {held} of {callers} held for {seconds:g} s, {100 * cores:.0f} % of a core"
            )
            for line in told(lost, callers - len(lost) - held):
                self.steps.say(line)
        tally.left_over += await self.left_over()

    @contextlib.asynccontextmanager
    async def _calling(
        self, burst: Burst, crowd: Crowd
    ) -> "AsyncIterator[asyncio.Task[BurstResult]]":
        """A burst of callers beside what is measured; ended with it when that fails."""
        run = asyncio.create_task(self.run(burst, crowd, self.quiet_sound))
        try:
            yield run
            await run
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)

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
        return await run_burst(burst, crowd, sound, self._folder())

    def _folder(self) -> Path:
        """Where the last burst's files are."""
        return self.folder / f"burst-{self._bursts}"

    async def left_over(self) -> int:
        """Channels that don't go within a time in which every channel must."""
        deadline = asyncio.get_running_loop().time() + CHANNELS_GONE_S
        while left := await self.arena.channels():
            if asyncio.get_running_loop().time() > deadline:
                return left
            await asyncio.sleep(0.5)
        return 0
