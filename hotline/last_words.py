"""The end of what a child says, kept in memory: words that need no room on any disk."""

import os
import threading
from typing import IO

KEPT_BYTES = 8192


class LastWords:
    """Reads a child's pipe until the child has ended, so that it never waits for a reader."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._kept = b""
        self._reader = threading.Thread(target=self._read, name="last-words", daemon=True)
        self._reader.start()

    def text(self, within_s: float = 1.0) -> str:
        """What was said last; of a child that has just ended, all of it."""
        self._reader.join(within_s)
        return self._kept.decode(errors="replace")

    def _read(self) -> None:
        with self._pipe:
            while some := os.read(self._pipe.fileno(), KEPT_BYTES):
                self._kept = (self._kept + some)[-KEPT_BYTES:]
