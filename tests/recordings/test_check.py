"""Is a recording as long as the media flowed?"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.check import TOLERANCE_S, check
from recordings.disk import free_bytes, is_low
from recordings.model import RecordingStatus


@pytest.mark.parametrize(
    ("length_s", "status"),
    [
        (None, "missing"), (0.0, "no_media"), (4.79, "short"), (4.8, "ok"), (5.0, "ok"),
        (5.2, "ok"), (5.21, "long"), (0.02, "short"),
    ],
)  # fmt: skip
def test_five_seconds_are_expected(length_s: float | None, status: str) -> None:
    assert check(5.0, length_s) is RecordingStatus(status)


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
