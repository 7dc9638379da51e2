"""Figures: who counts where, at what quarter of an hour, and what a crash may not change."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_manager.cells import WHOLE, Dimension
from queue_manager.counts import CALL_FIELDS, CallCounts, quarter_of
from queue_manager.figure_book import CallKey, Stored
from queue_manager.figures import Figures, LateCall
from queue_manager.model import (
    LeaveReason,
    Need,
    Requirement,
    Seat,
    SeatState,
    SeatView,
    WaitingCaller,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGAN = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
ZHUANG = Requirement.parse("lang:za>=2 & (svc:12333 | svc:general>=3)")
MANDARIN = Requirement.of(Need("lang:cmn"))
SEAT = Seat("nanning", "8001", "一号", "sip-8001", {"lang:za": 3})
MAIN, ELSE = (Dimension.QUEUE, "main"), (Dimension.QUEUE, "general")
LINE = (Dimension.LINE, "12345")


def level_s(queue_id: str) -> float:
    return {"main": 15.0}.get(queue_id, 60.0)


def figures(began: datetime = BEGAN, stored: Stored | None = None) -> Figures:
    made = Figures(SHANGHAI, level_s, began)
    made.restore(stored or Stored(), began.astimezone(SHANGHAI).date())
    return made


def caller(call_id: str = "n-1.1", *, at: datetime = BEGAN, **changed: object) -> WaitingCaller:
    """Somebody queued a minute after `at`, who spent five seconds in the menu."""
    queued = at + timedelta(seconds=60)
    made = WaitingCaller(
        "nanning", call_id, "12345", MANDARIN, queued, began_at=queued - timedelta(seconds=5)
    )
    return replace(made, **changed)  # type: ignore[arg-type]  # names are the dataclass's own


def serve(told: Figures, who: WaitingCaller, wait_s: float, talk_s: float = 90.0) -> None:
    """From the answer to the end of wrap-up."""
    at = who.queued_at + timedelta(seconds=wait_s)
    told.answered(who, SEAT, wait_s, at)
    told.talk_ended(who, SEAT, talk_s, at + timedelta(seconds=talk_s))
    told.wrapped_up(SEAT, 20.0, at + timedelta(seconds=talk_s + 20))


def leave(told: Figures, who: WaitingCaller, reason: LeaveReason, wait_s: float) -> None:
    told.left(who, reason, wait_s, who.queued_at + timedelta(seconds=wait_s))


def enter(told: Figures, who: WaitingCaller) -> None:
    told.entered(who, max(who.queued_at, BEGAN))


def test_a_served_caller_counts_for_queue_line_and_every_skill_he_asked_for() -> None:
    told = figures()
    who = caller(needs=ZHUANG)
    enter(told, who)
    serve(told, who, 12.3456, 90.0)
    found = told.today(BEGAN)
    keys = {WHOLE, MAIN, LINE, *((Dimension.SKILL, n.skill) for n in ZHUANG.needs())}
    assert set(found) == keys
    for counts in found.values():
        assert counts == CallCounts(
            offered=1, answered=1, answered_in_time=1, waits=1, wait_ms=12_346, menu_ms=5_000,
            talks=1, talk_ms=90_000, wrap_ups=1, wrap_up_ms=20_000, longest_ms=12_346,
        )  # fmt: skip


def test_every_way_to_leave_has_a_counter_of_its_own() -> None:
    told = figures()
    for number, (reason, wait_s) in enumerate(
        [
            (LeaveReason.ABANDONED, 4.9), (LeaveReason.ABANDONED, 5.0),
            (LeaveReason.VOICE_REQUEST, 61.0), (LeaveReason.CALLBACK, 40.0),
            (LeaveReason.TRANSFERRED, 9.0), (LeaveReason.OVERFLOWED, 30.0),
            (LeaveReason.SELF_SERVICE, 20.0),
        ]
    ):  # fmt: skip
        who = caller(f"n-1.{number}")
        enter(told, who)
        leave(told, who, reason, wait_s)
    counts = told.today(BEGAN)[MAIN]
    assert counts == CallCounts(
        offered=7, abandoned=2, abandoned_short=1, voice_requests=1, callbacks=1, transferred=1,
        overflowed=1, self_service=1, longest_ms=61_000,
    )  # fmt: skip
    assert counts.rates()["abandonment"] == (2, 7)
    assert counts.rates()["abandonment_without_short"] == (1, 6)


def test_the_service_level_is_that_of_the_queue_he_is_answered_in() -> None:
    told = figures()
    for call_id, queue_id in (("a", "main"), ("b", "general")):
        who = caller(call_id, queue_id=queue_id)
        enter(told, who)
        serve(told, who, 30.0)
    assert told.today(BEGAN)[MAIN].answered_in_time == 0
    assert told.today(BEGAN)[ELSE].answered_in_time == 1


def test_one_who_overflows_is_offered_in_both_queues_and_once_to_his_line() -> None:
    told = figures()
    who = caller()
    enter(told, who)
    told.overflowed(who, "general", who.queued_at + timedelta(seconds=90))
    waits = told.waiting()
    assert MAIN not in waits
    assert waits[ELSE].count == waits[LINE].count == waits[WHOLE].count == 1
    serve(told, who, 100.0)
    found = told.today(BEGAN)
    assert (found[MAIN].offered, found[MAIN].overflowed, found[MAIN].answered) == (1, 1, 0)
    assert (found[ELSE].offered, found[ELSE].overflowed_in, found[ELSE].answered) == (1, 1, 1)
    assert (found[LINE].offered, found[LINE].answered) == (1, 1)


def test_a_callback_is_offered_once_and_its_own_success_is_counted_apart() -> None:
    told = figures()
    who = caller()
    enter(told, who)
    leave(told, who, LeaveReason.CALLBACK, 40.0)
    again = replace(who, callback=True)
    enter(told, again)
    assert (told.waiting()[MAIN].count, told.waiting()[MAIN].callbacks) == (1, 1)
    serve(told, again, 300.0)
    counts = told.today(BEGAN)[MAIN]
    assert (counts.offered, counts.answered, counts.callbacks, counts.callbacks_reached) == (
        1, 0, 1, 1,
    )  # fmt: skip
    assert counts.talks == 1
    enter(told, lost := replace(who, call_id="n-1.2", callback=True))
    leave(told, lost, LeaveReason.ABANDONED, 999.0)
    assert told.today(BEGAN)[MAIN].callbacks_failed == 1
    assert told.today(BEGAN)[MAIN].abandoned == 0


def test_late_answers_belong_to_the_quarter_and_day_of_queueing() -> None:
    """Queued at 23:59 in Shanghai, answered ten minutes after midnight."""
    midnight = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
    told = figures(midnight - timedelta(hours=1))
    who = caller(at=midnight - timedelta(minutes=2))
    enter(told, who)
    serve(told, who, 660.0)
    assert told.today(midnight - timedelta(minutes=1))[MAIN].answered == 1
    assert told.today(midnight + timedelta(minutes=20)) == {}
    assert [q for q, _ in told.quarters(midnight - timedelta(minutes=1))] == [
        quarter_of(midnight) - 1
    ]


def test_on_the_day_the_clock_is_set_back_its_hour_has_eight_quarters() -> None:
    """New York, 2026-11-01: 01:30 comes twice, and both are quarters of their own."""
    zone = ZoneInfo("America/New_York")
    began = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)
    told = Figures(zone, level_s, began)
    told.restore(Stored(), date(2026, 11, 1))
    for number in range(2):
        told.entered(caller(f"n-1.{number}", at=began + timedelta(hours=number, minutes=30)), began)
    quarters = dict(told.quarters(began))
    assert len(quarters) == 2
    assert told.today(began)[WHOLE].offered == 2


def test_waiting_is_told_with_the_oldest_of_each_queue_line_and_skill() -> None:
    told = figures()
    enter(told, young := caller("young"))
    enter(told, old := caller("old", at=BEGAN - timedelta(minutes=5), needs=ZHUANG))
    waits = told.waiting()
    assert (waits[WHOLE].count, waits[WHOLE].oldest_s) == (2, old.queued_at.timestamp())
    assert waits[Dimension.SKILL, "lang:cmn"].oldest_s == young.queued_at.timestamp()
    leave(told, old, LeaveReason.ABANDONED, 400.0)
    assert told.waiting()[WHOLE].oldest_s == young.queued_at.timestamp()
    leave(told, young, LeaveReason.ABANDONED, 1.0)
    assert told.waiting() == {WHOLE: told.waiting()[WHOLE]}
    assert told.waiting()[WHOLE].count == 0


def test_what_is_stored_is_forgotten_after_six_hours_and_what_is_not_is_kept() -> None:
    told = figures()
    who = caller()
    enter(told, who)
    leave(told, who, LeaveReason.ABANDONED, 3.0)
    told.fold()
    later = BEGAN + timedelta(hours=7)
    told.forget(later)
    assert told.book.own((quarter_of(who.queued_at), *MAIN)).abandoned == 1
    told.book.changed.clear()
    told.forget(later)
    assert told.today(later)[MAIN].abandoned == 1
    assert [counts.abandoned for _, counts in told.quarters(later)] == [1]
    enter(told, stayed := caller("long", at=BEGAN))
    leave(told, stayed, LeaveReason.ABANDONED, 7 * 3600.0)
    told.fold()
    assert all(quarter >= quarter_of(later) - 24 for quarter, _, _ in told.book.changed)


# --- a crash

CALLS = st.lists(
    st.tuples(
        st.integers(0, 3_000),  # queued, seconds after the beginning
        st.sampled_from([0.5, 4.0, 15.0, 16.0, 400.0]),  # waited
        st.sampled_from([1.0, 600.0]),  # talked
        st.sampled_from([LeaveReason.ANSWERED, LeaveReason.ABANDONED]),
        st.sampled_from(["12345", "12333"]),
        st.sampled_from(["main", "general"]),
    ),
    max_size=25,
)
Call = tuple[int, float, float, LeaveReason, str, str]


def events(call_id: str, call: Call, began: datetime) -> list[tuple[datetime, str, WaitingCaller]]:
    """A call's events in time."""
    queued_s, wait_s, talk_s, reason, line_id, queue_id = call
    queued = began + timedelta(seconds=queued_s + 0.25)
    who = WaitingCaller(
        "nanning", call_id, line_id, MANDARIN, queued, queue_id=queue_id,
        began_at=queued - timedelta(seconds=5),
    )  # fmt: skip
    over = queued + timedelta(seconds=wait_s)
    if reason is LeaveReason.ABANDONED:
        return [(queued, "entered", who), (over, "left", who)]
    ended = over + timedelta(seconds=talk_s)
    return [(queued, "entered", who), (over, "answered", who), (ended, "talk_ended", who)]


def tell(told: Figures, at: datetime, event: str, who: WaitingCaller, call: Call) -> None:
    seat = Seat("nanning", who.call_id, "", "", {})  # a seat each: nobody waits for another
    match event:
        case "entered":
            told.entered(who, at)
        case "left":
            told.left(who, LeaveReason.ABANDONED, call[1], at)
        case "answered":
            told.answered(who, seat, call[1], at)
        case "talk_ended":
            told.talk_ended(who, seat, call[2], at)


def row_of(call_id: str, call: Call, began: datetime) -> LateCall:
    """What the call's row says."""
    told = events(call_id, call, began)
    who = told[0][2]
    answered = told[1][0] if call[3] is LeaveReason.ANSWERED else None
    return LateCall(
        call_id, who.queue_id, who.line_id, who.needs, who.queued_at - timedelta(seconds=5),
        who.queued_at, call[3], answered, told[-1][0],
    )  # fmt: skip


def stored_of(told: Figures, until: datetime) -> Stored:
    """All that was written at that moment."""
    told.fold()
    own: dict[CallKey, CallCounts] = {key: replace(told.book.own(key)) for key in told.book.changed}
    today = {key: replace(counts) for key, counts in told.today(until).items() if key != WHOLE}
    quarters = {quarter: replace(counts) for quarter, counts in told.quarters(until)}
    return Stored(until, own, {}, today, quarters)


@given(CALLS, st.integers(0, 4_000), st.integers(0, 60), st.integers(0, 30))
def test_a_crash_at_any_moment_changes_no_count(
    calls: list[Call], written_s: int, unwritten_s: int, away_s: int
) -> None:
    """Written at one moment, killed some time later, started anew after a while: what is told to
    the new engine by rows (of calls that ended), and by those found waiting and talking, gives
    the same as if nothing had happened."""
    began = BEGAN
    names = [f"n-1.{number}" for number in range(len(calls))]
    written = began + timedelta(seconds=written_s)
    killed = written + timedelta(seconds=unwritten_s)
    again = killed + timedelta(seconds=away_s)
    history = sorted(
        ((*event, call) for name, call in zip(names, calls, strict=True)
         for event in events(name, call, began)),
        key=lambda event: event[0],
    )  # fmt: skip
    whole, first = figures(began), figures(began)
    for at, event, who, call in history:
        tell(whole, at, event, who, call)
        if at <= written:
            tell(first, at, event, who, call)
    second = figures(again, stored_of(first, written))
    for name, call in zip(names, calls, strict=True):
        told = events(name, call, began)
        if told[-1][0] <= again:
            second.late(row_of(name, call, began))
            continue
        for at, event, who in told:
            tell(second, at, event, who, call)  # found alive, or all of it new
        second.late(row_of(name, call, began))  # its row, in the end
    now = began + timedelta(seconds=100)
    shown, expected = second.today(now), whole.today(now)
    assert {k: c for k, c in shown.items() if c != CallCounts()} == expected
    assert dict(second.quarters(now)) == dict(whole.quarters(now))


@pytest.mark.parametrize("seats_first", [True, False])
def test_a_wrap_up_that_outlives_its_engine_counts_for_its_call(seats_first: bool) -> None:
    """The seat's state is known, the call's row is: in whatever order they are read."""
    who = caller(at=BEGAN - timedelta(seconds=200))
    ended = who.queued_at + timedelta(seconds=90)
    row = LateCall(
        who.call_id, who.queue_id, who.line_id, who.needs, who.queued_at, who.queued_at,
        LeaveReason.ANSWERED, who.queued_at + timedelta(seconds=10), ended, SEAT.seat_id,
    )  # fmt: skip
    earlier = replace(row, call_id="n-1.0", line_id="12333", ended_at=ended - timedelta(seconds=40))
    told = figures(stored=Stored(ended + timedelta(seconds=1)))
    view = SeatView(SEAT, SeatState.WRAP_UP, ended + timedelta(seconds=0.2))
    if seats_first:
        told.knew(view)
    for known in (earlier, row):
        told.late(known)
    if not seats_first:
        told.knew(view)
    told.wrapped_up(SEAT, 20.0, BEGAN)
    told.wrapped_up(SEAT, 99.0, BEGAN + timedelta(seconds=300))
    assert told.today(BEGAN)[LINE] == CallCounts(wrap_ups=1, wrap_up_ms=20_000)


def test_an_answer_nobody_timed_counts_as_answered_and_its_wait_as_nobodys() -> None:
    """Its row came out of the spool: only the dead engine knew when the seat answered."""
    queued = BEGAN - timedelta(seconds=30)
    told = figures(stored=Stored(BEGAN - timedelta(seconds=60)))
    row = LateCall(
        "n-1.1", "main", "12345", MANDARIN, queued, queued, LeaveReason.ANSWERED, None, BEGAN
    )
    told.late(row)
    counts = told.today(BEGAN)[MAIN]
    assert counts == CallCounts(offered=1, answered=1)
    assert counts.rates()["average_wait_ms"] == (0, 0)


def test_one_who_takes_over_the_place_of_an_earlier_call_came_when_he_called() -> None:
    """The place is older than this engine, the call isn't: he is offered here."""
    told = figures(stored=Stored(BEGAN - timedelta(seconds=60)))
    again = caller(queued_at=BEGAN - timedelta(hours=1), began_at=BEGAN + timedelta(seconds=5))
    told.entered(again, BEGAN + timedelta(seconds=9))
    leave(told, again, LeaveReason.ABANDONED, 3700.0)
    counts = told.today(BEGAN)[MAIN]
    assert (counts.offered, counts.abandoned, counts.menu_ms) == (1, 1, 0)


def test_before_it_is_known_what_is_stored_nothing_of_earlier_engines_is_counted() -> None:
    """SQL is away at the start: who came before it is decided when it is back."""
    told = Figures(SHANGHAI, level_s, BEGAN)
    before = caller("before", at=BEGAN - timedelta(seconds=300))
    gap = caller("gap", at=BEGAN - timedelta(seconds=63))
    after = caller("after")
    for who in (before, gap, after):
        enter(told, who)
    assert not told.restored
    assert told.today(BEGAN)[MAIN].offered == 1
    told.restore(Stored(BEGAN - timedelta(seconds=10)), date(2026, 11, 21))
    assert told.today(BEGAN)[MAIN].offered == 2


@given(CALLS)
def test_no_part_is_ever_larger_than_its_whole(calls: list[Call]) -> None:
    told = figures()
    for number, call in enumerate(calls):
        for at, event, who in events(f"n-1.{number}", call, BEGAN):
            tell(told, at, event, who, call)
    for counts in (*told.today(BEGAN).values(), *told.recent(BEGAN).values()):
        parts = {n: r for n, r in counts.rates().items() if not n.startswith("average")}
        assert all(0 <= part <= whole for part, whole in parts.values())
        ends = (
            counts.answered + counts.abandoned + counts.voice_requests + counts.callbacks
            + counts.transferred + counts.overflowed + counts.self_service
        )  # fmt: skip
        assert counts.offered == ends
    lines = [c for (by, _), c in told.today(BEGAN).items() if by is Dimension.LINE]
    for name in CALL_FIELDS:
        if name != "longest_ms" and calls:
            assert sum(getattr(c, name) for c in lines) == getattr(told.today(BEGAN)[WHOLE], name)
