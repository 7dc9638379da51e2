"""What no row tells outlives the engine as lines; added once to what is stored, nothing is lost."""

from dataclasses import replace
from datetime import datetime, timedelta

from queue_manager.cells import WHOLE, Dimension
from queue_manager.counts import CallCounts, SeatCounts, quarter_of
from queue_manager.figure_book import Stored
from queue_manager.figure_tail import MARK, read_tail
from queue_manager.figures import Figures, LateCall
from queue_manager.model import LeaveReason, MissReason, Offer, SeatState, SeatView
from tests.queue_manager.test_figures import (
    BEGAN,
    MAIN,
    SEAT,
    SHANGHAI,
    caller,
    enter,
    leave,
    level_s,
    serve,
)


class Lines:
    """A tail in memory."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, str]] = []

    def note(self, line: str) -> int:
        self.kept.append((len(self.kept) + 1, line))
        return len(self.kept)


def counting(lines: Lines, began: datetime = BEGAN, stored: Stored | None = None) -> Figures:
    made = Figures(SHANGHAI, level_s, began, lines.note)
    made.restore(stored or Stored(), began.astimezone(SHANGHAI).date())
    return made


def test_a_wrap_up_that_has_ended_is_a_line_and_says_whose_it_was() -> None:
    lines = Lines()
    told = counting(lines)
    enter(told, who := caller())
    serve(told, who, 10.0)
    assert len(lines.kept) == 1, "one line per ordinary call"
    found = read_tail(lines.kept, 0, BEGAN)
    quarter = quarter_of(who.queued_at)
    assert found.calls[quarter, *MAIN] == CallCounts(wrap_ups=1, wrap_up_ms=20_000)
    assert {key[1:] for key in found.calls} == told.today(BEGAN).keys() - {WHOLE}
    ended = who.queued_at + timedelta(seconds=10 + 90 + 20)
    assert found.wrapped == [(SEAT.seat_id, ended - timedelta(seconds=20))]


def test_a_line_that_is_stored_adds_nothing() -> None:
    lines = Lines()
    told = counting(lines)
    for name in ("a", "b"):
        enter(told, who := caller(name))
        serve(told, who, 10.0)
    found = read_tail(lines.kept, 1, BEGAN)
    assert {counts.wrap_ups for counts in found.calls.values()} == {1}
    assert read_tail(lines.kept, 2, BEGAN).calls == {}
    assert len(read_tail(lines.kept, 2, BEGAN).wrapped) == 2, "that they have ended stays true"


def test_a_miss_is_a_line_and_what_the_queue_took_back_is_none() -> None:
    lines = Lines()
    told = counting(lines)
    enter(told, who := caller())
    for reason in (MissReason.BUSY, MissReason.RESCINDED, MissReason.NO_ANSWER):
        told.missed(Offer(1, who, SEAT, BEGAN), reason, BEGAN)
    (seat,) = read_tail(lines.kept, 0, BEGAN).seats.items()
    assert seat == ((quarter_of(BEGAN), SEAT.seat_id), SeatCounts(missed=2, missed_busy=1))
    assert told.missed_by == {(quarter_of(BEGAN), SEAT.seat_id)}


def test_who_leaves_for_something_else_is_counted_by_line_or_by_row_never_by_both() -> None:
    """He goes on speaking his request when the engine dies: his row will tell how he ended, but not
    when he left the queue."""
    lines = Lines()
    told = counting(lines)
    enter(told, who := caller())
    leave(told, who, LeaveReason.VOICE_REQUEST, 30.0)
    came = who.queued_at
    row = LateCall(
        who.call_id, "main", "12345", who.needs, came, came, LeaveReason.VOICE_REQUEST, None,
        came + timedelta(seconds=99),
    )  # fmt: skip
    for until in (came + timedelta(seconds=5), came - timedelta(seconds=5)):
        by_line = read_tail(lines.kept, 0, until).calls
        after = counting(Lines(), came + timedelta(seconds=60), Stored(until))
        after.late(row)
        after.fold()
        by_row = {key: after.book.own(key) for key in after.book.changed}
        both = [book[key].voice_requests for book in (by_line, by_row) for key in book
                if key[1:] == MAIN]  # fmt: skip
        assert sum(both) == 1, until


def test_an_overflow_is_told_when_he_waits_no_more() -> None:
    """While he waits, the next engine finds him and counts it."""
    lines = Lines()
    told = counting(lines)
    enter(told, who := caller())
    told.overflowed(who, "general", who.queued_at + timedelta(seconds=60))
    assert lines.kept == [(1, MARK)]
    serve(told, who, 90.0)
    assert len(lines.kept) == 4
    quarter = quarter_of(who.queued_at)
    for stored, expected in ((0, CallCounts(overflowed=1)), (1, None)):
        found = read_tail(lines.kept[:3], stored, BEGAN).calls
        assert found.get((quarter, *MAIN)) == expected, "stored with what was counted before it"
    line = read_tail(lines.kept[:3], 0, BEGAN).calls[quarter, Dimension.LINE, "12345"]
    assert line == CallCounts(), "his line doesn't see two"


def test_a_callback_given_up_is_a_line_and_its_calls_are_nobody_new() -> None:
    lines = Lines()
    told = counting(lines)
    told.entered(who := caller("n-1.1.cb1", callback=True), BEGAN)
    leave(told, who, LeaveReason.ABANDONED, 300.0)
    (counts,) = {c.callbacks_failed for c in read_tail(lines.kept, 0, BEGAN).calls.values()}
    assert counts == 1
    began = BEGAN + timedelta(seconds=60)
    row = LateCall(
        "n-1.1.cb1", "main", "12345", who.needs, began, BEGAN - timedelta(hours=1),
        LeaveReason.ANSWERED, began + timedelta(seconds=5), began + timedelta(seconds=65), "8001",
        callback=True,
    )  # fmt: skip
    after = counting(Lines(), began + timedelta(seconds=70), Stored(BEGAN))
    after.late(row)
    after.late(replace(row, call_id="n-1.2.cb1", outcome=LeaveReason.ABANDONED, answered_at=None))
    assert after.today(BEGAN)[MAIN] == CallCounts(callbacks_reached=1, talks=1, talk_ms=60_000)


def test_a_wrap_up_the_live_state_calls_unended_isnt_counted_again() -> None:
    """Redis is a quarter of a second behind: the engine died in it."""
    lines = Lines()
    told = counting(lines)
    enter(told, who := caller())
    serve(told, who, 10.0)
    answered = who.queued_at + timedelta(seconds=10)
    ended = answered + timedelta(seconds=90)
    row = LateCall(
        who.call_id, "main", "12345", who.needs, who.queued_at, who.queued_at,
        LeaveReason.ANSWERED, answered, ended, SEAT.seat_id,
    )  # fmt: skip
    after = counting(Lines(), ended + timedelta(seconds=30), Stored(ended))
    after.knew(SeatView(SEAT, SeatState.WRAP_UP, ended + timedelta(seconds=0.1)))
    for seat_id, began_at in read_tail(lines.kept, 0, ended).wrapped:
        after.wrapped_before(seat_id, began_at)
    after.late(row)
    after.wrapped_up(SEAT, 60.0, ended + timedelta(seconds=60))
    assert MAIN not in after.today(BEGAN)


def test_torn_and_foreign_lines_are_told_and_harm_nothing() -> None:
    lines = Lines()
    told = counting(lines)
    enter(told, who := caller())
    serve(told, who, 10.0)
    good = lines.kept[0][1]
    bad = ["c - 1 wrap_ups=1 [", "", "x - 1 a=1 []", "c - 1 none=1 []", "c - z a=1 []", "w8 9"]
    found = read_tail(enumerate([*bad, good], 1), 0, BEGAN)
    assert found.unreadable == len(bad)
    assert found.calls[quarter_of(who.queued_at), *MAIN].wrap_ups == 1
