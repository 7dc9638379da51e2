"""What a board says, as values."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.board import MOST_ALERTS, Moment, board, longest_wait_s, rate
from console.ports import (
    DayFigures,
    GroupFigures,
    Groups,
    HoursMode,
    HoursView,
    LineView,
    TenantFacts,
    WaitingSummary,
)
from queue_manager.model import Alert, AlertKind, Seat, SeatState, SeatView
from tickets.model import Origin

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
ABLE = {SeatState.READY: 3, SeatState.TALKING: 2, SeatState.RESERVED: 1, SeatState.PAUSED: 4}
QUEUES = (
    GroupFigures(
        "main", "综合受理", within_s=20.0, waiting=2, callbacks=1, oldest=NOW, offered=12,
        answered=10, answered_in_time=9, abandoned=1, recent_answered=4, recent_in_time=1,
        seats=ABLE,
    ),
)  # fmt: skip
SKILLS = (GroupFigures("lang:za", "壮语", "Zhuang"),)
ALERTS = tuple(
    Alert(number, AlertKind.SEAT_MISSES, NOW, seat_id="801") for number in range(MOST_ALERTS + 5)
)


def moment(waiting: WaitingSummary | None = None, seats: tuple[SeatView, ...] = ()) -> Moment:
    figures = DayFigures(
        date(2026, 11, 21), offered=12, answered=10, answered_in_time=9, abandoned=2,
        abandoned_short=1, recent_answered=4, recent_in_time=2, wait_total_s=84.0, waits=8,
        direct=3, accepted=4,
        tickets={Origin.TALK: 10, Origin.ABANDONED: 2},
    )  # fmt: skip
    lines = (LineView("12333", "12333", "人社", "人社局", "dual"),)
    hours = (HoursView("", HoursMode.CLOSED, False), HoursView("12333", HoursMode.OPEN, True))
    facts = TenantFacts("default", "12345热线")
    states = Counter(view.state for view in seats)
    groups = Groups(states, QUEUES, SKILLS)
    waits = waiting or WaitingSummary()
    return Moment(facts, NOW, waits, groups, seats, figures, hours, lines, ALERTS)


def test_every_ratio_comes_with_numerator_and_denominator() -> None:
    shown = board(moment())
    assert shown["service_level"] == {
        "within_s": 20.0, "numerator": 9, "denominator": 10, "ratio": 0.9,
    }  # fmt: skip
    assert shown["service_level_of_offered"]["ratio"] == 0.75
    assert shown["connection_rate"] == {"numerator": 10, "denominator": 12, "ratio": 0.8333}
    assert shown["abandonment_rate"] == {"numerator": 2, "denominator": 12, "ratio": 0.1667}
    assert shown["average_wait_s"] == 10.5
    assert shown["average_wait"] == {"numerator": 84.0, "denominator": 8}
    assert shown["direct_answer_rate"] == {"numerator": 3, "denominator": 4, "ratio": 0.75}
    assert shown["tickets_today"] == 12
    assert shown["tickets_by_origin"] == {
        "talk": 10, "voice_request": 0, "abandoned": 2, "callback": 0, "part": 0,
        "connected": 0, "handed_over": 0, "peer": 0, "web": 0,
    }  # fmt: skip


def test_the_service_level_names_its_seconds_only_where_all_queues_have_the_same() -> None:
    """In time is so by each queue's own seconds; without any queue it is the tenant's."""
    one = moment()
    two = replace(QUEUES[0], key="night", within_s=60.0)
    for queues, within_s in (((), 15), (QUEUES, 20.0), ((*QUEUES, two), None)):
        shown = board(replace(one, groups=Groups(Counter(), queues, ())))
        assert shown["service_level"]["within_s"] == within_s
        assert shown["service_level_of_offered"]["within_s"] == within_s
        assert shown["calm_wait_s"] == 15


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


def test_a_queue_shows_its_waiting_its_level_now_and_today_and_its_seats() -> None:
    main, zhuang = board(moment())["groups"]
    assert (main["id"], main["kind"], main["name"]) == ("queue/main", "queue", "综合受理")
    assert (main["waiting"], main["callbacks"], main["within_s"]) == (2, 1, 20.0)
    assert main["since"] == "2026-11-21T10:00:00.000+00:00"
    assert main["level"] == {"numerator": 9, "denominator": 10, "ratio": 0.9}
    assert main["level_now"] == {"numerator": 1, "denominator": 4, "ratio": 0.25}
    assert main["able"] == {"ready": 3, "busy": 3, "paused": 4, "offline": 0}
    assert (zhuang["id"], zhuang["name_en"], zhuang["since"]) == ("skill/lang:za", "Zhuang", None)
    assert zhuang["level"]["ratio"] is None


def test_alerts_are_shown_in_a_bounded_number_and_counted_in_all() -> None:
    shown = board(moment())
    assert len(shown["alerts"]) == MOST_ALERTS
    assert shown["alerts_open"] == MOST_ALERTS + 5
    assert shown["alerts"][0] == {
        "id": 0, "kind": "seat_misses", "seat": "801", "since": "2026-11-21T10:00:00.000+00:00",
        "times": 1, "seen": False,
    }  # fmt: skip
    assert shown["service_level_now"] == {"numerator": 2, "denominator": 4, "ratio": 0.5}


@given(st.lists(st.sampled_from(SeatState), max_size=50))
def test_the_states_add_up_to_the_seats(states: list[SeatState]) -> None:
    seats = tuple(
        SeatView(Seat("default", str(i), f"座席{i}", f"e{i}"), state, NOW)
        for i, state in enumerate(states)
    )
    counts = board(moment(seats=seats))["seats_by_state"]
    assert set(counts) == {state.value for state in SeatState}
    assert sum(counts.values()) == len(states)
    assert len(board(moment(seats=seats))["seats"]) == len(states)
