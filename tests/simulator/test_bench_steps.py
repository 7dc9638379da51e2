"""A bench of which a part fails still tells what it has measured, and what failed."""

import asyncio
import json
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer

from hotline.commands import bench
from hotline.commands.bench import _tell
from simulator import bench_calls as calls
from simulator.bench_plan import TARGETS, Measure, Plan, Side
from simulator.bench_steps import Figures, Steps, with_errors
from simulator.errors import StepMissed
from simulator.load import Burst, BurstResult, Crowd
from simulator.rings import Message
from simulator.sipp import Address, Statistics

PLAN = Plan(
    pairs=2, rates=(10, 20), burst_s=1.0, seats=5, holding_rate=1000, all_wait_s=0.0,
    holds=((2, 0.01), (3, 0.01)), measures=frozenset({Measure.FLOW, Measure.HOLD}), warm_up=1,
)  # fmt: skip


class FakeArena:
    """Every call costs app_queue 2 ms and the engine 1; nobody is lost, no channel is left."""

    def __init__(self) -> None:
        self.side = Side.APP_QUEUE
        self.spent_s = 0.0
        self.held = 0
        self.started_over = 0

    async def switch(self, side: Side, seats: int) -> Crowd:
        self.side = side
        return Crowd("127.0.0.2", "12345", Address("127.0.0.1", 1), Address("127.0.0.3", 1))

    def start_over(self) -> None:
        self.started_over += 1

    def cpu_s(self, side: Side) -> Mapping[str, float]:
        return {"asterisk": self.spent_s}

    async def rows(self, side: Side) -> int:
        return 10**6

    async def channels(self) -> int:
        return self.held

    async def waiting(self) -> int:
        return self.held

    def engine_rss_mb(self) -> float:
        return 100.0


def _answered(callers: int) -> list[Message]:
    """The SIP trace of so many citizens who are held."""
    lines = ("INVITE sip:12345@127.0.0.1 SIP/2.0", "ACK sip:12345@127.0.0.1 SIP/2.0")
    return [Message(0.0, True, str(n), line) for n in range(callers) for line in lines]


async def _measured(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    *,
    fails: str,
    why: BaseException | None = None,
    figures: dict[str, float | None] | None = None,
) -> tuple[Figures, Steps, FakeArena]:
    """The plan on the fake; SIPp doesn't end in the bursts that are `fails` ("side calls"), or
    something else comes between."""
    arena, steps = FakeArena(), Steps(lambda line: None)

    async def run_burst(burst: Burst, crowd: Crowd, sound: Path, at: Path) -> BurstResult:
        arena.spent_s += burst.calls * (0.002 if arena.side is Side.APP_QUEUE else 0.001)
        holding = sound.name == "quiet.pcap"
        arena.held = burst.calls if holding else 0
        if holding:
            await asyncio.sleep(0.1)
            arena.held = 0
        if f"{arena.side} {burst.calls}" == fails:
            raise why or StepMissed("citizens: SIPp didn't end within 1 s")
        done = Statistics(burst.calls, burst.calls, 0)
        return BurstResult(done, done, (), ())

    monkeypatch.setattr(calls, "raw_sockets_allowed", lambda: None)
    monkeypatch.setattr(calls, "run_burst", run_burst)
    monkeypatch.setattr(calls, "citizens_trace", lambda folder: _answered(arena.held))
    monkeypatch.setattr(calls, "SETTLE_S", 0.0)
    return await calls.bench_calls(arena, PLAN, folder, steps, figures), steps, arena


async def test_a_hold_whose_callers_never_end_is_told_with_what_was_measured_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figures, steps, arena = await _measured(monkeypatch, tmp_path, fails="engine 3")
    assert steps.errors == ["3 held, engine: citizens: SIPp didn't end within 1 s"]
    assert arena.started_over == 1
    assert figures["cpu_ratio"] == 0.5
    assert (figures["hold_2_lost"], figures["hold_3_lost"]) == (0, 0)
    told = with_errors(calls.report(figures, "abc"), steps.errors)
    assert told["met"] is False
    assert told["errors"] == steps.errors
    assert told["figures"]["ring_p99_ms"] is None


async def test_a_pair_of_which_one_failed_counts_for_neither(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A rate at which every pair failed has no figure, and so there is no worst rate."""
    figures, steps, _ = await _measured(monkeypatch, tmp_path, fails="app_queue 20")
    assert len(steps.errors) == PLAN.pairs
    assert all(error.startswith("calls at 20/s: ") for error in steps.errors)
    assert figures["cpu_ratio_10"] == 0.5
    for name in ("cpu_ratio", "cpu_ratio_20", "engine_cpu_ms_20", "app_queue_cpu_ms_20"):
        assert figures[name] is None


async def test_who_ends_the_bench_ends_it() -> None:
    """Cancelled, a step is no failed step."""
    steps = Steps(lambda line: None)
    taking = asyncio.create_task(steps.take("long", asyncio.sleep(60)))
    await asyncio.sleep(0)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert steps.errors == []


async def test_a_bench_that_is_ended_has_told_what_was_measured_until_then(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    figures: dict[str, float | None] = {}
    ended = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await _measured(monkeypatch, tmp_path, fails="engine 2", why=ended, figures=figures)
    assert (figures["cpu_ratio"], figures["failed_calls"]) == (0.5, 0)
    assert figures["app_queue_hold_2_lost"] == 0
    assert (figures["hold_3_lost"], figures["app_queue_hold_3_lost"]) == (None, None)


def test_a_bench_ended_by_a_signal_prints_its_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def measure(plan: Plan, steps: Steps, figures: dict[str, float | None]) -> None:
        figures["cpu_ratio"] = 0.5
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(bench, "_measure", measure)
    monkeypatch.setattr(bench, "_may_make_sound", lambda name: None)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(typer.Exit) as ended:
            bench.calls(as_json=True, quick=True, pairs=1, only=None)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.exit_code == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["met"], told["figures"]["cpu_ratio"]) == (False, 0.5)
    assert told["errors"] == ["bench calls: ended by a signal before all was measured"]


def test_the_object_is_printed_and_the_command_fails(capsys: pytest.CaptureFixture[str]) -> None:
    figures = dict.fromkeys(TARGETS, 0.0)
    _tell(calls.report(figures, "abc"), figures, [], as_json=True)
    good = json.loads(capsys.readouterr().out)
    assert (good["met"], "errors" in good) == (True, False)
    with pytest.raises(typer.Exit) as ended:
        _tell(calls.report({}, "abc"), {}, ["1000 held, engine: gone"], as_json=True)
    assert ended.value.exit_code == 1
    told = json.loads(capsys.readouterr().out)
    assert told["errors"] == ["1000 held, engine: gone"]
    assert (told["met"], told["figures"]) == (False, dict.fromkeys(TARGETS))


def test_a_bench_of_one_step_that_breaks_has_no_figure() -> None:
    def broken() -> dict[str, float]:
        raise ZeroDivisionError

    steps = Steps(lambda line: None)
    assert steps.do("bench routing", broken) == {}
    assert steps.errors == ["bench routing: ZeroDivisionError"]
