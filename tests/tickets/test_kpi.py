"""Figures of tickets: what counts, what doesn't, and out of how many."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add

from hypothesis import given
from hypothesis import strategies as st

from tickets.calendar import seconds
from tickets.clocks import TicketClock
from tickets.effects import ClockName
from tickets.kpi import Share, Story, by_group, kpis, ranking
from tickets.life import SYSTEM, Told
from tickets.model import TicketState
from tickets.policy import Matter

S = TicketState
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
NOW = seconds(NOON)
HANDLED = ["created", "submitted", "dispatched", "signed", "contacted", "replied", "reply_passed"]


def story(
    *events: str, state: S = S.ARCHIVED, clocks: tuple[TicketClock, ...] = (), unit: str = "water",
    **data: object,
) -> Story:  # fmt: skip
    told = [
        Told(event, SYSTEM, NOON + timedelta(minutes=n), data if n == len(events) - 1 else {})
        for n, event in enumerate(events)
    ]
    states = [S.DRAFT] * (len(events) - 1) + [state]
    return Story("1", list(zip(told, states, strict=True)), clocks, unit=unit)


def clock(name: ClockName, due_in_s: int, ended_in_s: int | None) -> TicketClock:
    begins = NOW - 10_000
    ended = 0 if ended_in_s is None else NOW + ended_in_s
    return TicketClock(
        "t", "1", name, 1, Matter(), ((begins, ended or None),), due=NOW + due_in_s,
        stopped_at=ended,
    )  # fmt: skip


def test_an_answer_on_the_call_counts_as_direct_and_closed() -> None:
    found = kpis([story("created", "answered", "archived"), story(*HANDLED, "satisfied")], NOW)
    assert found.first_call_answer == Share(1, 2)
    assert found.closed == Share(2, 2)


def test_what_was_not_accepted_is_nobodys_unfinished_work() -> None:
    found = kpis(
        [
            story("created", "refused", state=S.NOT_ACCEPTED),
            story("created", "voided", state=S.VOID),
            story("created", "transferred", state=S.TRANSFERRED),
            story("created", "submitted", state=S.PENDING_REVIEW),
        ],
        NOW,
    )
    assert (found.tickets, found.closed) == (4, Share(0, 1))
    assert found.closed.rate == 0.0
    assert kpis([], NOW).closed.rate is None


def test_who_was_never_reached_is_neither_satisfied_nor_reached() -> None:
    silent = story(*HANDLED, "unreachable", "unreachable", "unreachable", "closed")
    found = kpis([silent, story(*HANDLED, "satisfied")], NOW)
    assert found.called_back == Share(2, 2)
    assert found.reached == Share(1, 2)
    assert found.satisfied == Share(1, 1)


def test_every_answer_of_a_citizen_counts_also_before_the_second_round() -> None:
    twice = story(*HANDLED, "unsatisfied", "signed", "replied", "reply_passed", "satisfied")
    found = kpis([twice], NOW)
    assert found.satisfied == Share(1, 2)
    assert found.solved == Share(1, 1), "whether it was solved the first time wasn't said"
    told = story(*HANDLED, "mixed", state=S.MANUAL_REVIEW, satisfied=False, solved=True)
    assert kpis([told], NOW).solved == Share(1, 1)
    assert kpis([told], NOW).satisfied == Share(0, 1)


def test_on_time_is_of_those_due_and_a_clock_past_due_is_due() -> None:
    clocks = (
        clock(ClockName.SIGN, -100, -200),
        clock(ClockName.SIGN, -100, -50),
        clock(ClockName.FINISH, -1, None),
        clock(ClockName.FINISH, 1, None),
        clock(ClockName.DESK, -1, None),
    )
    found = kpis([story(*HANDLED, "satisfied", clocks=clocks)], NOW)
    assert found.signed_in_time == Share(1, 2)
    assert found.finished_in_time == Share(0, 1)


def test_returns_count_against_dispatches_and_only_upheld_ones_against_their_accuracy() -> None:
    found = kpis(
        [
            story("created", "dispatched", "return_asked", "return_refused", state=S.DISPATCHED),
            story("created", "dispatched", "return_asked", "return_granted", "dispatched",
                  state=S.DISPATCHED),
        ],
        NOW,
    )  # fmt: skip
    assert found.returned == Share(2, 3)
    assert found.dispatched_right == Share(2, 3)


def test_units_are_ranked_by_what_was_in_time() -> None:
    late = story(*HANDLED, "satisfied", unit="gas", clocks=(clock(ClockName.FINISH, -100, -50),))
    good = story(*HANDLED, "satisfied", clocks=(clock(ClockName.FINISH, -100, -200),))
    idle = story("created", "submitted", state=S.PENDING_REVIEW, unit="bus")
    figures = by_group([late, good, idle], lambda one: one.unit, NOW)
    assert [unit for unit, _ in ranking(figures)] == ["water", "gas", "bus"]


EVENTS = st.lists(st.sampled_from([*HANDLED, "satisfied", "unsatisfied", "mixed", "unreachable",
                                   "return_asked", "return_granted", "answered", "archived"]),
                  min_size=1, max_size=15)  # fmt: skip


@given(st.lists(st.tuples(EVENTS, st.sampled_from(S)), max_size=8))
def test_the_groups_numbers_are_the_wholes(stories: list[tuple[list[str], S]]) -> None:
    told = [story(*events, state=state, unit=events[0]) for events, state in stories]
    whole = kpis(told, NOW)
    parts = list(by_group(told, lambda one: one.unit, NOW).values())
    if parts:
        assert reduce(add, parts) == whole
    for name in ("closed", "satisfied", "returned", "first_call_answer", "reached"):
        shares = [getattr(part, name) for part in parts]
        share = getattr(whole, name)
        assert share.numerator == sum(one.numerator for one in shares)
        assert share.denominator == sum(one.denominator for one in shares)
        assert share.denominator >= share.numerator >= 0 or name == "returned"
