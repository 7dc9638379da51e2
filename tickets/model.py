"""A ticket's words and fields. Times are aware datetimes; numbers of phones are kept as heard."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tickets.spoken import SpokenRequest


class Kind(StrEnum):
    """The six kinds of request: 咨询 投诉 求助 建议 举报 表扬."""

    CONSULTATION = "consultation"
    COMPLAINT = "complaint"
    HELP = "help"
    SUGGESTION = "suggestion"
    REPORT = "report"
    PRAISE = "praise"


class TicketState(StrEnum):
    """Where a ticket stands; `tickets.lifecycle` has the table of what leads where."""

    DRAFT = "DRAFT"
    ANSWERED = "ANSWERED"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    TRANSFERRED = "TRANSFERRED"
    VOID = "VOID"
    PENDING_REVIEW = "PENDING_REVIEW"
    PENDING_INFO = "PENDING_INFO"
    MERGED = "MERGED"
    DISPATCHED = "DISPATCHED"
    RETURN_REVIEW = "RETURN_REVIEW"
    JOINT_REVIEW = "JOINT_REVIEW"
    IN_PROGRESS = "IN_PROGRESS"
    EXTENSION_REVIEW = "EXTENSION_REVIEW"
    STATUTORY = "STATUTORY"
    REPLY_REVIEW = "REPLY_REVIEW"
    CALLBACK = "CALLBACK"
    MANUAL_REVIEW = "MANUAL_REVIEW"
    ARCHIVED = "ARCHIVED"
    REOPENED = "REOPENED"
    WITHDRAWN = "WITHDRAWN"


class Origin(StrEnum):
    """What made the ticket; `PART` that a unit handed a part of another ticket down, `PEER` that
    another house sent it, `WEB` that a citizen wrote it, `HANDED_OVER` that another hotline (110)
    handed its caller over to us, `CONNECTED` that he was connected on to a utility which shares
    it."""

    TALK = "talk"
    VOICE_REQUEST = "voice_request"
    ABANDONED = "abandoned"
    CALLBACK = "callback"
    PART = "part"
    PEER = "peer"
    WEB = "web"
    HANDED_OVER = "handed_over"
    CONNECTED = "connected"


class Rating(StrEnum):
    """What a citizen said of a talk right after it. DEFAULT: he was asked and pressed no key; it
    is never counted with what was said."""

    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What a call tells about the ticket it leaves.

    `called_number` is the number first dialled (it decides line and unit), `dialled` what the
    trunk delivered. `caller_raw` is the caller id as received, `caller_e164` its normal form or
    "" (short codes, rubbish, anonymous).
    """

    tenant: str
    call_id: str
    line_id: str
    unit: str
    called_number: str
    dialled: str
    caller_raw: str
    caller_e164: str
    anonymous: bool
    language: str
    kind: Kind | None
    keys: str
    started_at: datetime
    recording: str


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A ticket to be made. One per call: (tenant, call_id) twice gives the first one's number.

    `voice_path` is the spoken request (relative to the home), `seat_id` who answered, `spool_id`
    set when it came out of the spool, `first_callback` when the caller asked for a person,
    `spoken` is what a conversation took of him, `handed_to` the number outside that he was
    connected on to by his seat, `rating` what he said of the talk (`Rating`; "": not asked).
    """

    facts: CallFacts
    origin: Origin
    state: TicketState
    at: datetime
    seat_id: str = ""
    voice_path: str = ""
    voice_s: float = 0.0
    confirmed: bool = False
    first_callback: bool = False
    spool_id: str = ""
    spoken: SpokenRequest | None = None
    handed_to: str = ""
    rating: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A stored ticket as lists and seats see it."""

    number: str
    tenant: str
    call_id: str
    origin: Origin
    state: TicketState
    created_at: datetime
    facts: CallFacts
    seat_id: str = ""
    voice_path: str = ""
    voice_s: float = 0.0
    confirmed: bool = False
    first_callback: bool = False
    callback_due: bool = False
    recording: str = ""
    spool_id: str = ""
    version: int = 1
    notes: tuple[str, ...] = field(default_factory=tuple)


class Outcome(StrEnum):
    """How a call ended, one per call, for the call log and the statistics."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    VOICE_REQUEST = "voice_request"
    TRANSFERRED = "transferred"
    UNKNOWN_NUMBER = "unknown_number"
    CALLBACK = "callback"
    LEFT_EARLY = "left_early"
    SELF_SERVICE = "self_service"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One durable row per call; see `ivr.ports.CallLog`. Wait is answered_at − queued_at."""

    facts: CallFacts
    outcome: Outcome
    seat_id: str
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime
    ticket: str
