"""Clocks: what has elapsed and what was paused is never lost, whatever happens or changes."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tickets import clocks
from tickets import policy as policy_module
from tickets.calendar import WorkCalendar, moment, seconds
from tickets.clocks import TicketClock, elapsed_s, fire, remaining_s, settle, total_s
from tickets.effects import ClockName
from tickets.model import Kind
from tickets.policy import AlwaysOn, MarkName, Matter, Policy, Urgency
from tickets.timetable import Rules, rules_of
from tickets.workdays import CalendarFile, LocalDay

CHINA = ZoneInfo("Asia/Shanghai")
PRESETS = Path(policy_module.__file__).parent / "data" / "policies"
CALENDAR = WorkCalendar(CHINA, CalendarFile(), (2025, 2028))
FESTIVAL = WorkCalendar(
    CHINA,
    CalendarFile(
        hours=("08:00-12:00", "15:00-18:00"),
        days=tuple(LocalDay(date=date(2026, 10, d), working=d % 2 == 0) for d in range(8, 28)),
    ),
    (2025, 2028),
)


def policy(name: str) -> Policy:
    text = (PRESETS / f"{name}.yaml").read_text("utf-8")
    return Policy.model_validate(yaml.safe_load(text))


GUANGXI = rules_of(policy("guangxi"), CALENDAR)
ALL_RULES = [
    GUANGXI,
    rules_of(policy("guangdong"), FESTIVAL),
    rules_of(policy("baoji").model_copy(update={"first_day_counts": True}), CALENDAR),
    rules_of(policy("shanghai"), FESTIVAL),
]


def at(text: str) -> int:
    return seconds(datetime.fromisoformat(text).replace(tzinfo=CHINA))


def local(instant: int) -> str:
    return f"{moment(instant).astimezone(CHINA):%m-%d %H:%M}"


def begun(
    when: str, matter: Matter, name: ClockName = ClockName.FINISH, rules: Rules = GUANGXI
) -> TicketClock:
    return settle(TicketClock("t", "1", name, 1, matter, ((at(when), None),)), rules)


@pytest.mark.parametrize(
    ("kind", "due"),
    [
        (Kind.CONSULTATION, "11-25 18:00"),
        (Kind.HELP, "11-26 18:00"),
        (Kind.SUGGESTION, "11-30 18:00"),
        (Kind.COMPLAINT, "12-07 18:00"),
        (Kind.REPORT, "12-07 18:00"),
    ],
)
def test_guangxis_limits(kind: Kind, due: str) -> None:
    assert local(begun("2026-11-23 10:00", Matter(kind)).due) == due


def test_urgency_shortens() -> None:
    urgent = begun("2026-11-23 10:00", Matter(Kind.HELP, Urgency.URGENT))
    assert total_s(urgent, GUANGXI) == 3 * CALENDAR.day_s // 2
    assert local(urgent.due) == "11-25 14:00"


def test_danger_is_signed_for_in_a_quarter_of_an_hour_at_midnight() -> None:
    danger = begun("2026-11-21 23:55", Matter(Kind.HELP, always=AlwaysOn.DANGER), ClockName.SIGN)
    assert local(danger.due) == "11-22 00:10"
    _, marks = fire(danger, danger.due, GUANGXI)
    assert [mark.name for mark in marks] == [MarkName.YELLOW, MarkName.RED]


def test_others_cards_wait_for_the_morning() -> None:
    desk = begun("2026-11-21 23:55", Matter(), ClockName.DESK)
    draft = settle(TicketClock("t", "1", ClockName.DESK, 1, Matter(), desk.spans, state="DRAFT"),
                   GUANGXI)  # fmt: skip
    assert local(draft.due) == "11-22 00:05"
    assert local(draft.next_at) == "11-23 09:00"
    held, marks = fire(draft, draft.due, GUANGXI)
    assert (marks, local(held.next_at)) == ((), "11-23 09:00")
    told, marks = fire(held, held.next_at, GUANGXI)
    assert [mark.name for mark in marks] == [MarkName.TIMEOUT]
    assert told.next_at == 0


def test_an_engine_that_wakes_at_night_tells_in_the_morning() -> None:
    clock = begun("2026-11-23 10:00", Matter(Kind.CONSULTATION))
    late, marks = fire(clock, at("2026-11-25 23:00"), GUANGXI)
    assert marks == ()
    assert local(late.next_at) == "11-26 09:00"
    _, marks = fire(late, late.next_at, GUANGXI)
    assert [m.name for m in marks] == [MarkName.REMINDER, MarkName.YELLOW, MarkName.RED]


def test_the_escalation_of_a_ticket_nobody_finishes() -> None:
    clock = begun("2026-09-29 10:00", Matter(Kind.CONSULTATION))
    given_at = []
    while clock.next_at:
        now = clock.next_at
        clock, marks = fire(clock, now, GUANGXI)
        given_at += [(mark.name.value, local(now)) for mark in marks]
    assert given_at == [
        ("reminder", "10-08 09:00"),
        ("yellow_card", "10-08 14:00"),
        ("red_card", "10-08 18:00"),
        ("notice", "10-09 18:00"),
        ("circular", "10-14 18:00"),
    ]


def test_an_extension_moves_the_due_date_and_gives_its_cards_again() -> None:
    clock = begun("2026-11-23 10:00", Matter(Kind.HELP))
    warned, _ = fire(clock, at("2026-11-26 14:00"), GUANGXI)
    longer = clocks.extend(warned, 5, GUANGXI)
    assert local(longer.due) == "12-03 18:00"
    assert longer.term == 1
    _, marks = fire(longer, at("2026-12-03 14:00"), GUANGXI)
    assert [mark.name for mark in marks] == [MarkName.REMINDER, MarkName.YELLOW]


def test_a_filed_case_is_due_by_law_also_on_a_day_off() -> None:
    clock = begun("2026-09-01 10:00", Matter(Kind.REPORT))
    filed = clocks.set_statutory(clock, date(2026, 10, 4), GUANGXI)
    assert local(filed.due) == "10-08 18:00"
    assert settle(filed, ALL_RULES[1]).statutory == date(2026, 10, 4)
    assert remaining_s(filed, filed.due - 60, GUANGXI) == 60
    assert remaining_s(filed, at("2026-09-30 18:00"), GUANGXI) == GUANGXI.calendar.day_s


def test_a_part_is_never_due_after_its_whole() -> None:
    clock = begun("2026-11-23 10:00", Matter(Kind.COMPLAINT))
    part = settle(TicketClock("t", "2", ClockName.FINISH, 1, Matter(Kind.COMPLAINT),
                              ((at("2026-11-30 10:00"), None),), parent="1", cap=clock.due),
                  GUANGXI)  # fmt: skip
    assert part.due == clock.due
    assert all(settle(part, rules).due <= clock.due for rules in ALL_RULES)
    assert remaining_s(part, part.due, GUANGXI) == 0, "not what its own limit would leave"


def test_an_ended_clock_sets_nothing_off_and_knows_whether_it_was_in_time() -> None:
    clock = begun("2026-11-23 10:00", Matter(Kind.CONSULTATION))
    early = clocks.stop(clock, clock.due)
    late = clocks.stop(clock, clock.due + 1)
    assert (early.in_time, late.in_time) == (True, False)
    assert fire(early, clock.due + 10**6, GUANGXI) == (early, ())
    assert clocks.resume(early, clock.due + 5, GUANGXI) == early


def test_a_clock_the_policy_lost_rests_in_peace() -> None:
    contact = begun("2026-10-12 10:00", Matter(), ClockName.CONTACT, ALL_RULES[3])
    assert contact.due
    kept = settle(contact, GUANGXI)
    assert (kept.due, kept.next_at) == (contact.due, 0)


STEPS = st.lists(
    st.tuples(st.sampled_from(["pause", "resume", "extend", "rules", "look"]),
              st.integers(0, 40 * 3600)),
    max_size=12,
)  # fmt: skip
MATTERS = st.builds(Matter, st.sampled_from(Kind), st.sampled_from(Urgency))
BEGINS = st.integers(at("2026-09-24 00:00"), at("2026-10-10 00:00"))


@settings(max_examples=120, deadline=None)
@given(MATTERS, BEGINS, STEPS)
def test_time_is_neither_lost_nor_given_away(
    matter: Matter, begins: int, steps: list[tuple[str, int]]
) -> None:
    """Over any story: what has elapsed never falls while the rules stay, elapsed and remaining are
    the total, a rest costs nothing, new rules count the same spans, marks are given once."""
    rules, now = GUANGXI, begins
    clock = settle(TicketClock("t", "1", ClockName.FINISH, 1, matter, ((begins, None),)), rules)
    seen: list[tuple[int, MarkName]] = []
    ran: list[tuple[int, int]] = []
    since: int | None = begins
    for n, (step, wait_s) in enumerate(steps):
        before, elapsed = clock, elapsed_s(clock, now, rules)
        now += wait_s
        assert elapsed_s(clock, now, rules) >= elapsed
        if clock.paused_at is not None:
            assert elapsed_s(clock, now, rules) == elapsed
        if step == "pause":
            clock = clocks.pause(clock, now, rules)
            ran, since = ([*ran, (since, now)], None) if since is not None else (ran, since)
        elif step == "resume":
            clock = clocks.resume(clock, now, rules)
            since = now if since is None else since
            assert clock.due >= before.due
        elif step == "extend":
            clock = clocks.extend(clock, 1 + n % 5, rules)
            assert clock.due > before.due
        elif step == "rules":
            rules = ALL_RULES[n % len(ALL_RULES)]
            clock = settle(clock, rules)
            assert clock.spans == before.spans
            assert clock.fired == before.fired
        else:
            clock, marks = fire(clock, now, rules)
            seen += [(clock.term, mark.name) for mark in marks]
        assert elapsed_s(clock, now, rules) + remaining_s(clock, now, rules) == total_s(
            clock, rules
        )
        assert settle(clock, rules).due == clock.due
    assert len(seen) == len(set(seen)), "each card once a term"
    # the spans it keeps are those in which it ran, whatever the rules were meanwhile
    until = clock.spans[-1][1] or now
    kept_s = sum((e if e is not None else until) - b for b, e in clock.spans)
    assert kept_s == sum(e - b for b, e in ran) + (now - since if since is not None else 0)


@settings(max_examples=100, deadline=None)
@given(MATTERS, BEGINS, st.lists(st.integers(1, 30 * 3600), max_size=6))
def test_at_its_due_date_nothing_remains(matter: Matter, begins: int, waits: list[int]) -> None:
    for rules in ALL_RULES:
        clock = settle(TicketClock("t", "1", ClockName.FINISH, 1, matter, ((begins, None),)), rules)
        now = begins
        for n, wait_s in enumerate(waits):
            now = min(now + wait_s, max(now, clock.due - 1))
            change = clocks.resume if n % 2 else clocks.pause
            clock = change(clock, now, rules)
        if clock.paused_at is not None:
            clock = clocks.resume(clock, now, rules)
        assert remaining_s(clock, clock.due, rules) == 0
        assert remaining_s(clock, clock.due - 1, rules) == 1
