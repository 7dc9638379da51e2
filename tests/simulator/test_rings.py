"""The yardstick of ringing, on traces written by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.errors import StepMissed
from simulator.rings import Message, answered_at, parse_trace, percentiles, ring_gaps


def _ring(at: float, call: str, seat: str) -> Message:
    return Message(at, False, call, f"INVITE sip:{seat}@127.0.0.3:6060 SIP/2.0")


def _bye(at: float, call: str) -> Message:
    return Message(at, True, call, "BYE sip:asterisk@127.0.0.1 SIP/2.0")


def test_a_gap_lasts_from_a_seat_s_bye_to_its_own_next_invite() -> None:
    trace = [
        _ring(1.0, "a", "1"), _ring(1.1, "b", "2"), _bye(3.0, "a"), _ring(3.002, "c", "1"),
        _bye(3.5, "b"), _ring(3.6, "d", "2"), _bye(5.0, "c"), _bye(5.1, "d"),
    ]  # fmt: skip
    gaps = ring_gaps(trace, [0.1, 0.2, 0.3, 0.4], key_after_s=0.5)
    assert gaps == pytest.approx([2.0, 100.0])


def test_a_free_seat_counts_only_while_somebody_waits() -> None:
    """The third citizen is answered too late to be waiting when the first talk ends."""
    trace = [_ring(1.0, "a", "1"), _bye(2.0, "a"), _ring(9.0, "b", "1"), _bye(10.0, "b")]
    assert ring_gaps(trace, [0.1, 1.8], key_after_s=0.5) == []


def test_a_seat_that_is_forgotten_counts_up_to_the_end() -> None:
    trace = [_ring(1.0, "a", "1"), _ring(1.1, "b", "2"), _bye(2.0, "a"), _bye(7.0, "b")]
    assert ring_gaps(trace, [0.1, 0.2, 0.3], key_after_s=0.5) == pytest.approx([5000.0, 0.0])


def test_a_repeated_invite_is_no_second_ring() -> None:
    trace = [_ring(1.0, "a", "1"), _bye(2.0, "a"), _ring(2.5, "a", "1"), _ring(3.0, "b", "1")]
    assert ring_gaps(trace, [0.1, 0.2], key_after_s=0.5) == pytest.approx([1000.0])


def test_sipp_s_short_trace_is_read() -> None:
    lines = [
        "2026-11-21\t18:32:40.5\t1795285960.5\tR\tx@y\tCSeq:1 INVITE\tINVITE sip:7@h\n",
        "half a line",
        "2026-11-21\t18:32:41.1\t1795285961.100000\tS\tx@y\tCSeq:1 ACK\tACK sip:7@h SIP/2.0",
    ]
    messages = parse_trace(lines)
    assert [message.at for message in messages] == [1795285960.5, 1795285961.1]
    assert answered_at(messages) == [1795285961.1]


def test_too_few_gaps_are_no_percentile() -> None:
    with pytest.raises(StepMissed, match="only 3 gaps"):
        percentiles([1.0, 2.0, 3.0])


@given(st.lists(st.floats(0, 10_000), min_size=20, max_size=300))
def test_percentiles_are_ordered_and_within_the_gaps(gaps: list[float]) -> None:
    found = percentiles(gaps)
    tiny = 1e-6
    assert min(gaps) - tiny <= found.p50 <= found.p95 + tiny
    assert found.p95 <= found.p99 + tiny
    assert found.p99 <= max(gaps) + tiny
