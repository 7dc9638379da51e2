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
    """Retention differs: whole calls, and spoken requests (a ticket's evidence)."""

    CALL = "call"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class PendingRecording:
    """A recording to be checked: `expected_s` of media should be in it."""

    tenant: str
    path: str
    call_id: str
    expected_s: float


@dataclass(frozen=True, slots=True)
class CheckedRecording:
    """What was found: `length_s` is None when the file is missing."""

    pending: PendingRecording
    length_s: float | None
    status: RecordingStatus
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Purged:
    """A file that is removed because its time was over; `path` is relative to the home."""

    path: str
    kind: RecordingKind
    day: str
    size_bytes: int
    kept_days: int
    at: datetime
