"""Audio that isn't turned into final words yet: what a fresh recogniser must hear again."""

from collections import deque
from collections.abc import Iterator

from ivr.speech.ports import BYTES_PER_S


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
