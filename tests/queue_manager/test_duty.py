"""Who is due by the roster, over rotations, nights, exceptions and holidays, and who is missing."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.rosters import EXAMPLE_ROSTER, read_roster
from queue_manager.duty import (
    Counts,
    Plan,
    Presence,
    attendance,
    counted,
    due,
    due_teams,
    missing,
    next_change,
    overdue,
    plan_for,
)
from queue_manager.model import Seat, SeatState, SeatView
from queue_manager.roster import Extra, Holiday, Leave, OnHolidays, Roster, Swap

ZONE = ZoneInfo("Asia/Shanghai")
SIX_FOUR = read_roster(EXAMPLE_ROSTER)
DAY_ONE = date(2026, 1, 1)
MOMENTS = st.integers(0, 6 * 366 * 86_400).map(
    lambda s: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
TEAMS = [f"team_{n}" for n in range(1, 7)]


def seat(seat_id: str, team: str = "") -> Seat:
    return Seat("nanning", seat_id, f"座席{seat_id}", f"sip-{seat_id}", {}, team)


SEATS = [seat(f"{team[-1]}00{n}", team) for team in TEAMS for n in (1, 2)]


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def plan(roster: Roster = SIX_FOUR, **changes: object) -> Plan:
    return plan_for(roster.model_copy(update=changes), ZONE, SEATS)


def seats_at(shown: Plan, text: str) -> list[str]:
    return [duty.seat_id for duty in due(shown, local(text))]


def view(seat_id: str, state: SeatState, since: datetime) -> SeatView:
    return SeatView(seat(seat_id), state, since)


@pytest.mark.parametrize(
    ("at", "team", "shift"),
    [
        ("2026-01-01 08:00", "team_1", "early"),
        ("2026-01-01 13:59:59", "team_1", "early"),
        ("2026-01-01 14:00", "team_2", "middle"),
        ("2026-01-01 23:00", "team_3", "late"),
        ("2026-01-02 01:59", "team_3", "late"),
        ("2026-01-02 02:00", "team_4", "night"),
        ("2026-01-02 08:00", "team_6", "early"),
        ("2026-01-07 08:00", "team_1", "early"),
        ("2025-12-31 08:00", "team_2", "early"),
    ],
)
def test_six_teams_take_turns_in_four_shifts(at: str, team: str, shift: str) -> None:
    assert [(d.team, d.shift.id) for d in due_teams(plan(), local(at))] == [(team, shift)]
    assert seats_at(plan(), at) == [f"{team[-1]}001", f"{team[-1]}002"]


@given(MOMENTS)
def test_at_every_moment_one_of_the_six_teams_is_due(at: datetime) -> None:
    shown = plan()
    duties = due(shown, at)
    assert len({d.team for d in duties}) == 1
    assert {d.team for d in duties} == {d.team for d in due_teams(shown, at)}
    assert all(d.begins <= at < d.ends for d in duties)


@given(MOMENTS)
def test_until_the_next_change_the_same_are_due_and_then_others(at: datetime) -> None:
    shown = plan()
    change = next_change(shown, at)
    assert due(shown, change - timedelta(microseconds=1)) == due(shown, at) != due(shown, change)


def test_every_team_has_each_shift_once_in_six_days_and_eight_hours_between_two() -> None:
    shown = plan()
    for team in TEAMS:
        turns = {
            (d.begins, d.ends, d.shift.id)
            for hour in range(6 * 24)
            for d in due_teams(shown, local("2026-03-02 02:00") + timedelta(hours=hour))
            if d.team == team
        }
        ordered = sorted(turns)
        assert sorted(name for _, _, name in ordered) == ["early", "late", "middle", "night"]
        for (_, ends, _), (begins, _, _) in pairwise(ordered):
            assert begins - ends >= timedelta(hours=8)


def test_seats_are_in_the_team_that_lists_them_or_that_they_name() -> None:
    teams = SIX_FOUR.rotations[0].teams
    listed = teams[0].model_copy(update={"seats": ("9001",)})
    rotation = SIX_FOUR.rotations[0].model_copy(update={"teams": (listed, *teams[1:])})
    shown = plan_for(
        SIX_FOUR.model_copy(update={"rotations": (rotation,)}),
        ZONE,
        [seat("9001"), seat("9002", "team_1"), seat("9003"), seat("9004", "team_9")],
    )
    assert seats_at(shown, "2026-01-01 09:00") == ["9001", "9002"]


def test_who_is_on_leave_is_not_due_also_not_in_the_night_that_begins_then() -> None:
    shown = plan(leave=(Leave(seat="3001", first=DAY_ONE, last=DAY_ONE),))
    assert seats_at(shown, "2026-01-01 21:00") == ["3002"]
    assert seats_at(shown, "2026-01-02 01:00") == ["3002"]
    assert seats_at(shown, "2026-01-01 09:00") == ["1001", "1002"]


def test_teams_and_seats_swap_their_shifts_of_a_day() -> None:
    swapped = plan(swaps=(Swap(on=DAY_ONE, teams=("team_1", "team_2")),))
    assert seats_at(swapped, "2026-01-01 09:00") == ["2001", "2002"]
    assert seats_at(swapped, "2026-01-01 15:00") == ["1001", "1002"]
    one = plan(swaps=(Swap(on=DAY_ONE, seats=("1001", "4001")),))
    assert seats_at(one, "2026-01-01 09:00") == ["1002", "4001"]
    assert seats_at(one, "2026-01-07 09:00") == ["1001", "1002"]


def test_extra_work_is_due_besides_the_rotation() -> None:
    shown = plan(
        extra=(
            Extra(on=DAY_ONE, shift="early", seat="4001"),
            Extra(on=DAY_ONE, shift="middle", team="team_6"),
        )
    )
    assert seats_at(shown, "2026-01-01 09:00") == ["1001", "1002", "4001"]
    assert seats_at(shown, "2026-01-01 15:00") == ["2001", "2002", "6001", "6002"]


def test_a_rotation_rests_on_holidays_only_where_it_says_so() -> None:
    holiday = (Holiday(first=DAY_ONE, last=date(2026, 1, 2), name="元旦"),)
    assert seats_at(plan(holidays=holiday), "2026-01-01 09:00") == ["1001", "1002"]
    off = SIX_FOUR.rotations[0].model_copy(update={"holidays": OnHolidays.REST})
    shown = plan(holidays=holiday, rotations=(off,))
    assert seats_at(shown, "2026-01-01 09:00") == []
    assert seats_at(shown, "2026-01-02 21:00") == []
    assert seats_at(shown, "2026-01-03 09:00") == ["5001", "5002"]


def test_a_shift_lasts_as_long_as_the_clock_on_the_wall_says() -> None:
    """On the night summer time ends in Berlin the late shift is an hour longer."""
    berlin = ZoneInfo("Europe/Berlin")
    shown = plan_for(SIX_FOUR, berlin, SEATS)
    before = datetime(2026, 10, 24, 23, tzinfo=berlin)
    (late,) = {(d.begins, d.ends) for d in due(shown, before)}
    assert late[1] - late[0] == timedelta(hours=6)
    night = datetime(2026, 10, 25, 5, tzinfo=berlin)
    (long,) = {(d.begins, d.ends) for d in due(shown, night)}
    assert long[1] - long[0] == timedelta(hours=7)


BEGIN = local("2026-01-01 08:00")
NOON = local("2026-01-01 12:00")


@pytest.mark.parametrize(
    ("state", "since", "presence", "from_"),
    [
        (SeatState.READY, BEGIN - timedelta(hours=1), Presence.PRESENT, BEGIN),
        (SeatState.TALKING, NOON - timedelta(minutes=3), Presence.PRESENT, None),
        (SeatState.WRAP_UP, NOON - timedelta(minutes=3), Presence.PRESENT, None),
        (SeatState.COOL_DOWN, NOON - timedelta(seconds=3), Presence.PRESENT, None),
        (SeatState.RESERVED, NOON - timedelta(seconds=3), Presence.PRESENT, None),
        (SeatState.PAUSED, NOON - timedelta(minutes=9), Presence.PAUSED, None),
        (SeatState.PAUSED, BEGIN - timedelta(hours=9), Presence.MISSING, BEGIN),
        (SeatState.OFFLINE, BEGIN - timedelta(days=9), Presence.MISSING, BEGIN),
        (SeatState.OFFLINE, NOON - timedelta(minutes=9), Presence.MISSING, None),
        (SeatState.OFFLINE, NOON + timedelta(minutes=9), Presence.MISSING, NOON),
    ],
)
def test_a_due_seat_is_present_paused_or_missing_since(
    state: SeatState, since: datetime, presence: Presence, from_: datetime | None
) -> None:
    shown = plan()
    views = [view("1001", state, since), view("1002", SeatState.READY, BEGIN)]
    found, other = attendance(due(shown, NOON), views, NOON)
    assert (found.presence, found.since) == (presence, from_ or since)
    assert other.presence is Presence.PRESENT
    assert bool(missing(shown, views, NOON)) == (presence is Presence.MISSING)


def test_counts_add_up_and_a_seat_nobody_knows_of_is_missing() -> None:
    shown = plan(extra=(Extra(on=DAY_ONE, shift="early", seat="4001"),))
    views = [
        view("1001", SeatState.READY, BEGIN),
        view("1002", SeatState.PAUSED, NOON),
        view("6001", SeatState.READY, BEGIN),
    ]
    found = attendance(due(shown, NOON), views, NOON)
    assert counted(found) == Counts(due=3, present=1, paused=1, missing=1)
    assert [a.duty.seat_id for a in missing(shown, views, NOON)] == ["4001"]
    assert counted(()) == Counts()


def test_a_missing_seat_is_overdue_only_after_the_grace() -> None:
    (gone, _) = missing(plan(), [], BEGIN)
    assert not overdue(gone, BEGIN + timedelta(seconds=299), 300)
    assert overdue(gone, BEGIN + timedelta(seconds=300), 300)
    (here, _) = attendance(
        due(plan(), BEGIN),
        [view("1001", SeatState.PAUSED, NOON), view("1002", SeatState.READY, BEGIN)],
        NOON,
    )
    assert not overdue(here, NOON + timedelta(hours=1), 300)
