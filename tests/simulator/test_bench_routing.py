"""`hotline bench routing`, small: the real matcher is asked everything, and the report is whole."""

import gc
from dataclasses import replace
from random import Random

import pytest

from hotline.routing_house import RealHouse
from queue_manager.matcher import Matcher
from simulator.bench_routing import QUICK, TARGETS, bench_routing, percentile, report
from simulator.routing_crowd import SKILLS, Crowd, Size
from tests.queue_manager.virtual_time import START

TINY = replace(QUICK, decisions=1_500, seats=100, waiting=2_000, needs=100, many_needs=300)
KINDS = (
    "seat_gets_caller", "seat_gets_nobody", "caller_gets_seat", "caller_waits", "caller_leaves",
    "caller_returns", "step", "priority_change", "moved_first", "skills_change", "duty_change",
    "position", "on_duty",
)  # fmt: skip


def test_every_kind_of_decision_is_measured() -> None:
    """Each kind has its figures at both numbers of needs; every target has a figure."""
    told: list[str] = []
    figures = bench_routing(RealHouse(), TINY, told.append)
    for kind in KINDS:
        assert (
            0 < figures[f"{kind}_p50_ms"] <= figures[f"{kind}_p99_ms"] <= figures[f"{kind}_max_ms"]
        )
        assert figures[f"{kind}_p99_ms_12000"] <= figures["decision_p99_ms_12000"] + 1e-4
    assert figures["decision_p99_ms"] == pytest.approx(
        max(figures[f"{kind}_p99_ms"] for kind in KINDS), abs=1e-4
    )
    assert TARGETS.keys() <= figures.keys()
    assert len(told) == 6
    assert not gc.get_freeze_count()


def test_the_decisions_are_what_their_names_say() -> None:
    """With this crowd a busy department's seat finds a caller, a quiet one's nobody, and a quiet
    department's caller a seat."""
    house, crowd = RealHouse(), Crowd(Size(200, 0, 200), Random(1))
    matcher = house.router()
    for seat_id, skills in crowd.seats.items():
        matcher.put_seat(seat_id, skills)
    now = START
    for number in range(2000):
        needs = house.needs(crowd.needs[crowd.popular()])
        assert matcher.caller_enters(house.caller(f"c{number}", needs, now, 0)) is None
    assert all(matcher.seat_ready(seat_id) is None for seat_id in crowd.quiet_seats)
    quiet = house.needs(crowd.quiet_needs[0])
    assert matcher.caller_enters(house.caller("quiet", quiet, now, 0)) in crowd.quiet_seats
    busy = [seat_id for seat_id in crowd.seats if seat_id not in crowd.quiet_seats]
    found = sum(matcher.seat_ready(seat_id) is not None for seat_id in busy)
    assert found > 0.9 * len(busy)


def test_the_crowd_is_as_large_as_it_says() -> None:
    """Fifty skills, all needs different, and nobody needs a skill that doesn't exist."""
    crowd = Crowd(Size(100, 0, 3000), Random(1))
    needs = {RealHouse().needs(text) for text in crowd.needs + crowd.quiet_needs}
    asked = {need.skill for one in needs for need in one.needs()}
    assert len(needs) == 3000
    assert len(SKILLS) == 50
    assert asked <= set(SKILLS)
    assert isinstance(RealHouse().router(), Matcher)


def test_percentiles_are_of_what_was_measured() -> None:
    """Nearest rank: the 99th of a hundred is the 99th, the 50th of three the second."""
    assert percentile(list(range(1, 101)), 99) == 99
    assert percentile([30, 10, 20], 50) == 20


def test_the_report_is_met_only_when_everything_was_measured_and_fits() -> None:
    good = dict.fromkeys(TARGETS, 0.0)
    told = report(good, "abc")
    assert (told["bench"], told["commit"], told["met"]) == ("routing", "abc", True)
    assert set(told) == {"bench", "commit", "machine", "figures", "targets", "met"}
    assert report(good | {"decision_p99_ms": 0.11}, "abc")["met"] is False
    assert report({k: v for k, v in good.items() if k != "growth_x10"}, "abc")["met"] is False
