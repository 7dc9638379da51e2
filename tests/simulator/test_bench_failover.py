"""What the failover bench makes of traces and rows."""

import pytest

from simulator.bench_failover import Row, double_offers, measured, report, routed_again
from simulator.errors import StepMissed
from simulator.rings import Message


def rung(at: float, seat: str, dialog: str) -> Message:
    return Message(at, False, dialog, f"INVITE sip:{seat}@127.0.0.3:5060 SIP/2.0")


def over(at: float, dialog: str, *, sent: bool = True) -> Message:
    return Message(at, sent, dialog, "BYE sip:x@127.0.0.1 SIP/2.0")


def test_a_seat_rung_while_it_talks_is_a_double_offer() -> None:
    """A retransmitted INVITE isn't, nor a second ring after the first has ended."""
    trace = [rung(1, "1001", "d1"), rung(1.5, "1001", "d1"), over(2, "d1"), rung(3, "1001", "d2")]
    assert double_offers(trace) == 0
    assert double_offers([*trace, rung(3.5, "1001", "d3")]) == 1
    assert double_offers([*trace, rung(3.5, "1002", "d3")]) == 0


def test_a_cancelled_ring_is_over() -> None:
    cancel = Message(2, False, "d1", "CANCEL sip:1001@127.0.0.3 SIP/2.0")
    assert double_offers([rung(1, "1001", "d1"), cancel, rung(3, "1001", "d2")]) == 0


def test_routed_again_is_the_end_of_the_silence_that_the_kill_made() -> None:
    """What rang at the kill is answered a moment later; silences of later on are others'."""
    assert routed_again([9.0, 10.1, 10.2, 12.5, 12.6, 20.0], 10.0) == pytest.approx(2.5)
    with pytest.raises(StepMissed):
        routed_again([9.0], 10.0)


def test_lost_are_those_without_an_answer_and_rows_too_many() -> None:
    rows = [Row("a", "answered", 11.0), Row("b", "answered", 12.0), Row("b", "abandoned", None)]
    figures = measured(rows, [rung(11, "1001", "d1"), rung(12, "1002", "d2")], 3, 10.0)
    assert (figures["failover_s"], figures["failover_lost"]) == (2.0, 1)
    assert measured([*rows, rows[0]], [], 3, 10.0)["failover_lost"] == 1
    assert not report(figures, "c")["met"]
    assert report({**figures, "failover_lost": 0}, "c")["met"]
