"""What engines tell each other, one JSON object a message; `kind` says which.

Up goes what a node knows: its callers, its talks, its telephones, its wishes. Down comes what the
leader decides: offers, and what boards show. Every message stands for itself, so that one that
comes twice or late does no harm: reports on offers carry the offer's token.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Discriminator, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from queue_manager.model import (
    Alert,
    CallerView,
    LeaveReason,
    MissReason,
    Offer,
    SeatView,
    Suggestion,
    WaitingCaller,
    WaitingView,
)

CHUNK = 200
"""At most so many callers, seats or telephones in one message: a message stays small."""


class BadMessage(ValueError):
    """A peer sent what is no message of ours."""


@dataclass(frozen=True, slots=True)
class Held:
    """A seat that rings for, or talks with, this call. `token` is the reservation's, 0 unknown."""

    seat_id: str
    call_id: str
    token: int = 0


@dataclass(frozen=True, slots=True)
class PlaceSeen:
    """Where a caller stands, and how much longer he will probably wait (None: nobody can say)."""

    call_id: str
    position: int
    low_s: float | None = None
    high_s: float | None = None


# --- up


@dataclass(frozen=True, slots=True)
class Known:
    """A part of what a node knows of a tenant when it joins: who waits, whose seat rings
    (`ringing`), who talks, which of its own seats are held for calls of other nodes (`legs`),
    which telephones can be rung, and who left while nobody led."""

    tenant: str
    waiting: tuple[WaitingCaller, ...] = ()
    ringing: tuple[Held, ...] = ()
    talks: tuple[Held, ...] = ()
    legs: tuple[Held, ...] = ()
    phones: tuple[str, ...] = ()
    left: tuple[tuple[str, LeaveReason], ...] = ()
    kind: Literal["known"] = "known"


@dataclass(frozen=True, slots=True)
class Reported:
    """That was all a node knows."""

    kind: Literal["reported"] = "reported"


@dataclass(frozen=True, slots=True)
class Entered:
    """A caller came into the queue, or back to his place in it."""

    caller: WaitingCaller
    hold_s: float | None = None
    kind: Literal["entered"] = "entered"


@dataclass(frozen=True, slots=True)
class Left:
    """A caller gave his place up."""

    tenant: str
    call_id: str
    reason: LeaveReason
    kind: Literal["left"] = "left"


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """An offer was taken back, and the caller's conversation waits for the next one."""

    tenant: str
    call_id: str
    kind: Literal["asked_again"] = "asked_again"


@dataclass(frozen=True, slots=True)
class Missed:
    """An offered seat didn't take the call."""

    tenant: str
    call_id: str
    token: int
    reason: MissReason
    kind: Literal["missed"] = "missed"


@dataclass(frozen=True, slots=True)
class Answered:
    """An offered seat picked up."""

    tenant: str
    call_id: str
    token: int
    kind: Literal["answered"] = "answered"


@dataclass(frozen=True, slots=True)
class TalkFound:
    """A seat is seen talking with (or ringing for) a call that nobody here leads."""

    tenant: str
    seat_id: str
    call_id: str
    caller: WaitingCaller | None = None
    answered_at: datetime | None = None
    kind: Literal["talk_found"] = "talk_found"


@dataclass(frozen=True, slots=True)
class CallOver:
    """A call talks no more (`gone`: nor does it wait, its channel is gone for good). `rang` is a
    seat that was only rung for it: it has nothing to wrap up."""

    tenant: str
    call_id: str
    gone: bool = False
    rang: str = ""
    kind: Literal["call_over"] = "call_over"


@dataclass(frozen=True, slots=True)
class LegSeen:
    """A call of another node has come to a seat of the sender's."""

    tenant: str
    seat_id: str
    call_id: str
    kind: Literal["leg_seen"] = "leg_seen"


@dataclass(frozen=True, slots=True)
class LegOver:
    """A seat of the sender's no longer rings for, or talks with, a call of another node."""

    tenant: str
    seat_id: str
    call_id: str
    kind: Literal["leg_over"] = "leg_over"


@dataclass(frozen=True, slots=True)
class PhoneSeen:
    """A seat's telephone at the sender's Asterisk can be rung, or can't any more. `second` names
    two telephones, when it has taken the place of another there."""

    tenant: str
    endpoint: str
    reachable: bool
    second: str = ""
    kind: Literal["phone_seen"] = "phone_seen"


@dataclass(frozen=True, slots=True)
class Wished:
    """Somebody asks the queue for something; `wish` is one of `WISHES`, `words` its arguments."""

    tenant: str
    wish: str
    words: tuple[str, ...] = ()
    kind: Literal["wished"] = "wished"


@dataclass(frozen=True, slots=True)
class PlacesAsked:
    """Where do these callers stand?"""

    tenant: str
    call_ids: tuple[str, ...]
    kind: Literal["places_asked"] = "places_asked"


# --- down


@dataclass(frozen=True, slots=True)
class Offered:
    """A seat is reserved for a caller of the receiver's: ring it."""

    tenant: str
    offer: Offer
    kind: Literal["offered"] = "offered"


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An offer is taken back; the caller waits on."""

    tenant: str
    call_id: str
    token: int
    kind: Literal["withdrawn"] = "withdrawn"


@dataclass(frozen=True, slots=True)
class Suggested:
    """The rules want this to be offered to a waiting caller."""

    tenant: str
    call_id: str
    suggestion: Suggestion
    kind: Literal["suggested"] = "suggested"


@dataclass(frozen=True, slots=True)
class MovedUp:
    """A waiting caller was moved up: his priority from now on, also for the next leader."""

    tenant: str
    call_id: str
    priority: int
    kind: Literal["moved_up"] = "moved_up"


@dataclass(frozen=True, slots=True)
class PlaceOver:
    """A caller has no place any more, for the leader's part."""

    tenant: str
    call_id: str
    why: str
    kind: Literal["place_over"] = "place_over"


@dataclass(frozen=True, slots=True)
class SeatHeld:
    """A seat whose telephone is the receiver's is reserved for a call of another node."""

    tenant: str
    held: Held
    kind: Literal["seat_held"] = "seat_held"


@dataclass(frozen=True, slots=True)
class SeatFree:
    """Such a seat is free again."""

    tenant: str
    held: Held
    kind: Literal["seat_free"] = "seat_free"


@dataclass(frozen=True, slots=True)
class PlacesTold:
    """Where callers stand."""

    tenant: str
    places: tuple[PlaceSeen, ...]
    kind: Literal["places_told"] = "places_told"


@dataclass(frozen=True, slots=True)
class BoardTold:
    """What boards show: seats that changed, seats that are gone, who waits (in sum, and the first
    of them one by one), the day's figures, what supervisors have to know of."""

    tenant: str
    seats: tuple[SeatView, ...] = ()
    gone: tuple[str, ...] = ()
    waiting: WaitingView | None = None
    callers: tuple[CallerView, ...] | None = None
    alerts: tuple[Alert, ...] | None = None
    figures: dict[str, Any] | None = None
    kind: Literal["board_told"] = "board_told"


# --- both ways


@dataclass(frozen=True, slots=True)
class Changed:
    """A tenant's seats or hours were changed in SQL: read them again."""

    tenant: str
    kind: Literal["changed"] = "changed"


@dataclass(frozen=True, slots=True)
class Beat:
    """Still here. The leader names the nodes that have joined it."""

    at: datetime
    nodes: tuple[str, ...] = ()
    kind: Literal["beat"] = "beat"


Message = (
    Known
    | Reported
    | Entered
    | Left
    | AskedAgain
    | Missed
    | Answered
    | TalkFound
    | CallOver
    | LegSeen
    | LegOver
    | PhoneSeen
    | Wished
    | PlacesAsked
    | Offered
    | Withdrawn
    | Suggested
    | MovedUp
    | PlaceOver
    | SeatHeld
    | SeatFree
    | PlacesTold
    | BoardTold
    | Changed
    | Beat
)
_ANY: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Discriminator("kind")])


def encoded(message: Message) -> bytes:
    """One line of JSON, without its end."""
    return _ANY.dump_json(message)


def decoded(line: bytes) -> Message:
    """The message of a line; raises `BadMessage` for anything else."""
    try:
        return _ANY.validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise BadMessage(f"{place}: {first['msg']}") from error
