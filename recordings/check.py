"""Is a recording as long as the media flowed? A pure decision."""

from recordings.model import RecordingStatus

TOLERANCE_S = 0.2
# Sums of binary fractions: 5.2 − 5.0 is a hair more than 0.2.
_HAIR_S = 1e-6


def check(expected_s: float, length_s: float | None) -> RecordingStatus:
    """The status of a file of `length_s` (None: there is no file)."""
    if length_s is None:
        return RecordingStatus.MISSING
    if length_s <= 0.0:
        return RecordingStatus.NO_MEDIA
    difference_s = length_s - expected_s
    if difference_s < -TOLERANCE_S - _HAIR_S:
        return RecordingStatus.SHORT
    if difference_s > TOLERANCE_S + _HAIR_S:
        return RecordingStatus.LONG
    return RecordingStatus.OK
