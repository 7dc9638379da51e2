"""The queue's words: skills, seats, waiting callers, offers. Values only, no behaviour of time.

A skill is a name such as `lang:cmn`, `lang:za` (Zhuang), `svc:general`, `svc:12333`,
`sign:video`, with a level 1 (some) to 5 (expert). A need is "that skill at that level or better".
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from queue_manager.requirement import LEVELS as LEVELS
from queue_manager.requirement import Need as Need
from queue_manager.requirement import Requirement as Requirement


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat (座席) as set up: `seat_id` is its number in the tenant, `endpoint` its SIP name,
    `team` its team in the shift roster ("" when it is in none)."""

    tenant: str
    seat_id: str
    name: str
    endpoint: str
    skills: dict[str, int] = field(default_factory=dict)
    team: str = ""


class SeatState(StrEnum):
    """What a seat is doing. Only READY seats are offered callers.

    COOL_DOWN is the short pause after a missed ring, so that the next caller goes elsewhere.
    """

    OFFLINE = "offline"
    PAUSED = "paused"
    READY = "ready"
    RESERVED = "reserved"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    COOL_DOWN = "cool_down"


@dataclass(frozen=True, slots=True)
class SeatView:
    """A seat with its live state, for boards and the CLI. `node` is the Asterisk its telephone is
    registered at ("" when there is but one)."""

    seat: Seat
    state: SeatState
    since: datetime
    pause_reason: str = ""
    call_id: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class WaitingCaller:
    """A caller in the queue. `queued_at` is the first time he entered: kept through re-entries.

    `queue_id` names the rules he waits by (steps, service level), `node` the Asterisk his channel
    is on, `preferred_seat` the seat he had last time, where he shall have it again. `callback`:
    he has hung up and keeps his place to be called back.
    """

    tenant: str
    call_id: str
    line_id: str
    needs: Requirement
    queued_at: datetime
    priority: int = 0
    queue_id: str = "main"
    node: str = ""
    language: str = ""
    preferred_seat: str = ""
    callback: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """One reservation: this seat for this caller. `token` fences late answers of older offers.

    `node` is where the seat's telephone is registered ("": where the caller is). `interpreter`
    names the language (skill) an interpreter has to be added for once the seat has answered.
    """

    token: int
    caller: WaitingCaller
    seat: Seat
    made_at: datetime
    node: str = ""
    interpreter: str = ""


class Suggestion(StrEnum):
    """What a step of the rules wants a waiting caller to be offered."""

    CALLBACK = "callback"
    VOICE_REQUEST = "voice_request"


class LeaveReason(StrEnum):
    """How a caller's waiting ended; exactly one per caller."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    VOICE_REQUEST = "voice_request"
    TRANSFERRED = "transferred"
    CALLBACK = "callback"
    """He hung up and keeps his place as a callback (an entry of its own follows)."""


class MissReason(StrEnum):
    """Why an offer came to nothing: NO_ANSWER is timed out, BUSY is rejected by the seat,
    RESCINDED is taken back by the queue itself (a supervisor, a lost phone, another leader)."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    RESCINDED = "rescinded"


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A tenant's rules for its queue. `reach_grace_s` is how long a phone may be unreachable
    before its seat counts as gone, so that a re-registration doesn't flap."""

    tenant: str
    zone: tzinfo = UTC
    wrap_up_s: float = 20.0
    cool_down_s: float = 5.0
    miss_limit: int = 3
    pause_reasons: tuple[str, ...] = ("break", "meal", "training", "meeting", "missed", "other")
    service_level_s: float = 15.0
    reach_grace_s: float = 3.0


@dataclass(slots=True)
class LineWaiting:
    """Callers of one line who wait, and since when the longest of them."""

    count: int
    oldest: datetime


@dataclass(frozen=True, slots=True)
class WaitingView:
    """Who waits now, those whose seat is ringing included; `oldest` is None when nobody does."""

    count: int = 0
    oldest: datetime | None = None
    by_line: dict[str, LineWaiting] = field(default_factory=dict)
