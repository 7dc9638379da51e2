"""Transcripts of recordings that nobody understood while they were made."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tickets.model import NewTicket
from tickets.spoken import SpokenWord


class TranscriptStatus(StrEnum):
    """PENDING: to be recognised. DONE: here are its words (none: nothing was said). BAD: it is no
    audio that can be heard. FAILED: recognition broke off over it again and again."""

    PENDING = "pending"
    DONE = "done"
    BAD = "bad"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PendingTranscript:
    """A recording that waits: `path` relative to the home, `fact` what told of it; None: it was
    added to the ticket `number` by telephone."""

    tenant: str
    path: str
    language: str
    tries: int
    fact: NewTicket | None
    number: str = ""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What became of a recording. Times of words are seconds from its beginning, `confidence` is
    their mean (0.0 without words), `reason` tells why there are none."""

    path: str
    status: TranscriptStatus
    words: tuple[SpokenWord, ...] = ()
    confidence: float = 0.0
    model: str = ""
    reason: str = ""


class Transcripts(Protocol):
    """Rows of recordings to be recognised. Everything may raise `StoreAway`."""

    async def pending(
        self, languages: Collection[str], *, limit: int
    ) -> Sequence[PendingTranscript]:
        """The oldest recordings in these languages that wait."""
        ...

    async def made(self, pending: PendingTranscript, made: Transcript, at: datetime) -> None:
        """Keep what was recognised, or why nothing can be; it waits no more."""
        ...

    async def tried(self, pending: PendingTranscript, reason: str) -> None:
        """Recognition broke off; it waits for another try."""
        ...
