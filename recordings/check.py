"""Is a recording as long as the media flowed? A pure decision."""

from recordings.model import MediaFlow, RecordingStatus

TOLERANCE_S = 0.2
# Sums of binary fractions: 5.2 − 5.0 is a hair more than 0.2.
_HAIR_S = 1e-6


def check(
    lasted_s: float, length_s: float | None, flow: MediaFlow | None = None
) -> RecordingStatus:
    """The status of a file of `length_s` (None: there is no file) of a call of `lasted_s`.

    Asterisk writes while sound comes or goes, so the file may be as much shorter than the call as
    both were silent (silence suppression): `flow`, where known, tells how much there was at
    least. A caller of whom nothing came is marked, though the file has our own prompts.
    """
    if length_s is None:
        return RecordingStatus.MISSING
    if length_s <= 0.0 or (flow is not None and flow.packets_in == 0):
        return RecordingStatus.NO_MEDIA
    least_s = lasted_s if flow is None else min(lasted_s, flow.least_s)
    if length_s < least_s - TOLERANCE_S - _HAIR_S:
        return RecordingStatus.SHORT
    if length_s > lasted_s + TOLERANCE_S + _HAIR_S:
        return RecordingStatus.LONG
    return RecordingStatus.OK
