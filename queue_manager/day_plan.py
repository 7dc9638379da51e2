"""A day planned: the seats of each interval, the shifts that cover them, the people it takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil, inf

from queue_manager.covering import cover_hours
from queue_manager.erlang import Load, Target, seats_needed
from queue_manager.forecast import DAY_MIN, Forecast, Interval
from queue_manager.planner import Answer, pooled, staff
from queue_manager.roster import Roster, Shift


@dataclass(frozen=True, slots=True)
class IntervalPlan:
    """One interval's answer, beside what the formulas alone would say.

    `calls` by kind, in the interval; `erlangs` of all together; `erlang_c` and `erlang_a`: seats
    if every seat could serve everybody, without and with callers who give up.
    """

    begin_min: int
    end_min: int
    calls: Mapping[str, float]
    erlangs: float
    erlang_c: int
    erlang_a: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class ShiftStaff:
    """Seats per profile that a shift must have."""

    shift: Shift
    seats: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """The day covered by shifts. `exact` is False when a slightly cheaper cover may exist;
    `staffed` tells the seats per profile and interval. `team`: seats per profile each team of the
    rotation must have, so that it can work every shift of its cycle; `people`: how many there are
    to be in all `teams`, those away counted in. Without a rotation of these shifts both are empty.
    """

    shifts: tuple[ShiftStaff, ...]
    staffed: tuple[Mapping[str, int], ...]
    exact: bool
    teams: int = 0
    team: Mapping[str, int] = field(default_factory=dict)
    people: Mapping[str, int] = field(default_factory=dict)


def plan_day(
    forecast: Forecast, seed: int, calls: int, told: Callable[[int], None] = lambda done: None
) -> tuple[IntervalPlan, ...]:
    """Every interval with calls, in order of time; equal ones are planned once. `told` hears how
    many intervals are done, after every simulation. Raises `Unservable`."""
    answers: dict[tuple[object, ...], Answer] = {}
    plans: list[IntervalPlan] = []
    intervals = sorted(forecast.forecast, key=lambda interval: interval.begin_min)
    for number, interval in enumerate(intervals):
        if not sum(interval.calls.values()):
            continue
        question = forecast.question(interval, seed, calls)
        key = (question.kinds,)
        if key not in answers:
            answers[key] = staff(question, partial(told, number))
        plans.append(_planned(forecast, interval, answers[key]))
    told(len(intervals))
    return tuple(plans)


def cover_by_shifts(
    forecast: Forecast, plans: Sequence[IntervalPlan], shifts: Sequence[Shift]
) -> ShiftPlan:
    """The fewest paid hours of each profile so that every interval has the seats it needs.

    Raises ValueError when a shift doesn't reach an interval that needs seats.
    """
    step = forecast.interval_min
    spans = [(shift.begin_min, shift.end_min) for shift in shifts]
    counts: dict[str, tuple[int, ...]] = {}
    exact = True
    for profile in forecast.profiles:
        needs = [0] * (DAY_MIN // step)
        for plan in plans:
            needs[plan.begin_min // step] = plan.answer.seats[profile.id]
        found = cover_hours(needs, step, spans)
        counts[profile.id], exact = found.counts, exact and found.exact
    staffs = tuple(
        ShiftStaff(shift, {profile: each[number] for profile, each in counts.items()})
        for number, shift in enumerate(shifts)
    )
    staffed = tuple(_staffed(staffs, at, at + step) for at in range(0, DAY_MIN, step))
    return ShiftPlan(staffs, staffed, exact)


def with_people(plan: ShiftPlan, roster: Roster, shrinkage: float) -> ShiftPlan:
    """The same with the people it takes, when one rotation of the roster works these shifts."""
    wanted = {staff.shift.id for staff in plan.shifts}
    for rotation in roster.rotations:
        if wanted <= set(rotation.cycle):
            team = {
                profile: max(staff.seats[profile] for staff in plan.shifts)
                for profile in plan.shifts[0].seats
            }
            teams = len(rotation.teams)
            people = {p: teams * ceil(round(n / (1 - shrinkage), 9)) for p, n in team.items()}
            return ShiftPlan(plan.shifts, plan.staffed, plan.exact, teams, team, people)
    return plan


def _planned(forecast: Forecast, interval: Interval, answer: Answer) -> IntervalPlan:
    load = pooled([k for k in forecast.question(interval, 0, 1).kinds if k.per_hour > 0])
    target = forecast.target.target()
    patient = Target(target.share, target.within_s, 0.0)
    return IntervalPlan(
        begin_min=interval.begin_min,
        end_min=interval.begin_min + forecast.interval_min,
        calls=interval.calls,
        erlangs=load.erlangs,
        erlang_c=seats_needed(Load(load.calls_per_s, load.handling_s, inf), patient),
        erlang_a=seats_needed(load, target),
        answer=answer,
    )


def _staffed(staffs: Sequence[ShiftStaff], begin: int, end: int) -> dict[str, int]:
    """Seats that are there from begin to end, shifts of the day before included."""
    there = [
        staff
        for staff in staffs
        if any(
            staff.shift.begin_min <= begin + turn and end + turn <= staff.shift.end_min
            for turn in (0, DAY_MIN)
        )
    ]
    return {profile: sum(staff.seats[profile] for staff in there) for profile in staffs[0].seats}
