"""The table of a callback: every history ends once, and counts what it should."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_manager.callback import (
    ENDS,
    TABLE,
    UNDER_WAY,
    Callback,
    CallbackEvent,
    CallbackState,
    asked_in,
    decide,
    diagram,
    leg_id,
)
from queue_manager.requirement import Requirement
from queue_manager.rules import CallbackOrder

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
TAKEN = Callback(
    tenant="nanning", call_id="hl-1795.7", number="+8613900000001", line_id="12345",
    queue_id="main", needs=Requirement(), language="cmn", priority=1,
    queued_at=NOON - timedelta(seconds=90), taken_at=NOON, expires_at=NOON + timedelta(hours=4),
    order=CallbackOrder.CUSTOMER_FIRST, tries=3, retry_s=300.0,
)  # fmt: skip
E = CallbackEvent


def told(callback: Callback, *events: CallbackEvent, at: datetime = NOON) -> Callback:
    for event in events:
        callback = decide(callback, event, at)
    return callback


def test_the_way_of_one_who_is_reached() -> None:
    talked = told(TAKEN, E.RUNG, E.PICKED_UP, E.SEAT_ANSWERED, E.TALK_ENDED)
    assert (talked.state, talked.attempts, talked.ended_at) == (CallbackState.CONNECTED, 1, NOON)


def test_not_reached_rests_and_keeps_the_place() -> None:
    """Rung again no earlier than told; the place is the first queueing, as before."""
    busy = decide(told(TAKEN, E.RUNG), E.NOT_REACHED, NOON, result="busy")
    assert (busy.state, busy.result) == (CallbackState.WAITING, "busy")
    assert busy.resting(NOON + timedelta(seconds=299))
    assert not busy.resting(NOON + timedelta(seconds=300))
    assert busy.waiting_caller().queued_at == TAKEN.queued_at
    assert busy.waiting_caller().callback
    assert busy.leg_id == "hl-1795.7.cb2"


def test_the_last_try_ends_it() -> None:
    twice = (E.RUNG, E.NOT_REACHED) * 2
    assert told(TAKEN, *twice).state is CallbackState.WAITING
    last = told(TAKEN, *twice, E.RUNG, E.NOT_REACHED)
    assert (last.state, last.attempts, last.ended_at) == (CallbackState.UNREACHED, 3, NOON)


def test_what_would_be_tried_too_late_is_given_up_at_once() -> None:
    late = TAKEN.expires_at - timedelta(seconds=300)
    assert told(TAKEN, E.RUNG, E.NOT_REACHED, at=late).state is CallbackState.EXPIRED


def test_an_engines_death_is_no_reason_to_wait() -> None:
    assert not told(TAKEN, E.RUNG, E.LOST).resting(NOON)


def test_a_seat_that_missed_costs_the_citizen_no_try() -> None:
    missed = told(TAKEN, *(E.RUNG, E.SEAT_MISSED) * 10)
    assert missed.state is CallbackState.WAITING
    assert missed.tries - missed.attempts == 3
    assert missed.leg_id == "hl-1795.7.cb11"


def test_a_talk_is_not_called_off_and_not_rung_again() -> None:
    talking = told(TAKEN, E.RUNG, E.SEAT_ANSWERED)
    for event in (E.CANCELLED, E.TIME_OVER, E.NOT_REACHED, E.PICKED_UP):
        assert decide(talking, event, NOON) is talking


def test_what_cant_happen_raises() -> None:
    with pytest.raises(ValueError, match="can't happen"):
        told(TAKEN, E.RUNG, E.RUNG)


def test_a_leg_tells_whose_it_is() -> None:
    assert asked_in(leg_id("hl-1795.7", 12)) == "hl-1795.7"
    for other in ("hl-1795.7", "hl-1795.7.cb", "hl-1795.7.cb0", ".cb1"):
        assert asked_in(other) == ""


def test_the_id_of_the_call_under_way_stays_and_the_next_is_new() -> None:
    rung = told(TAKEN, E.RUNG)
    assert TAKEN.leg_id == rung.leg_id == rung.last_leg_id == "hl-1795.7.cb1"
    again = told(rung, E.LOST)
    assert (again.last_leg_id, again.leg_id) == ("hl-1795.7.cb1", "hl-1795.7.cb2")


@given(st.lists(st.sampled_from(list(E)), max_size=60), st.integers(1, 4))
def test_every_history_ends_once_and_counts_up(events: list[CallbackEvent], tries: int) -> None:
    """Ends are for good, versions only grow, and nobody is rung more often than allowed."""
    callback = replace(TAKEN, tries=tries)
    for event in events:
        if (callback.state, event) not in TABLE:
            continue
        before, callback = callback, decide(callback, event, NOON)
        changed = callback is not before
        assert callback.version == before.version + changed
        assert not (before.state in ENDS and changed)
        assert (callback.ended_at is None) == (callback.state not in ENDS)
        assert callback.attempts - (callback.tries - tries) <= tries
        assert callback.queued_at == TAKEN.queued_at
        if event is E.RUNG and changed:
            assert callback.state in UNDER_WAY


def test_every_state_knows_every_word_that_may_come() -> None:
    """Whatever is told late or twice is known; only ringing and a missing seat need their state."""
    free = {E.RUNG, E.SEAT_MISSED, E.LOST}
    missing = {(s, e) for s in CallbackState for e in E if (s, e) not in TABLE and e not in free}
    assert not missing


def test_the_diagram_names_every_state() -> None:
    assert all(state in diagram() for state in CallbackState)
