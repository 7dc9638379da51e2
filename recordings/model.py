"""A recording's words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RecordingStatus(StrEnum):
    """What the check of a recording found."""

    PENDING = "pending"
    OK = "ok"
    SHORT = "short"
    LONG = "long"
    NO_MEDIA = "no_media"
    MISSING = "missing"


class RecordingKind(StrEnum):
    """Retention differs: whole calls, spoken requests, what was said in them as words with their
    times (rows in SQL, no files), and the pictures and documents that prove a ticket's replies."""

    CALL = "call"
    REQUEST = "request"
    WORDS = "words"
    EVIDENCE = "evidence"


PACKET_S = 0.02
"""Sound in one RTP packet of G.711, as every trunk of ours sends it."""


@dataclass(frozen=True, slots=True)
class MediaFlow:
    """What a call's channel carried: when it ended, and the packets that came and went."""

    ended_at: datetime
    packets_in: int
    packets_out: int

    @property
    def least_s(self) -> float:
        """The sound there was at least: the longer of both directions."""
        return max(self.packets_in, self.packets_out) * PACKET_S


@dataclass(frozen=True, slots=True)
class PendingRecording:
    """A recording to be checked, of a call that lasted `expected_s` as far as its row knows."""

    tenant: str
    path: str
    call_id: str
    expected_s: float
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class CheckedRecording:
    """What was found: `length_s` is None when the file is missing."""

    pending: PendingRecording
    length_s: float | None
    status: RecordingStatus
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Purged:
    """A file that is removed because its time was over; `path` is relative to the home, `tenant` ""
    when only a recording's row tells it."""

    path: str
    kind: RecordingKind
    day: str
    size_bytes: int
    kept_days: int
    at: datetime
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class KeptWords:
    """What somebody said, as words: `path` names the row (`spoken_requests/<tenant>/<ticket>`,
    `transcripts/<tenant>/<recording>`), `said_at` is when, `size_bytes` its words as they lie
    there."""

    path: str
    said_at: datetime
    size_bytes: int
