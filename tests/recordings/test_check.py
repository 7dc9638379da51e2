"""Is a recording as long as the media flowed?"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.check import TOLERANCE_S, check
from recordings.disk import free_bytes, is_low
from recordings.model import MediaFlow, RecordingStatus


@pytest.mark.parametrize(
    ("length_s", "status"),
    [
        (None, "missing"), (0.0, "no_media"), (4.79, "short"), (4.8, "ok"), (5.0, "ok"),
        (5.2, "ok"), (5.21, "long"), (0.02, "short"),
    ],
)  # fmt: skip
def test_five_seconds_are_expected(length_s: float | None, status: str) -> None:
    assert check(5.0, length_s) is RecordingStatus(status)


NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("packets_in", "packets_out", "length_s", "status"),
    [
        (250, 250, 5.0, "ok"), (100, 150, 3.0, "ok"), (100, 150, 2.79, "short"),
        (250, 250, 4.79, "short"), (500, 500, 4.9, "ok"), (100, 0, 5.3, "long"),
        (0, 250, 5.0, "no_media"), (0, 0, None, "missing"),
    ],
)  # fmt: skip
def test_packets_tell_how_much_there_was_at_least(
    packets_in: int, packets_out: int, length_s: float | None, status: str
) -> None:
    """A call of five seconds; the packets of one direction may be more than it lasted (early
    sound), fewer (silence suppression), or none at all of the caller."""
    flow = MediaFlow(NOW, packets_in, packets_out)
    assert check(5.0, length_s, flow) is RecordingStatus(status)


@given(st.floats(0, 90_000), st.floats(-TOLERANCE_S, TOLERANCE_S))
def test_within_two_tenths_it_is_right(expected_s: float, off_s: float) -> None:
    length_s = expected_s + off_s
    wanted = RecordingStatus.OK if length_s > 0 else RecordingStatus.NO_MEDIA
    assert check(expected_s, length_s) is wanted


def test_the_disks_room_is_known(tmp_path: Path) -> None:
    free = free_bytes(tmp_path)
    assert free > 0
    assert is_low(free, free + 1)
    assert not is_low(free, free)
