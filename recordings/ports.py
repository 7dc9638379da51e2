"""What the checking and purging of recordings need from outside: their rows in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from recordings.model import CheckedRecording, PendingRecording, Purged


class RecordingStore(Protocol):
    """Rows of recordings. Everything here may raise for an outage of the store."""

    async def pending(self, *, ended_before: datetime, limit: int) -> Sequence[PendingRecording]:
        """The oldest recordings not checked yet, of calls that ended before a time."""
        ...

    async def checked(self, results: Sequence[CheckedRecording]) -> None:
        """Note what was found, all together."""
        ...

    async def note_purges(self, purged: Sequence[Purged]) -> None:
        """Log removals; the same path twice is logged once."""
        ...
