"""The simulation on the real matcher against the formulas, and where there are none."""

from dataclasses import replace

import pytest

from queue_manager.erlang import Load, erlang_a, erlang_c
from queue_manager.model import Need, Requirement
from queue_manager.simulation import (
    CallerKind,
    Estimate,
    SeatKind,
    SimulatedStep,
    SimulationPlan,
    simulate,
)

CMN = Requirement.of(Need("lang:cmn"))
ZA = Requirement.of(Need("lang:za"))
DAY_S = 86_400.0


def plan(per_hour: float, seats: int, patience_s: float | None, seed: int) -> SimulationPlan:
    """One skill, three minutes a call: M/M/c, or M/M/c+M with patience."""
    return SimulationPlan(
        callers=(CallerKind("cmn", CMN, per_hour, 180, patience_s),),
        seats=(SeatKind("cmn", seats, {"lang:cmn": 5}),),
        seed=seed,
        duration_s=12 * DAY_S,
        warm_up_s=DAY_S / 4,
        service_level_s=20,
    )


def agrees(estimate: Estimate, formula: float) -> bool:
    """Within the 99.9 % confidence interval: one of a thousand right results would miss it."""
    return abs(estimate.mean - formula) <= estimate.half_width_999


@pytest.mark.parametrize(("per_hour", "seats"), [(60, 4), (160, 10), (360, 21)])
def test_callers_who_never_give_up_agree_with_erlang_c(per_hour: float, seats: int) -> None:
    """Loads of 75, 80 and 86 percent: share delayed, mean wait, service level and occupancy."""
    result = simulate(plan(per_hour, seats, None, seed=seats))
    expected = erlang_c(Load(per_hour / 3600, 180), seats, 20)
    assert result.total.arrived == result.total.answered > 10_000
    assert agrees(result.total.delayed, expected.waits)
    assert agrees(result.total.mean_wait_s, expected.mean_wait_s)
    assert agrees(result.total.service_level, expected.in_time)
    assert result.occupancy["cmn"] == pytest.approx(expected.occupancy, rel=0.03)


@pytest.mark.parametrize(
    ("per_hour", "seats", "patience_s"), [(160, 10, 120), (240, 10, 90), (400, 18, 300)]
)
def test_callers_who_give_up_agree_with_erlang_a(
    per_hour: float, seats: int, patience_s: float
) -> None:
    """Below and above what the seats can serve: shares delayed and given up, wait, level."""
    result = simulate(plan(per_hour, seats, patience_s, seed=seats + 1))
    expected = erlang_a(Load(per_hour / 3600, 180, patience_s), seats, 20)
    assert agrees(result.total.delayed, expected.waits)
    assert agrees(result.total.abandonment, 1 - expected.answered)
    assert agrees(result.total.mean_wait_s, expected.mean_wait_s)
    assert agrees(result.total.service_level, expected.in_time)


def test_the_intervals_are_narrow_enough_to_tell() -> None:
    """A seat more or less would be noticed: the agreement above isn't empty."""
    result = simulate(plan(160, 10, None, seed=10))
    for seats in (9, 11):
        other = erlang_c(Load(160 / 3600, 180), seats, 20)
        assert not agrees(result.total.delayed, other.waits)
        assert not agrees(result.total.service_level, other.in_time)


MIXED = SimulationPlan(
    callers=(
        CallerKind("mandarin", CMN, 300, 180, 120),
        CallerKind("zhuang", ZA, 30, 240, 120, priority=1),
        CallerKind("expert", Requirement.of(Need("svc:tax", 4)), 20, 200, 90),
    ),
    seats=(
        SeatKind("mandarin", 12, {"lang:cmn": 5, "svc:tax": 2}),
        SeatKind("both", 4, {"lang:cmn": 4, "lang:za": 4}),
    ),
    seed=7,
    duration_s=2 * DAY_S,
)


def test_every_caller_of_a_mix_has_exactly_one_outcome() -> None:
    """Those nobody can serve give up, all of them; the sums are right."""
    result = simulate(MIXED)
    for kind in (*result.kinds.values(), result.total):
        assert kind.arrived == kind.answered + kind.abandoned
    assert result.total.arrived == sum(kind.arrived for kind in result.kinds.values())
    assert result.kinds["expert"].answered == 0
    assert 0 < result.kinds["zhuang"].abandoned < result.kinds["zhuang"].answered


def test_the_seed_decides_everything() -> None:
    """The same plan gives the same result, another seed another one."""
    assert simulate(MIXED) == simulate(MIXED)
    assert simulate(MIXED) != simulate(replace(MIXED, seed=8))


def test_a_step_lets_others_serve() -> None:
    """After thirty seconds an expert isn't needed any more: they are served then."""
    expert = MIXED.callers[2]
    steps = (
        SimulatedStep(30, Requirement.of(Need("svc:tax", 3))),
        SimulatedStep(40, Requirement.of(Need("svc:tax", 1))),
    )
    result = simulate(replace(MIXED, callers=(*MIXED.callers[:2], replace(expert, steps=steps))))
    served = result.kinds["expert"]
    assert served.answered > served.arrived / 3
    assert served.service_level.mean == 0
    assert served.mean_wait_s.mean >= 30


def test_callers_nobody_can_ever_serve_are_told_as_abandoned() -> None:
    """Without patience they would wait for ever; the simulation ends all the same."""
    alone = SimulationPlan((CallerKind("zhuang", ZA, 60, 180),), (), seed=1, duration_s=3600)
    result = simulate(alone)
    assert result.total.abandoned == result.total.arrived > 30
    assert result.occupancy == {}


@pytest.mark.parametrize(
    "wrong",
    [
        replace(MIXED, callers=()),
        replace(MIXED, duration_s=0),
        replace(MIXED, callers=(replace(MIXED.callers[0], per_hour=0),)),
        replace(MIXED, callers=(replace(MIXED.callers[0], patience_s=0),)),
        replace(MIXED, callers=(MIXED.callers[0], MIXED.callers[0])),
        replace(MIXED, seats=(SeatKind("x", -1, {}),)),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: SimulationPlan) -> None:
    """Nobody comes, nothing lasts, fewer than no seats."""
    with pytest.raises(ValueError, match=r"simulation|callers|seats"):
        simulate(wrong)
