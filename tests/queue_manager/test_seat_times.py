"""Seats' time: nothing lost or counted twice, whatever happens when and however often one looks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_manager.counts import SeatCounts, quarter_of
from queue_manager.model import MissReason, SeatState
from queue_manager.seat_times import LONGEST_GAP_S, LONGEST_SPAN_S, SeatKey, SeatTimes

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


# --- a crash


def stored(told: SeatTimes) -> tuple[dict[SeatKey, SeatCounts], dict[str, float]]:
    """What is in SQL once all changes were written."""
    until = {seat: at_s for _, seat in told.counts if (at_s := told.until_s(seat))}
    return {key: replace(counts) for key, counts in told.counts.items()}, until


@pytest.mark.parametrize("restored_first", [True, False])
def test_what_a_dead_engine_had_not_stored_is_counted_by_the_next(restored_first: bool) -> None:
    """A minute of a talk that nobody wrote, and the seconds without an engine."""
    first = times()
    first.moved("1", SeatState.READY, "", TEN)
    first.moved("1", SeatState.TALKING, "", after(10))
    counts, until = stored(first)  # killed at 70
    second = times()
    second.knew("1", SeatState.TALKING, "", after(10))
    second.knew("2", SeatState.OFFLINE, "", TEN)
    if restored_first:
        second.restore(counts, until)
    second.moved("1", SeatState.TALKING, "", after(73))
    second.moved("1", SeatState.WRAP_UP, "", after(80))
    second.moved("2", SeatState.READY, "", after(80))
    if not restored_first:
        second.restore(counts, until)
    assert second.counts == {(QUARTER, "1"): SeatCounts(idle_ms=10_000, talk_ms=70_000)}
    assert (QUARTER, "1") in second.changed


@given(
    MOVES,
    st.floats(0, 20_000),
    st.sampled_from([0.0, 3.0, 200.0, LONGEST_GAP_S + 400]),
    st.booleans(),
)
def test_a_crash_counts_nothing_twice_and_loses_only_what_came_before_an_unwritten_change(
    moves: list[tuple[float, SeatState, int]], killed_s: float, away_s: float, seen: bool
) -> None:
    """Written every five seconds a share at a time; killed at any moment."""
    first, at_s, state, since_s, signed_on_s = times(), 0.0, SeatState.OFFLINE, 0.0, 0.0
    counts: dict[SeatKey, SeatCounts] = {}
    until: dict[str, float] = {}
    for gap_s, new, _ in moves:
        if at_s + gap_s > killed_s:
            break
        counts, until = stored(first)  # all changes but this last one are written
        signed_on_s += gap_s if state is not SeatState.OFFLINE else 0.0
        at_s += gap_s
        first.moved("1", new, "", after(at_s))
        since_s = at_s if new is not state else since_s
        state = new
    killed_s = min(killed_s, at_s + 1_000)
    again_s = killed_s + away_s
    second = SeatTimes(QUARTER - 1)
    second.knew("1", state, "", after(since_s))
    second.restore(counts, until)
    if seen:
        second.moved("1", SeatState.READY, "", after(again_s))
        second.moved("1", SeatState.OFFLINE, "", after(again_s))
    total_s = sum(total_ms(one) for one in second.counts.values()) / 1000
    lived_s = signed_on_s + (again_s - at_s if state is not SeatState.OFFLINE else 0.0)
    assert total_s <= lived_s + 0.01
