"""Audio that isn't turned into final words yet: what a fresh recogniser must hear again."""

from collections import deque
from collections.abc import Iterator

from ivr.speech.ports import BYTES_PER_S, RATE_HZ, Final

SLICE = 960
"""Bytes that are given to Vosk at once (60 ms), the same live and in a replay: end points are
looked for between slices."""
LATE = RATE_HZ // 2
"""Samples before an end point that the recogniser may not have decoded yet: whoever goes on
speaking at that moment has begun in them."""
AFTER_WORD = RATE_HZ // 5
"""Samples after the last word in which it may still sound: heard again, it would stand twice."""


def settled(told: Final, begun: int) -> int:
    """The sample until which an end point's result stands for good, for a recogniser that began at
    `begun`: what lies between it and the end point must be heard again by a fresh one. At a whole
    slice of its, so that a replay is cut as live audio is."""
    until = round(told.until_s * RATE_HZ)
    safe = until - LATE
    if told.words:
        safe = max(safe, round(told.words[-1].end_s * RATE_HZ) + AFTER_WORD)
    safe = min(max(safe, begun), until)
    return until if safe == until else safe - (safe - begun) % (SLICE // 2)


class KeptAudio:
    """The end of a call's audio, in the pieces it was sent in. Places are counted in samples since
    the call's first."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._begin = self._end = 0  # bytes since the call's first

    @property
    def begin(self) -> int:
        """The first sample that is kept."""
        return self._begin // 2

    @property
    def end(self) -> int:
        """The next sample that will come."""
        return self._end // 2

    @property
    def seconds(self) -> float:
        """How much is kept."""
        return (self._end - self._begin) / BYTES_PER_S

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def add(self, audio: bytes) -> None:
        """Keep what was sent."""
        self._pieces.append(audio)
        self._end += len(audio)

    def settle(self, sample: int) -> None:
        """All before this sample has been heard for good; what lies after the end is ignored."""
        until = min(2 * sample, self._end)
        while self._pieces and self._begin + len(self._pieces[0]) <= until:
            self._begin += len(self._pieces.popleft())
        if self._pieces and self._begin < until:
            piece = self._pieces.popleft()
            self._pieces.appendleft(piece[until - self._begin :])
            self._begin = until
