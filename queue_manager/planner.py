"""How many seats of which skills a forecast needs: searched by formula, judged by simulation.

For one interval with steady load: Erlang A tells how many seats any group of callers needs at the
least, when every seat that can serve one of them serves all of them. The cheapest mix that gives
each group its least is where the search begins; from there on the simulation on the real matcher
judges. A mix that doesn't reach the target for every kind of caller gets the seat that helps most
per cost; one that does is made cheaper (a seat less, a seat exchanged for a cheaper one, two for
one) until nothing cheaper in one such move reaches it.

With one kind of caller nothing is searched: Erlang A (or C) has the answer, simulation shows it.
Each interval is taken as lasting (a stationary interval, as usual in staffing). Pure: the seed
decides everything.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import inf, nan

from queue_manager.covering import Row, cover
from queue_manager.erlang import Load, seats_needed
from queue_manager.plan_judge import Judge, Question, Seats, reached, shortfall
from queue_manager.simulation import CallerKind, Estimate, KindResult, SimulationResult

_UNKNOWN = Estimate(nan, nan, nan)
_NOBODY = KindResult(0, 0, 0, _UNKNOWN, _UNKNOWN, _UNKNOWN, _UNKNOWN)


@dataclass(frozen=True, slots=True)
class Answer:
    """The seats (per profile), what the simulation of them told, and (`one_less`, per profile of
    which there are any) what it told with one seat less: the proof that they are needed."""

    seats: Mapping[str, int]
    cost: float
    result: SimulationResult
    one_less: Mapping[str, SimulationResult] = field(default_factory=dict)
    looked: int = 0


def staff(question: Question, told: Callable[[], None] = lambda: None) -> Answer:
    """The seats that reach the target; `told` is called after every simulation.

    Raises ValueError when a level or a rate makes no sense.
    """
    calling = tuple(kind for kind in question.kinds if kind.per_hour > 0)
    if not calling:
        nothing = SimulationResult({}, _NOBODY, {})
        return Answer({profile.name: 0 for profile in question.profiles}, 0.0, nothing)
    judge = Judge(replace(question, kinds=calling), told)
    if len(calling) == 1 and not calling[0].steps:
        return _answer(judge, _by_formula(judge.question))
    seats = least(judge.question)
    while not judge.holds(seats):
        seats = _more(judge, seats)
    return _answer(judge, _cheapest(judge, seats))


def _by_formula(question: Question) -> Seats:
    """One kind of caller: Erlang A knows the seats exactly, of the cheapest kind that can serve.
    The simulation then only shows it."""
    cheapest = min(_able(question, question.kinds[0]), key=lambda p: question.profiles[p].cost)
    nobody = (0,) * len(question.profiles)
    return _with(nobody, cheapest, seats_needed(pooled(question.kinds), question.target))


def least(question: Question) -> Seats:
    """Where the search begins: for each group of profiles, the callers whom only they can serve
    need so many of them by Erlang A, were they all alike."""
    rows = []
    for size in range(1, len(question.profiles) + 1):
        for group in combinations(range(len(question.profiles)), size):
            theirs = [k for k in question.kinds if set(_able(question, k)) <= set(group)]
            if theirs:
                rows.append(Row(frozenset(group), seats_needed(pooled(theirs), question.target)))
    return cover([profile.cost for profile in question.profiles], rows).counts


def _more(judge: Judge, seats: Seats) -> Seats:
    """One seat more: of those that could help a kind of caller that falls short, the one that
    brings all kinds nearest to the target per cost."""
    question, found = judge.question, judge.verdict(seats)
    short = [k for k in question.kinds if not reached(found.kinds[k.name], question.target)]
    helping = {profile for kind in short for profile in _able(question, kind)}
    # Seats that would take other callers off the helping ones help as well.
    beside = {
        other
        for kind in question.kinds
        if set(_able(question, kind)) & helping
        for other in _able(question, kind)
    }
    missing = _missing(judge, judge.glance(seats))

    def gain(profile: int) -> tuple[float, float]:
        after = _missing(judge, judge.glance(_with(seats, profile, 1)))
        cost = question.profiles[profile].cost
        return (missing - after) / cost, -cost

    able = sorted(helping | beside)
    if len(able) == 1:
        return _with(seats, able[0], 1)
    best = max(able, key=gain)
    return _with(seats, best if gain(best)[0] > 0 else min(helping), 1)


def _cheapest(judge: Judge, seats: Seats) -> Seats:
    """Cheaper by single moves as long as the target is reached; the largest saving first."""
    while True:
        for cheaper in _moves(judge.question, seats):
            if judge.holds(cheaper):
                seats = cheaper
                break
        else:
            return seats


def _moves(question: Question, seats: Seats) -> Iterator[Seats]:
    costs = [profile.cost for profile in question.profiles]
    moves: list[tuple[float, Seats]] = []
    for gone, count in enumerate(seats):
        if not count:
            continue
        fewer = _with(seats, gone, -1)
        moves.append((costs[gone], fewer))
        for come, cost in enumerate(costs):
            if cost < costs[gone]:
                moves.append((costs[gone] - cost, _with(fewer, come, 1)))
            if count > 1 and come != gone and cost < 2 * costs[gone]:
                moves.append((2 * costs[gone] - cost, _with(_with(fewer, gone, -1), come, 1)))
    for _, cheaper in sorted(moves, reverse=True):
        if all(any(cheaper[p] for p in _able(question, k)) for k in question.kinds):
            yield cheaper


def _answer(judge: Judge, seats: Seats) -> Answer:
    profiles = judge.question.profiles
    names = [profile.name for profile in profiles]
    return Answer(
        seats=dict(zip(names, seats, strict=True)),
        cost=sum(p.cost * n for p, n in zip(profiles, seats, strict=True)),
        result=judge.verdict(seats),
        one_less={
            name: judge.verdict(_with(seats, number, -1))
            for number, name in enumerate(names)
            if seats[number]
        },
        looked=judge.looked,
    )


def _able(question: Question, kind: CallerKind) -> list[int]:
    """The profiles (by number) that can serve this kind of caller, from the start or by a step."""
    needs = (kind.needs, *(step.needs for step in kind.steps))
    return [
        number
        for number, profile in enumerate(question.profiles)
        if any(need.met_by(profile.skills) for need in needs)
    ]


def pooled(kinds: Sequence[CallerKind]) -> Load:
    """Callers as if they were alike: means by how many they are."""
    per_hour = sum(kind.per_hour for kind in kinds)

    def mean(value: Callable[[CallerKind], float]) -> float:
        return sum(value(kind) * kind.per_hour for kind in kinds) / per_hour

    return Load(
        per_hour / 3600,
        mean(lambda kind: kind.handling_s),
        mean(lambda kind: kind.patience_s or inf),
    )


def _missing(judge: Judge, found: SimulationResult) -> float:
    """How far all kinds of callers together are from the target, in callers an hour."""
    target = judge.question.target
    return sum(
        max(shortfall(found.kinds[kind.name], target), 0.0) * kind.per_hour
        for kind in judge.question.kinds
    )


def _with(seats: Seats, profile: int, change: int) -> Seats:
    return (*seats[:profile], seats[profile] + change, *seats[profile + 1 :])
