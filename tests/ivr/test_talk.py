"""The table of a talk: what may follow what, and that nobody is ever forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.talk import (
    ENDS,
    TABLE,
    WISHES,
    Party,
    TalkEvent,
    TalkState,
    TalkStatus,
    Wish,
    can,
    decide,
    diagram,
    wish,
)
from ivr.talk_errors import TalkBusy

FIRST = Party("8001", leg_id="leg-1", channel="PJSIP/s8001-1")
THIRD = Party("8002", leg_id="leg-2", channel="PJSIP/s8002-2")
ASKED_WITH_THIRD = {TalkEvent.CONSULT_ASKED, TalkEvent.ADD_ASKED, TalkEvent.TAKE_ASKED}


def after(*events: TalkEvent) -> TalkStatus:
    """A talk with the first seat, after these."""
    status = TalkStatus(first=FIRST)
    for event in events:
        status = decide(status, event, THIRD if event in ASKED_WITH_THIRD else None).status
    return status


def test_consult_and_complete() -> None:
    """The one who was consulted has the citizen then."""
    status = after(TalkEvent.CONSULT_ASKED)
    assert (status.first, status.third, wish(status)) == (FIRST, THIRD, Wish.HOLD)
    status = after(TalkEvent.CONSULT_ASKED, TalkEvent.THIRD_ANSWERED, TalkEvent.COMPLETE_ASKED)
    assert (status.first, status.third, wish(status)) == (THIRD, None, Wish.WITH_FIRST)


def test_three_way_is_joined_where_the_two_are() -> None:
    """Out of a consultation the citizen comes to them; a seat that is added comes to him."""
    asked = after(TalkEvent.CONSULT_ASKED, TalkEvent.THIRD_ANSWERED, TalkEvent.JOIN_ASKED)
    assert wish(asked) is Wish.BESIDE_FIRST
    added = after(TalkEvent.ADD_ASKED, TalkEvent.THIRD_ANSWERED)
    assert (added.state, wish(added)) == (TalkState.THREE_WAY, Wish.WITH_FIRST)


def test_whoever_takes_over_moves_the_citizen() -> None:
    """He can't stay in the bridge with the first seat, which is ended."""
    move = decide(after(TalkEvent.TAKE_ASKED), TalkEvent.THIRD_ANSWERED)
    assert move.parts
    assert move.drop == (FIRST,)
    assert move.status.first == THIRD


def test_an_added_seat_does_not_move_him() -> None:
    assert not decide(after(TalkEvent.ADD_ASKED), TalkEvent.THIRD_ANSWERED).parts
    three = after(TalkEvent.ADD_ASKED, TalkEvent.THIRD_ANSWERED)
    for left in (TalkEvent.FIRST_LEFT, TalkEvent.THIRD_LEFT):
        assert not decide(three, left).parts


def test_what_the_table_does_not_have_raises() -> None:
    """And changes nothing."""
    with pytest.raises(TalkBusy, match="talking"):
        decide(TalkStatus(first=FIRST), TalkEvent.COMPLETE_ASKED)
    with pytest.raises(TalkBusy):
        decide(after(TalkEvent.CONSULT_ASKED), TalkEvent.COMPLETE_ASKED)


def test_every_state_has_a_wish_and_a_way_out() -> None:
    """The citizen's hang-up ends every talk that isn't at its end; an end has no way out."""
    for state in TalkState:
        assert state in WISHES
        assert ((state, TalkEvent.CITIZEN_LEFT) in TABLE) is (state not in ENDS)
        assert any(known is state for known, _ in TABLE) is (state not in ENDS)


def test_the_diagram_tells_the_whole_table() -> None:
    assert diagram().count("-->") == len(TABLE)


@given(st.lists(st.sampled_from(TalkEvent), max_size=40))
def test_nobody_is_ever_forgotten(events: list[TalkEvent]) -> None:
    """Whatever happens, in whatever order: the citizen is with somebody who is there, held while
    somebody is on his way or has to do with him, in his queue, handed on, or had his talk. Whoever
    leaves a talk without a word of ours is told to be ended, or has left by himself. Who is asked
    for is somebody else each time: a seat that talks can't be rung."""
    status = TalkStatus(first=FIRST)
    for number, event in enumerate(events):
        if not can(status, event):
            continue
        another = Party(f"9{number:03}", leg_id=f"leg-9{number}", channel=f"PJSIP/s9-{number}")
        found = status.state is TalkState.SEEKING and event is TalkEvent.THIRD_ANSWERED
        third = another if event in ASKED_WITH_THIRD or found else None
        before, move = status, decide(status, event, third)
        status = move.status
        match wish(status):
            case Wish.WITH_FIRST | Wish.BESIDE_FIRST:
                assert status.first != Party()
            case Wish.HOLD:
                assert status.first != Party() or status.third is not None
            case Wish.END:
                left = {TalkEvent.FIRST_LEFT, TalkEvent.CITIZEN_LEFT}
                assert event in left, "a talk ends when one of the two hangs up, and only then"
        if event is TalkEvent.CITIZEN_LEFT:
            assert before.first == Party() or before.first in move.drop
            assert before.third is None or before.third in move.drop
        for party in move.drop:
            assert party not in (status.first, status.third)
