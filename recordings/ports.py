"""What the checking and purging of recordings need from outside: their rows in SQL."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from recordings.model import CheckedRecording, KeptWords, PendingRecording, Purged


class PurgeLog(Protocol):
    """What was removed. May raise for an outage of the store."""

    async def note_purges(self, purged: Sequence[Purged]) -> None:
        """Log removals; the same path twice is logged once."""
        ...


class RecordingStore(PurgeLog, Protocol):
    """Rows of recordings. Everything here may raise for an outage of the store."""

    async def pending(self, *, ended_before: datetime, limit: int) -> Sequence[PendingRecording]:
        """The oldest recordings not checked yet, of calls that ended before a time."""
        ...

    async def checked(self, results: Sequence[CheckedRecording]) -> None:
        """Note what was found, all together."""
        ...


class EvidenceStore(PurgeLog, Protocol):
    """What the purge of evidence asks SQL. Everything here may raise for an outage."""

    async def still_open(self, tenant: str, numbers: Sequence[str]) -> Collection[str]:
        """Those of these tickets that haven't come to their end."""
        ...


class SpokenWords(Protocol):
    """Words of spoken requests, as they are kept in rows."""

    async def said_before(self, before: datetime, *, limit: int) -> Sequence[KeptWords]:
        """The oldest of what was said before a time."""
        ...

    async def purge(self, purged: Sequence[Purged]) -> None:
        """Log their removal and remove them, both or neither; what is gone already is no error."""
        ...
