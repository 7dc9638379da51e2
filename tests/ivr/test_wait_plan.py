"""When a waiting caller is spoken to, and what counts as much of a change."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.wait_plan import (
    FIRST_TOLD_S,
    QUIET_S,
    TOLD_AGAIN_S,
    Due,
    Minutes,
    Told,
    WaitPlan,
    information,
    told_now,
    worth_telling,
)
from queue_manager.estimate import WaitEstimate
from queue_manager.model import Suggestion

SECONDS = st.floats(0, 20_000)


@given(low_s=SECONDS, more_s=SECONDS)
def test_the_range_told_holds_the_estimate(low_s: float, more_s: float) -> None:
    """Whole minutes around it, low below high; what is long is open above."""
    told = Minutes.of(WaitEstimate(low_s, low_s + more_s))
    assert told.low < told.high
    assert told.low * 60 <= max(low_s, 60)
    assert told.high * 60 >= low_s + more_s


@pytest.mark.parametrize(
    ("low_s", "high_s", "spoken"),
    [
        (0, 50, ["wait_under_minute"]),
        (10, 70, ["wait_before", "numbers/1", "wait_to", "numbers/two", "wait_minutes"]),
        (100, 200, ["wait_before", "numbers/1", "wait_to", "numbers/4", "wait_minutes"]),
        (130, 230, ["wait_before", "numbers/two", "wait_to", "numbers/4", "wait_minutes"]),
        (1799, 2400, ["wait_before", "numbers/20", "numbers/9", "wait_to", "numbers/40"]),
        (1801, 2400, ["wait_long"]),
        (600, 7000, ["wait_long"]),
    ],
)
def test_how_a_wait_is_spoken(low_s: float, high_s: float, spoken: list[str]) -> None:
    told = list(Minutes.of(WaitEstimate(low_s, high_s)).spoken)
    assert told[: len(spoken)] == spoken


def test_three_ahead_and_two_to_four_minutes() -> None:
    """前面还有 3 位, 大约需要 2 到 4 分钟."""
    told = told_now(4, WaitEstimate(125, 235), 10)
    assert told.spoken == (
        *("ahead_before", "numbers/3", "ahead_after"),
        *("wait_before", "numbers/two", "wait_to", "numbers/4", "wait_minutes"),
    )


def test_the_next_in_line_is_told_just_that() -> None:
    assert told_now(1, WaitEstimate(100, 200), 0).spoken == ("ahead_none",)
    assert told_now(5, None, 0).spoken == ("ahead_before", "numbers/4", "ahead_after")


@pytest.mark.parametrize(
    ("before", "now", "worth"),
    [
        (None, Told(3, None, 10), True),
        (Told(3, Minutes(2, 4), 10), Told(3, Minutes(2, 4), 40), False),
        (Told(3, Minutes(2, 4), 10), Told(2, Minutes(2, 4), 40), False),
        (Told(3, Minutes(2, 4), 10), Told(1, Minutes(2, 4), 40), True),
        (Told(40, Minutes(9, 12), 10), Told(33, Minutes(9, 12), 40), False),
        (Told(40, Minutes(9, 12), 10), Told(30, Minutes(9, 12), 40), True),
        (Told(40, Minutes(9, 12), 10), Told(50, Minutes(9, 12), 40), True),
        (Told(9, Minutes(2, 4), 10), Told(9, Minutes(3, 5), 40), True),
        (Told(9, Minutes(9, 12), 10), Told(9, Minutes(10, 13), 40), False),
        (Told(9, Minutes(9, 12), 10), Told(9, Minutes(13, 16), 40), True),
        (Told(9, None, 10), Told(9, Minutes(1, 2), 40), True),
        (Told(9, Minutes(1, 2), 10), Told(9, None, 40), True),
        (Told(9, None, 10), Told(9, None, 40), False),
        (Told(9, None, 10), Told(9, None, 10 + TOLD_AGAIN_S), True),
        (Told(1, None, 10), Told(0, None, 40), True),
        (Told(0, None, 10), Told(0, None, 10 + TOLD_AGAIN_S), False),
        (Told(0, None, 10), Told(1, None, 40), True),
    ],
)
def test_what_is_worth_telling(before: Told | None, now: Told, worth: bool) -> None:
    assert worth_telling(before, now) is worth


@given(
    every_s=st.floats(5.1, 120),
    offer_s=st.floats(5.1, 300),
    waited_s=SECONDS,
    suggestions=st.lists(st.floats(0, 3000), max_size=4),
)
def test_nothing_is_due_before_its_time_and_never_two_at_once(
    every_s: float, offer_s: float, waited_s: float, suggestions: list[float]
) -> None:
    """Walked from due to due: each moment has one word at most, and they don't crowd."""
    plan = WaitPlan.start(every_s, offer_s, waited_s)
    now_s, said = waited_s, []
    asked = sorted(waited_s + s for s in suggestions)
    while now_s < waited_s + 3000:
        rest_s = plan.rest_s(now_s)
        if asked and asked[0] < now_s + rest_s:
            now_s = max(now_s, asked.pop(0))
            plan.suggest(Suggestion.CALLBACK, now_s)
            assert plan.due(now_s) is Due.OFFER
            plan.suggested = None
            said.append(now_s)
            continue
        now_s += rest_s + 1e-6
        assert plan.due(now_s) is not Due.NOTHING
        assert plan.due(now_s) is Due.NOTHING
        said.append(now_s)
    if not suggestions:
        assert all(after - before >= QUIET_S for before, after in pairwise(said))


def test_the_first_word_comes_soon_and_after_a_restart_too() -> None:
    assert WaitPlan.start(30, 60, 0).rest_s(0) == FIRST_TOLD_S
    assert WaitPlan.start(5, 60, 0).rest_s(0) == 5
    assert WaitPlan.start(30, 60, 100).rest_s(100) == FIRST_TOLD_S


def test_information_goes_round() -> None:
    prompts = ("a", "b")
    assert [information(prompts, turn) for turn in range(3)] == [("a",), ("b",), ("a",)]
    assert information((), 3) == ()
