"""The expected wait, as a range."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_manager.estimate import HandlingTime, WaitEstimate, expected_wait

POSITIONS = st.integers(1, 5000)
SEATS = st.integers(1, 5000)
SECONDS = st.floats(1, 3600)


def test_the_stated_formula() -> None:
    """Position 4, ten seats of 200 s each: 80 s on average, spread 40 s."""
    assert expected_wait(4, 10, 200.0) == WaitEstimate(40.0, 120.0)


def test_nothing_is_promised_without_seats() -> None:
    """No seat on duty that can serve him: no estimate."""
    assert expected_wait(1, 0, 200.0) is None


@given(POSITIONS, SEATS, SECONDS)
def test_a_range_never_begins_before_now_and_grows_with_the_queue(
    position: int, seats: int, handling_s: float
) -> None:
    """Low is at least 0 and below high; one place further back both ends are later."""
    near = expected_wait(position, seats, handling_s)
    far = expected_wait(position + 1, seats, handling_s)
    assert near is not None
    assert far is not None
    assert 0 <= near.low_s < near.high_s < far.high_s
    assert near.low_s < far.low_s


def test_handling_time_follows_recent_talks() -> None:
    """After many talks of 60 s the assumption of the beginning has faded."""
    handling = HandlingTime()
    for _ in range(200):
        handling.add(60.0)
    assert handling.mean_s == pytest.approx(60.0, abs=0.1)
    handling.add(-5.0)
    assert handling.mean_s == pytest.approx(57.0, abs=0.1)
