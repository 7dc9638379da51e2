"""Single choices among many, against the brute-force model; see test_matcher_histories too."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from queue_manager.matcher import Matcher
from queue_manager.model import Need, Requirement
from tests.queue_manager.builders import caller
from tests.queue_manager.matcher_model import BOUND_S, SAME_SEAT_S, WEIGHT_S, Model

SKILLS = st.sampled_from(("cmn", "za", "sign"))
SKILL_SETS = st.dictionaries(SKILLS, st.integers(1, 5), min_size=1, max_size=3)
GROUPS = st.frozensets(st.builds(Need, SKILLS, st.integers(1, 3)), min_size=1, max_size=2)
NEEDS = st.builds(Requirement, st.frozensets(GROUPS, max_size=2))
SEATS = st.lists(
    st.tuples(SKILL_SETS, st.integers(0, 9), st.sampled_from(("ready", "ready", "busy", "away"))),
    min_size=2,
    max_size=8,
)
CALLERS = st.lists(
    st.tuples(NEEDS, st.integers(-3, 6), st.integers(0, 3), st.integers(0, 2), st.none() | NEEDS),
    min_size=2,
    max_size=12,
)
ASKING = st.lists(st.tuples(NEEDS, st.integers(0, 12)), min_size=1, max_size=6)
CREW = st.lists(SKILL_SETS, min_size=1, max_size=3)
TURNS = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=4, max_size=16)
WHICH_SEAT = given(SEATS, ASKING)
WHICH_CALLER = given(CALLERS, CREW, TURNS)
MANY = settings(max_examples=300, deadline=None)


def staffed(seats: list[tuple[dict[str, int], int, str]]) -> tuple[Matcher, Model]:
    """A matcher and the model of it, with these seats: skills, idle since, state."""
    matcher = Matcher(weight_s=WEIGHT_S, scarce_bound_s=BOUND_S, same_seat_s=SAME_SEAT_S)
    model = Model()
    for number, (skills, since_s, state) in enumerate(seats):
        seat_id = f"s{number}"
        model.skills[seat_id] = skills
        model.order.append(seat_id)
        model.since_s[seat_id] = since_s
        matcher.put_seat(seat_id, skills)
        if state == "ready":
            model.ready.add(seat_id)
            matcher.seat_ready(seat_id, idle_since=datetime.fromtimestamp(since_s, UTC))
        elif state == "away":
            model.off_duty.add(seat_id)
            matcher.set_duty(seat_id, False)
    model.order.sort(key=lambda seat_id: seat_id in model.ready)  # to become ready is to go last
    return matcher, model


def seats_are_chosen_well(
    seats: list[tuple[dict[str, int], int, str]], asking: list[tuple[Requirement, int]]
) -> None:
    """Each caller in turn gets the seat that scanning all seats finds."""
    matcher, model = staffed(seats)
    for number, (needs, wish) in enumerate(asking):
        known = replace(caller(f"c{number}", needs), preferred_seat=f"s{wish}")
        model.callers[known.call_id] = known
        expected = model.best_seat(known.call_id)
        assert matcher.caller_enters(known) == expected
        if expected is not None:
            model.ready.discard(expected)


def callers_are_chosen_well(
    waiting: list[tuple[Requirement, int, int, int, Requirement | None]],
    seats: list[dict[str, int]],
    turns: list[tuple[int, bool]],
) -> None:
    """Each seat that becomes ready gets whom scanning all callers finds, also after steps and
    misses; and positions are what counting everybody tells."""
    matcher, model = staffed([(skills, 0, "busy") for skills in seats])
    for number, (needs, waited_s, priority, wish, _) in enumerate(waiting):
        call_id = f"c{number}"
        known = caller(call_id, needs, waited_s=waited_s, priority=priority)
        model.callers[call_id] = replace(known, preferred_seat=f"s{wish}")
        model.entered[call_id] = number
        model.waiting.add(call_id)
        assert matcher.caller_enters(model.callers[call_id]) is None
    for number, (*_, step) in enumerate(waiting):
        if step is not None:
            call_id = f"c{number}"
            model.callers[call_id] = replace(model.callers[call_id], needs=step)
            assert matcher.change(call_id, step) is None
    for call_id in sorted(model.waiting):
        assert matcher.position(call_id) == model.position(call_id)
    for turn, missed in turns:
        seat_id = model.order[turn % len(model.order)]
        expected = model.best_caller(seat_id)
        assert matcher.seat_ready(seat_id) == expected
        matcher.seat_busy(seat_id)
        if expected is not None and missed:
            assert matcher.caller_returns(expected) is None
        else:
            model.waiting.discard(expected or "")


def test_which_seat() -> None:
    """The seat he wants, else not a scarce one, else the closest, else the longest idle; and none
    that has been idle for too short."""
    MANY(WHICH_SEAT(seats_are_chosen_well))()


def test_which_caller() -> None:
    """The smallest rank, but who wants this seat within the bound; of equals the closest fit, then
    who entered first."""
    MANY(WHICH_CALLER(callers_are_chosen_well))()
