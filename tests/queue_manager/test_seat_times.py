"""Seats' time: nothing lost or counted twice, whatever happens when and however often one looks."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from queue_manager.counts import SeatCounts, quarter_of
from queue_manager.model import MissReason, SeatState
from queue_manager.seat_times import LONGEST_SPAN_S, SeatTimes

TEN = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
QUARTER = quarter_of(TEN)
TIMES = ("idle_ms", "ring_ms", "talk_ms", "wrap_up_ms", "cool_down_ms")


def after(seconds: float) -> datetime:
    return TEN + timedelta(seconds=seconds)


def ms_of(seconds: float) -> int:
    return round(after(seconds).timestamp() * 1000)


def times() -> SeatTimes:
    return SeatTimes(QUARTER - 1)


def total_ms(counts: SeatCounts) -> int:
    return sum(getattr(counts, name) for name in TIMES) + counts.paused_ms


def test_a_state_over_the_end_of_a_quarter_is_split() -> None:
    told = times()
    told.moved("1", SeatState.READY, "", after(880))
    told.moved("1", SeatState.TALKING, "", after(890.5))
    told.moved("1", SeatState.WRAP_UP, "", after(1810))
    told.moved("1", SeatState.PAUSED, "meal", after(1820))
    told.moved("1", SeatState.OFFLINE, "", after(1880))
    told.moved("1", SeatState.READY, "", after(2000))
    assert told.counts == {
        (QUARTER, "1"): SeatCounts(idle_ms=10_500, talk_ms=9_500),
        (QUARTER + 1, "1"): SeatCounts(talk_ms=900_000),
        (QUARTER + 2, "1"): SeatCounts(talk_ms=10_000, wrap_up_ms=10_000, pauses={"meal": 60_000}),
    }


def test_another_reason_for_the_same_pause_is_its_own_time() -> None:
    told = times()
    told.moved("1", SeatState.PAUSED, "meal", TEN)
    told.moved("1", SeatState.PAUSED, "training", after(60))
    told.accrue(after(90), share=1)
    assert told.counts[QUARTER, "1"].pauses == {"meal": 60_000, "training": 30_000}


MOVES = st.lists(
    st.tuples(st.floats(0.001, 3_000), st.sampled_from(SeatState), st.integers(1, 12)), max_size=30
)


@given(MOVES)
def test_the_times_add_up_to_the_time_signed_on(
    moves: list[tuple[float, SeatState, int]],
) -> None:
    """However often shares are counted in between."""
    told, at, signed_on, state = times(), 0.0, 0, SeatState.OFFLINE
    told.moved("other", SeatState.OFFLINE, "", TEN)
    for gap_s, new, share in moves:
        until = at + gap_s
        told.accrue(after(at + gap_s / 2), share)
        told.moved("1", new, "", after(until))
        if state is not SeatState.OFFLINE:
            signed_on += round(after(until).timestamp() * 1000) - round(
                after(at).timestamp() * 1000
            )
        at, state = until, new
    assert sum(total_ms(counts) for counts in told.counts.values()) == signed_on
    for (quarter, _), counts in told.counts.items():
        assert 0 <= total_ms(counts) <= 900_000
        assert quarter >= QUARTER
        rates = counts.rates()
        assert all(rates[n][0] <= rates[n][1] for n in ("occupancy", "pause_share"))


@given(st.integers(1, 100))
def test_twelve_shares_leave_nobody_out(seats: int) -> None:
    told = times()
    for seat in range(seats):
        told.moved(str(seat), SeatState.READY, "", TEN)
    for _ in range(12):
        told.accrue(after(5))
    assert {seat for _, seat in told.changed} == {str(seat) for seat in range(seats)}


def test_a_clock_that_jumps_counts_nothing_that_was_not_lived_through() -> None:
    told = times()
    told.moved("1", SeatState.READY, "", TEN)
    told.accrue(after(LONGEST_SPAN_S * 50), share=1)
    told.accrue(after(LONGEST_SPAN_S * 50 + 7), share=1)
    assert sum(total_ms(counts) for counts in told.counts.values()) == 7_000
    told.accrue(after(5), share=1)
    told.accrue(after(8), share=1)
    assert sum(total_ms(counts) for counts in told.counts.values()) == 10_000


def test_a_little_set_back_is_caught_up_with_before_anything_counts_again() -> None:
    told = times()
    told.moved("1", SeatState.READY, "", after(10))
    told.accrue(after(4), share=1)
    told.accrue(after(12), share=1)
    assert told.counts[QUARTER, "1"].idle_ms == 2_000


def test_misses_are_counted_by_reason_and_what_the_queue_takes_back_is_none() -> None:
    told = times()
    for reason in MissReason:
        told.missed("1", reason, TEN)
    assert told.counts[QUARTER, "1"] == SeatCounts(missed=3, missed_busy=1, missed_unreachable=1)


def test_what_is_stored_and_not_known_here_is_never_replaced() -> None:
    """A row of hours ago belongs to what another life has stored."""
    told = times()
    told.answered("1", after(-3600))
    assert told.counts == {}
    told.answered("1", TEN)
    told.changed.clear()
    told.forget(QUARTER + 5)
    told.answered("1", TEN)
    assert told.changed == set()


def test_of_too_many_unstored_the_newest_are_kept() -> None:
    told = times()
    for late in range(5):
        told.answered("1", after(900 * late))
    assert told.drop_oldest(2) == 3
    assert sorted(told.changed) == [(QUARTER + 3, "1"), (QUARTER + 4, "1")]
