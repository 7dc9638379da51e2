"""Who is phoned with the result, when, how often, and what comes of it: for any life of a call."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tickets.calendar import WorkCalendar, moment, seconds
from tickets.follow_up import (
    ENDS,
    FollowUp,
    FollowUpState,
    Heard,
    Leg,
    claimed,
    concluded,
    put_back,
    verdict,
)
from tickets.follow_up_rules import FollowUpRules, allowed_from
from tickets.workdays import CalendarFile

CHINA = ZoneInfo("Asia/Shanghai")
CALENDAR = WorkCalendar(CHINA, CalendarFile(), (2026, 2027))
RULES = FollowUpRules()
ANSWERS = st.sampled_from([None, True, False])


def at(text: str) -> int:
    return seconds(datetime.fromisoformat(text).replace(tzinfo=CHINA))


MONDAY = at("2026-11-23 10:00")
INSTANTS = st.integers(min_value=at("2026-01-02 00:00"), max_value=at("2026-12-20 00:00"))


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        ("2026-11-23 10:00", "2026-11-23 10:00"),
        ("2026-11-23 12:00", "2026-11-23 14:30"),
        ("2026-11-23 20:00", "2026-11-24 09:00"),
        ("2026-11-23 03:00", "2026-11-23 09:00"),
        ("2026-11-28 09:00", "2026-11-28 10:00"),  # a Saturday
        ("2026-10-10 09:00", "2026-10-10 09:00"),  # a Saturday that is worked (调休)
        ("2026-10-01 19:00", "2026-10-02 10:00"),  # the national holiday
    ],
)
def test_a_citizen_is_phoned_in_the_days_hours(now: str, allowed: str) -> None:
    assert allowed_from(RULES, CALENDAR, at(now)) == at(allowed)


@given(INSTANTS)
def test_nobody_is_phoned_at_night(now: int) -> None:
    allowed = moment(allowed_from(RULES, CALENDAR, now)).astimezone(CHINA)
    assert allowed.timestamp() >= now
    assert "09:00" <= f"{allowed:%H:%M}" < "20:00"
    assert allowed_from(RULES, CALENDAR, seconds(allowed)) == seconds(allowed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": ["07:00-12:00"]},
        {"hours": ["18:00-21:30"]},
        {"hours": []},
        {"days_off": ["20:00-24:00"]},
        {"again_after_h": [24, 3]},
        {"again_after_h": [0]},
        {"tries": 0},
        {"at_once": 0},
    ],
)
def test_a_policy_that_would_phone_at_night_or_without_end_is_refused(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(ValidationError):
        FollowUpRules.model_validate(wrong)


def test_days_off_without_hours_are_left_out() -> None:
    rules = FollowUpRules(days_off=())
    assert allowed_from(rules, CALENDAR, at("2026-11-28 11:00")) == at("2026-11-30 09:00")


@pytest.mark.parametrize(
    ("solved", "satisfied", "whole", "state"),
    [
        (True, True, True, "satisfied"),
        (True, False, True, "unsatisfied"),
        (False, True, True, "unsatisfied"),
        (False, None, False, "unsatisfied"),
        (True, None, False, "mixed"),
        (None, True, True, "mixed"),
        (None, None, True, "mixed"),
        (None, None, False, None),
    ],
)
def test_a_no_is_a_no_and_only_two_yes_are_content(
    solved: bool | None, satisfied: bool | None, whole: bool, state: str | None
) -> None:
    assert verdict(Heard("answered", solved, satisfied, whole=whole)) == state


@st.composite
def heards(draw: st.DrawFn) -> Heard:
    solved, satisfied = draw(ANSWERS), draw(ANSWERS)
    return Heard(
        draw(st.sampled_from(["busy", "no_answer", "no_key", "hung_up", "lost", "answered"])),
        solved, satisfied, whole=draw(st.booleans()),
    )  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from("clhpx"), heards(), st.integers(0, 90_000)), max_size=60),
    st.integers(1, 4),
)
def test_each_comes_to_one_end_is_rung_so_often_at_most_and_never_outside_the_hours(
    story: list[tuple[str, Heard, int]], tries: int
) -> None:
    """Claimed, concluded (also late, or twice), put back, in any order and at any time."""
    rules = FollowUpRules(tries=tries)
    now = MONDAY
    one = FollowUp("default", "261123000001", 1, made_at=now, next_at=now)
    rung: list[int] = []
    ends: list[FollowUp] = []
    for deed, heard, passed_s in story:
        now += passed_s
        before = one
        if deed == "c" and one.state is FollowUpState.WAITING and one.next_at <= now:
            one = claimed(one, now, rules, CALENDAR, "")
            if one.state is FollowUpState.CALLING:
                assert allowed_from(rules, CALENDAR, now) == now
                rung.append(now)
        elif deed == "p" and one.state is FollowUpState.CALLING:
            one = put_back(one, now + 30)
            rung.pop()
        elif deed in "lhx":
            attempt = one.attempts if deed == "h" else one.attempts - (deed == "l")
            for _ in range(2):  # told twice
                made = concluded(one, attempt, heard, now, rules, CALENDAR)
                one = one if made is None else made.follow_up
                assert made is None or made.event in (
                    "satisfied", "unsatisfied", "mixed", "unreachable",
                )  # fmt: skip
        if one.over and not before.over:
            ends.append(one)
        assert not before.over or one == before, "an end is an end"
        assert (one.next_at == 0) == one.over, "who is still to be asked has a time"
        if one.state is FollowUpState.SATISFIED:
            assert (one.solved, one.satisfied) == (True, True)
    assert len(rung) <= tries
    assert len(ends) <= 1


@given(st.integers(1, 9))
def test_without_an_answer_it_ends_with_the_last_try(tries: int) -> None:
    """Pauses grow, and the last try is the end of it."""
    rules = FollowUpRules(tries=tries)
    one = FollowUp("default", "261123000001", 1, made_at=MONDAY, next_at=MONDAY)
    now, pauses = MONDAY, []
    while not one.over:
        now = max(now, one.next_at)
        one = claimed(one, now, rules, CALENDAR, "")
        made = concluded(one, one.attempts, Heard("no_answer"), now, rules, CALENDAR)
        assert made is not None
        one = made.follow_up
        pauses.append(one.next_at - now)
    assert one.state is FollowUpState.UNREACHED
    assert one.attempts == tries
    assert all(pause >= 3 * 3600 for pause in pauses[:-1])


def test_what_he_said_counts_though_his_call_was_given_up_for_lost() -> None:
    one = FollowUp("default", "1", 1, made_at=MONDAY, next_at=MONDAY)
    one = claimed(one, MONDAY, RULES, CALENDAR, "")
    lost = concluded(one, 1, Heard("lost"), MONDAY, RULES, CALENDAR)
    assert lost is not None
    said = concluded(
        lost.follow_up, 1, Heard("answered", True, True, whole=True), MONDAY, RULES, CALENDAR
    )
    assert said is not None
    assert said.event == "satisfied"
    assert concluded(said.follow_up, 1, Heard("hung_up"), MONDAY, RULES, CALENDAR) is None


def test_a_call_that_was_never_made_says_nothing() -> None:
    one = FollowUp("default", "1", 1, made_at=MONDAY, next_at=MONDAY)
    heard = Heard("answered", True, True, whole=True)
    assert concluded(one, 1, heard, MONDAY, RULES, CALENDAR) is None
    assert concluded(one, 0, heard, MONDAY, RULES, CALENDAR) is None


@given(
    st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True) | st.just(""),
    st.from_regex(r"[a-z0-9][a-z0-9_]{0,30}", fullmatch=True),
    st.integers(1, 999), st.integers(1, 9),
)  # fmt: skip
def test_a_call_knows_whose_it_is(node: str, tenant: str, n: int, attempt: int) -> None:
    leg = Leg(node if node != "hl" else "", tenant, "261123000001", n, attempt)
    assert Leg.parse(leg.id) == leg
    assert len(leg.id) <= 140


@pytest.mark.parametrize("other", ["hl3f2a-1795285829.7", "hl-1795285829.7.cb1", "", "x"])
def test_other_calls_are_not_follow_ups(other: str) -> None:
    assert Leg.parse(other) is None


def test_ends_are_all_but_two() -> None:
    one = FollowUp("default", "1", 1, made_at=0, next_at=0)
    over = {state for state in FollowUpState if replace(one, state=state).over}
    assert over == ENDS == set(FollowUpState) - {FollowUpState.WAITING, FollowUpState.CALLING}
