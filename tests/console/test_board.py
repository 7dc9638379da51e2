"""What a board says, as values."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.board import Moment, board, by_state, longest_wait_s, rate
from console.ports import DayFigures, HoursMode, HoursView, LineView, TenantFacts, WaitingSummary
from queue_manager.model import Seat, SeatState, SeatView
from tickets.model import Origin

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def moment(waiting: WaitingSummary | None = None, seats: tuple[SeatView, ...] = ()) -> Moment:
    figures = DayFigures(
        date(2026, 11, 21), offered=12, answered=10, answered_in_time=9, abandoned=2,
        abandoned_short=1, wait_total_s=84.0, tickets={Origin.TALK: 10, Origin.ABANDONED: 2},
    )  # fmt: skip
    lines = (LineView("12333", "12333", "人社", "人社局", "dual"),)
    hours = (HoursView("", HoursMode.CLOSED, False), HoursView("12333", HoursMode.OPEN, True))
    facts = TenantFacts("default", "12345热线")
    return Moment(facts, NOW, waiting or WaitingSummary(), seats, figures, hours, lines)


def test_every_ratio_comes_with_numerator_and_denominator() -> None:
    shown = board(moment())
    assert shown["service_level"] == {
        "within_s": 15, "numerator": 9, "denominator": 10, "ratio": 0.9,
    }  # fmt: skip
    assert shown["service_level_of_offered"]["ratio"] == 0.75
    assert shown["connection_rate"] == {"numerator": 10, "denominator": 12, "ratio": 0.8333}
    assert shown["average_wait_s"] == 8.4
    assert shown["tickets_today"] == 12
    assert shown["tickets_by_origin"] == {"talk": 10, "voice_request": 0, "abandoned": 2}


def test_nothing_is_divided_by_zero() -> None:
    assert rate(0, 0) == {"numerator": 0, "denominator": 0, "ratio": None}


def test_the_tenants_own_hours_decide_whether_it_is_open() -> None:
    assert board(moment())["open"] is False


def test_waiting_is_shown_in_total_per_line_and_since_when() -> None:
    summary = WaitingSummary(3, NOW - timedelta(seconds=42), {"12333": 2})
    shown = board(moment(summary))
    assert shown["waiting"] == 3
    assert shown["longest_wait_s"] == 42.0
    assert shown["longest_waiting_since"] == "2026-11-21T09:59:18.000+00:00"
    assert shown["lines"][0]["waiting"] == 2


def test_a_clock_set_back_makes_no_negative_wait() -> None:
    assert longest_wait_s(WaitingSummary(1, NOW + timedelta(seconds=5)), NOW) == 0.0


@given(st.lists(st.sampled_from(SeatState), max_size=50))
def test_the_states_add_up_to_the_seats(states: list[SeatState]) -> None:
    seats = tuple(
        SeatView(Seat("default", str(i), f"座席{i}", f"e{i}"), state, NOW)
        for i, state in enumerate(states)
    )
    counts = by_state(seats)
    assert set(counts) == {state.value for state in SeatState}
    assert sum(counts.values()) == len(states)
    assert len(board(moment(seats=seats))["seats"]) == len(states)
