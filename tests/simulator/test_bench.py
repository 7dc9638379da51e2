"""`hotline bench calls`, small: both sides for real, and what its report says."""

import asyncio

import pytest

from hotline.arena import arena
from simulator.bench_calls import bench_calls, report
from simulator.bench_plan import TARGETS, Plan
from simulator.bench_steps import Steps

TINY = Plan(
    pairs=1, rates=(10,), bare_rate=10, burst_s=2.0, seats=16, few=8, crowd=40, crowd_rate=10,
    crowd_talk_ms=(1000, 2000), crowd_pairs=1, waiting=12, waiting_rate=12, all_wait_s=8.0,
    holds=((12, 3.0),), stay_on_s=4.0, warm_up=2,
)  # fmt: skip


@pytest.mark.e2e
@pytest.mark.timeout(300)
async def test_both_sides_serve_every_call_and_are_measured() -> None:
    """Every figure the report promises is there; no call fails, no channel stays, on both sides."""
    told: list[str] = []
    steps = Steps(told.append)
    async with arena(TINY) as (built, folder):
        measured = await bench_calls(built, TINY, folder, steps)
        commands = await asyncio.to_thread(lambda: sorted(p.name for p in folder.iterdir()))
    assert steps.errors == []
    figures = {name: value for name, value in measured.items() if value is not None}
    assert len(figures) == len(measured)
    assert "burst-1" in commands
    for side in ("", "app_queue_"):
        assert figures[f"{side}failed_calls"] == 0
        assert figures[f"{side}leftover_channels"] == 0
        assert figures[f"{side}rows_missing"] == 0
        assert 0 < figures[f"{side}ring_p50_ms"] <= figures[f"{side}ring_p99_ms"]
    assert 0.2 < figures["cpu_ratio"] < 5
    assert figures["ring_p50_ms"] < figures["app_queue_ring_p50_ms"]
    assert 20 < figures["rss_12_waiting_mb"] < 400
    assert 0.2 < figures["cpu_ratio_bare"] < 5
    assert (figures["hold_12_lost"], figures["app_queue_hold_12_lost"]) == (0, 0)
    assert figures["hold_cpu_ratio"] > 0
    assert len(told) == 9


def test_the_report_is_met_only_when_everything_was_measured_and_fits() -> None:
    good = dict.fromkeys(TARGETS, 0.0)
    assert report(good, "abc")["met"] is True
    assert report(good | {"failed_calls": 1}, "abc")["met"] is False
    assert report({k: v for k, v in good.items() if k != "cpu_ratio"}, "abc")["met"] is False


def test_the_report_says_where_it_was_measured() -> None:
    told = report({}, "abc")
    assert (told["bench"], told["commit"]) == ("calls", "abc")
    assert set(told) == {"bench", "commit", "machine", "figures", "targets", "met"}
