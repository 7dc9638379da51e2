"""The planner's answers, held against Erlang and against the simulation on the real matcher."""

from dataclasses import replace

import pytest

from queue_manager.erlang import Load, Target, erlang_a, seats_needed
from queue_manager.model import Requirement
from queue_manager.plan_judge import Profile, Question, Unservable, reached
from queue_manager.planner import Answer, least, staff
from queue_manager.simulation import (
    CallerKind,
    SeatKind,
    SimulatedStep,
    SimulationPlan,
    SimulationResult,
    simulate,
)

GENERAL = {"svc:general": 3}
MANDARIN = Profile("mandarin", {"lang:cmn": 5, **GENERAL})
BILINGUAL = Profile("bilingual", {"lang:cmn": 5, "lang:za": 4, **GENERAL}, cost=1.15)
SIGN = Profile("sign", {"sign:video": 4, **GENERAL}, cost=1.4)
CMN = CallerKind("cmn", Requirement.parse("lang:cmn & svc:general"), 60, 200, 150)
ZA = CallerKind("za", Requirement.parse("lang:za>=2 & svc:general"), 6, 230, 150)
VIDEO = CallerKind("video", Requirement.parse("sign:video"), 2, 900, 300)
TARGET = Target(0.8, 15, 0.95)


def judged(question: Question, seats: dict[str, int], seed: int) -> SimulationResult:
    """A long simulation of its own, with other dice than the planner's."""
    plan = SimulationPlan(
        tuple(kind for kind in question.kinds if kind.per_hour),
        tuple(SeatKind(p.name, seats[p.name], p.skills) for p in question.profiles),
        seed=seed,
        duration_s=40_000 / sum(kind.per_hour for kind in question.kinds) * 3600,
        service_level_s=question.target.within_s,
    )
    return simulate(plan)


def test_with_one_skill_the_answer_is_erlang_as_seats() -> None:
    question = Question((CMN,), (MANDARIN,), TARGET, seed=7)
    load = Load(60 / 3600, 200, 150)
    assert staff(question).seats == {"mandarin": seats_needed(load, TARGET)}


@pytest.mark.parametrize("per_hour", [4, 30, 120])
def test_the_seats_reach_the_target_and_one_less_does_not(per_hour: float) -> None:
    """The simulation of n seats lies above the target, that of n - 1 clearly below it."""
    question = Question((replace(CMN, per_hour=per_hour),), (MANDARIN,), TARGET, seed=3)
    n = staff(question).seats["mandarin"]
    enough = judged(question, {"mandarin": n}, seed=99).total
    less = judged(question, {"mandarin": n - 1}, seed=99).total
    assert reached(enough, TARGET)
    level, lost = less.service_level, less.abandonment
    assert (
        level.mean + level.half_width < TARGET.share
        or 1 - lost.mean + lost.half_width < TARGET.connection
    )


@pytest.fixture(scope="module")
def mixed() -> tuple[Question, Answer]:
    """Its answer is judged by 40,000 calls: 12,000 are enough to find it."""
    profiles = (MANDARIN, BILINGUAL, SIGN)
    question = Question((CMN, ZA, VIDEO), profiles, TARGET, seed=5, calls=12_000)
    return question, staff(question)


def test_a_mix_of_skills_reaches_the_target_for_every_kind_of_caller(
    mixed: tuple[Question, Answer],
) -> None:
    question, answer = mixed
    found = judged(question, dict(answer.seats), seed=4242)
    for name, kind in found.kinds.items():
        level, lost = kind.service_level, kind.abandonment
        assert level.mean + level.half_width >= TARGET.share, name
        assert 1 - lost.mean + lost.half_width >= TARGET.connection, name


def test_no_seat_of_a_mix_can_be_left_out(mixed: tuple[Question, Answer]) -> None:
    question, answer = mixed
    assert set(answer.one_less) == {name for name, count in answer.seats.items() if count}
    for name, result in answer.one_less.items():
        assert not all(reached(kind, TARGET) for kind in result.kinds.values()), name
        fewer = {**answer.seats, name: answer.seats[name] - 1}
        found = judged(question, fewer, seed=4242)
        missed = [
            kind
            for kind in found.kinds.values()
            if kind.service_level.mean - kind.service_level.half_width < TARGET.share
            or 1 - kind.abandonment.mean - kind.abandonment.half_width < TARGET.connection
        ]
        assert missed, f"one {name} less would do as well"


def test_a_mix_costs_less_than_seats_for_each_kind_alone(mixed: tuple[Question, Answer]) -> None:
    """Pooling pays: a bilingual seat takes Mandarin calls when no Zhuang caller waits."""
    question, answer = mixed
    apart = sum(
        profile.cost
        * seats_needed(Load(kind.per_hour / 3600, kind.handling_s, kind.patience_s or 1e9), TARGET)
        for kind, profile in zip(question.kinds, question.profiles, strict=True)
    )
    assert answer.cost < apart + 1e-9


def test_the_same_seed_gives_the_same_answer() -> None:
    question = Question((CMN, ZA), (MANDARIN, BILINGUAL), TARGET, seed=11, calls=2000)
    assert staff(question) == staff(question)


def test_a_cheap_seat_that_can_do_everything_is_the_only_one_taken() -> None:
    everything = Profile("all", {**MANDARIN.skills, **BILINGUAL.skills}, cost=0.9)
    question = Question((CMN, ZA), (MANDARIN, BILINGUAL, everything), TARGET, calls=8000)
    seats = staff(question).seats
    assert (seats["mandarin"], seats["bilingual"]) == (0, 0)


def test_the_search_begins_at_what_formulas_say_is_needed_at_least() -> None:
    question = Question((CMN, ZA, VIDEO), (MANDARIN, BILINGUAL, SIGN), TARGET)
    mandarin, bilingual, sign = least(question)
    assert sign == seats_needed(Load(2 / 3600, 900, 300), TARGET)
    assert bilingual == seats_needed(Load(6 / 3600, 230, 150), TARGET)
    pooled = Load(66 / 3600, (60 * 200 + 6 * 230) / 66, 150)
    assert mandarin + bilingual == seats_needed(pooled, TARGET)


def test_steps_over_time_let_other_seats_help() -> None:
    """With a step that lets any Mandarin seat take a Zhuang caller after 5 s, none need be both."""
    stepped = replace(ZA, steps=(SimulatedStep(5, Requirement.parse("svc:general")),))
    question = Question((CMN, stepped), (MANDARIN, BILINGUAL), TARGET, calls=8000)
    assert (
        staff(question).seats["bilingual"]
        < staff(Question((CMN, ZA), (MANDARIN, BILINGUAL), TARGET, calls=8000)).seats["bilingual"]
    )


def test_callers_nobody_could_serve_are_refused_not_searched_for() -> None:
    with pytest.raises(Unservable, match="'video' \\(sign:video\\): no kind of seat can serve"):
        Question((CMN, VIDEO), (MANDARIN,), TARGET)
    with pytest.raises(ValueError, match="10 are the most"):
        Question((CMN,), tuple(replace(MANDARIN, name=str(n)) for n in range(11)), TARGET)


def test_without_calls_nobody_is_needed() -> None:
    question = Question((replace(CMN, per_hour=0),), (MANDARIN,), TARGET)
    assert staff(question).seats == {"mandarin": 0}


def test_progress_is_told_after_every_simulation() -> None:
    told: list[int] = []
    answer = staff(Question((CMN,), (MANDARIN,), TARGET, calls=8000), lambda: told.append(1))
    assert len(told) == answer.looked > 0


def test_erlang_a_and_the_simulation_agree_where_both_can_answer() -> None:
    question = Question((CMN,), (MANDARIN,), TARGET)
    found = judged(question, {"mandarin": 5}, seed=17).total
    told = erlang_a(Load(60 / 3600, 200, 150), 5, 15)
    assert abs(found.service_level.mean - told.in_time) <= found.service_level.half_width_999
    assert abs(1 - found.abandonment.mean - told.answered) <= found.abandonment.half_width_999
