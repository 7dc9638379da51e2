"""The table of seat and reservation."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from queue_manager.errors import ImpossibleEvent, StaleToken
from queue_manager.model import SeatState
from queue_manager.reservation import TABLE, SeatEvent, SeatStatus, decide, diagram

READY = SeatStatus(SeatState.READY, connected=True)
DECISION = Path(__file__).parents[2] / "docs/decisions/0021-seat-states.md"
BUSY = {SeatState.RESERVED, SeatState.TALKING}


def test_the_usual_way() -> None:
    """Ready, ringing, talking, wrap-up, ready again."""
    ringing = decide(READY, SeatEvent.RESERVED, token=7, call_id="c1")
    assert (ringing.state, ringing.token, ringing.call_id) == (SeatState.RESERVED, 7, "c1")
    talking = decide(ringing, SeatEvent.ANSWERED, token=7)
    assert (talking.state, talking.call_id) == (SeatState.TALKING, "c1")
    after = decide(talking, SeatEvent.TALK_ENDED, token=7)
    assert (after.state, after.token, after.call_id) == (SeatState.WRAP_UP, 0, "")
    assert decide(after, SeatEvent.WRAP_UP_ENDED).state is SeatState.READY


@pytest.mark.parametrize("state", SeatState)
@pytest.mark.parametrize("event", SeatEvent)
def test_a_pair_that_is_not_in_the_table_raises(state: SeatState, event: SeatEvent) -> None:
    """Every pair either leads somewhere or is refused loudly."""
    status = SeatStatus(state, connected=True, token=3, fence=3)
    token = 4 if event in (SeatEvent.RESERVED, SeatEvent.TALK_FOUND) else 3
    if (state, event) in TABLE:
        assert decide(status, event, token=token, miss_limit=3).state in SeatState
    else:
        with pytest.raises(ImpossibleEvent):
            decide(status, event, token=token, miss_limit=3)


@pytest.mark.parametrize("event", ["answered", "missed", "withdrawn", "talk_ended"])
@pytest.mark.parametrize("token", [0, 6, 8])
def test_a_report_with_another_token_is_refused(event: str, token: int) -> None:
    """Late answers of older reservations, reports from nowhere: the seat's state stays."""
    ringing = decide(READY, SeatEvent.RESERVED, token=7, call_id="c1")
    with pytest.raises(StaleToken):
        decide(ringing, SeatEvent(event), token=token, miss_limit=3)


def test_a_late_answer_after_a_miss_is_refused() -> None:
    """The reservation is over with the miss, though no newer one was made."""
    ringing = decide(READY, SeatEvent.RESERVED, token=7, call_id="c1")
    missed = decide(ringing, SeatEvent.MISSED, token=7, miss_limit=3)
    with pytest.raises(StaleToken):
        decide(missed, SeatEvent.ANSWERED, token=7)


def test_tokens_only_grow() -> None:
    """A reservation with a token seen before is refused."""
    ringing = decide(READY, SeatEvent.RESERVED, token=7, call_id="c1")
    free = decide(ringing, SeatEvent.WITHDRAWN, token=7)
    with pytest.raises(StaleToken):
        decide(free, SeatEvent.RESERVED, token=7, call_id="c2")


def test_misses_in_a_row_pause_the_seat() -> None:
    """The third miss pauses with reason missed; asking for ready starts the count anew."""
    status = READY
    for token in (1, 2):
        ringing = decide(status, SeatEvent.RESERVED, token=token, call_id="c")
        status = decide(ringing, SeatEvent.MISSED, token=token, miss_limit=3)
        assert status.state is SeatState.COOL_DOWN
        status = decide(status, SeatEvent.COOL_DOWN_ENDED)
    ringing = decide(status, SeatEvent.RESERVED, token=3, call_id="c")
    paused = decide(ringing, SeatEvent.MISSED, token=3, miss_limit=3)
    assert (paused.state, paused.pause_reason) == (SeatState.PAUSED, "missed")
    assert decide(paused, SeatEvent.READY_ASKED).misses == 0


def test_an_answer_ends_a_row_of_misses() -> None:
    """Only misses in a row count."""
    ringing = replace(decide(READY, SeatEvent.RESERVED, token=3, call_id="c"), misses=2)
    assert decide(ringing, SeatEvent.ANSWERED, token=3).misses == 0


def test_a_pause_waits_for_the_end_of_wrap_up() -> None:
    """Asked for while talking, it takes effect when the seat would be ready."""
    talking = SeatStatus(SeatState.TALKING, connected=True, token=1, fence=1)
    asked = decide(talking, SeatEvent.PAUSE_ASKED, reason="meal")
    assert asked.state is SeatState.TALKING
    after = decide(asked, SeatEvent.TALK_ENDED, token=1)
    assert after.state is SeatState.WRAP_UP
    assert decide(after, SeatEvent.WRAP_UP_ENDED).state is SeatState.PAUSED


def test_a_lost_phone_shows_when_the_seat_rests() -> None:
    """A talk is not cut because the registration lapsed; after wrap-up the seat is offline."""
    talking = SeatStatus(SeatState.TALKING, connected=True, token=1, fence=1)
    lost = decide(talking, SeatEvent.LOST)
    assert lost.state is SeatState.TALKING
    after = decide(lost, SeatEvent.TALK_ENDED, token=1)
    assert decide(after, SeatEvent.WRAP_UP_ENDED).state is SeatState.OFFLINE


class SeatMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order, a seat's facts fit its state."""

    def __init__(self) -> None:
        super().__init__()
        self.status = SeatStatus()
        self.highest = 0

    @rule(event=st.sampled_from(SeatEvent), token=st.integers(0, 30))
    def something_happens(self, event: SeatEvent, token: int) -> None:
        before = self.status
        try:
            self.status = decide(
                before, event, token=token, call_id="c", reason="meal", miss_limit=2
            )
        except (ImpossibleEvent, StaleToken):
            return
        if event in (SeatEvent.RESERVED, SeatEvent.TALK_FOUND):
            assert token > self.highest
            self.highest = token

    @rule()
    def the_next_reservation(self) -> None:
        self.something_happens(SeatEvent.RESERVED, self.status.fence + 1)

    @rule(event=st.sampled_from([SeatEvent.ANSWERED, SeatEvent.MISSED, SeatEvent.TALK_ENDED]))
    def a_true_report(self, event: SeatEvent) -> None:
        self.something_happens(event, self.status.token)

    @invariant()
    def facts_fit_the_state(self) -> None:
        status = self.status
        assert (status.state in BUSY) == (status.token > 0) == (status.call_id != "")
        if status.state is SeatState.READY:
            assert status.connected
            assert not status.pause_reason
        if status.state is SeatState.PAUSED:
            assert status.pause_reason


SeatMachine.TestCase.settings = settings(deadline=None, max_examples=100)
TestSeat = SeatMachine.TestCase


def test_the_diagram_in_the_docs_is_the_table() -> None:
    """Drawn from the table; when this fails, put `diagram()` into the decision again."""
    assert diagram() in DECISION.read_text("utf-8")
