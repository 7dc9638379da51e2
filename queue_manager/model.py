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
    registered at ("" when there is but one), `token` the highest it has seen; `desktop`: its
    desktop sends heartbeats, without which it doesn't count as present."""

    seat: Seat
    state: SeatState
    since: datetime
    pause_reason: str = ""
    call_id: str = ""
    node: str = ""
    token: int = 0
    desktop: bool = False


@dataclass(frozen=True, slots=True)
class WaitingCaller:
    """A caller in the queue. `queued_at` is the first time he entered: kept through re-entries.

    `queue_id` names the rules he waits by (steps, service level), `node` the Asterisk his channel
    is on, `preferred_seat` the seat he had last time, where he shall have it again. `callback`:
    he has hung up and keeps his place to be called back. `began_at` is when his call began: the
    time until `queued_at` went to greeting and menu (None: unknown). `colleague`: it is no caller
    who waits, but a talk that goes on, for somebody who is to be consulted or to interpret.
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
    began_at: datetime | None = None
    colleague: bool = False


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

    @property
    def ring_at(self) -> str:
        """What to dial: the seat's endpoint, `endpoint@node` when its telephone is elsewhere."""
        return f"{self.seat.endpoint}@{self.node}" if self.node else self.seat.endpoint


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
    SELF_SERVICE = "self_service"
    """He asks after a ticket of his by key, without a person (he may queue again)."""
    OVERFLOWED = "overflowed"
    """A step let him go on with another tenant (who counts him as entered)."""


class MissReason(StrEnum):
    """Why an offer came to nothing: NO_ANSWER is timed out, BUSY is rejected by the seat,
    RESCINDED is taken back by the queue itself (a supervisor, a lost phone, another leader)."""

    NO_ANSWER = "no_answer"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    RESCINDED = "rescinded"


class Verdict(StrEnum):
    """What becomes of a seat's answer. REFUSED: the seat is another caller's by now, or the caller
    has no place any more; whoever asked ends this leg, and a caller who is left waits on."""

    TALK = "talk"
    REFUSED = "refused"


class Forced(StrEnum):
    """What a supervisor may make of a seat. OFFLINE holds until somebody asks for ready."""

    READY = "ready"
    PAUSED = "paused"
    OFFLINE = "offline"


class AlertKind(StrEnum):
    """What a supervisor has to know of."""

    SEAT_MISSES = "seat_misses"
    """Paused for missing rings; ends when the seat is ready again."""
    TWO_PHONES = "two_phones"
    """A seat's telephone is registered at two nodes, or took the place of another that was still
    there; the newest is rung. Ends with one of them, or when the other isn't heard of any more."""
    UNSTEADY = "unsteady"
    """A seat keeps coming and going; ends when it has been there for a while."""
    NO_REPORT = "no_report"
    """An offer was taken back because nobody reported on it in time."""
    LATE_ANSWER = "late_answer"
    """A seat answered after its reservation had ended."""
    NOT_COME = "not_come"
    """A seat is due by the shift roster and missing; ends when it comes or is due no longer."""
    MESSAGES_GIVEN_UP = "messages_given_up"
    """Messages to peers or webhooks weren't taken; of no seat. Ends when each was sent again."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something on the supervisors' board: what, who and when. `times`: how often since `since`;
    `seen_by` is who has acknowledged it ("" for nobody yet)."""

    alert_id: int
    kind: AlertKind
    since: datetime
    seat_id: str = ""
    call_id: str = ""
    detail: str = ""
    times: int = 1
    seen_by: str = ""


@dataclass(frozen=True, slots=True)
class CallerView:
    """A waiting caller as supervisors see him. `needs` is what he needs by now, as text; `steps`
    of the rules that were taken, `queue_id` the queue whose rules he goes on by, `seat_id` the
    seat that rings for him ("" for none), `first` whether somebody has moved him up."""

    call_id: str
    line_id: str
    queue_id: str
    queued_at: datetime
    needs: str
    priority: int = 0
    steps: int = 0
    seat_id: str = ""
    callback: bool = False
    first: bool = False


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """A tenant's rules for its queue. `reach_grace_s` is how long a phone may be unreachable
    before its seat counts as gone, so that a re-registration doesn't flap; `flap_hold_s` how long
    at most a seat that keeps coming and going must stay before it counts; `heartbeat_grace_s` how
    old a desktop's last heartbeat may be; `ring_s` + `ring_grace_s` how long an offer may go
    without a report; `wrap_up_max_s` how far a seat may extend its wrap-up; `same_seat_s` for how
    long a caller isn't offered again to the seat that missed him while others are on duty."""

    tenant: str
    zone: tzinfo = UTC
    wrap_up_s: float = 20.0
    cool_down_s: float = 5.0
    miss_limit: int = 3
    pause_reasons: tuple[str, ...] = ("break", "meal", "training", "meeting", "missed", "other")
    service_level_s: float = 15.0
    reach_grace_s: float = 3.0
    flap_hold_s: float = 60.0
    heartbeat_grace_s: float = 15.0
    ring_s: float = 20.0
    ring_grace_s: float = 10.0
    wrap_up_max_s: float = 300.0
    same_seat_s: float = 60.0


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
