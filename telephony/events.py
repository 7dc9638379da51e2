"""What Asterisk tells us by itself, as facts (noun + participle). Built from AMI events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class MediaFlow:
    """What a caller's channel carried: when it ended, and the RTP packets that came and went."""

    ended_at: datetime
    packets_in: int
    packets_out: int


@dataclass(frozen=True, slots=True)
class ChannelHungUp:
    """A channel is gone. The only proof of a call's death (an AGI HANGUP may be a redirect).

    `media` is known of callers' channels whose dialplan came to its end.
    """

    call_id: str
    channel: str
    cause: int
    at: datetime
    media: MediaFlow | None = None


@dataclass(frozen=True, slots=True)
class LegBegun:
    """A call of another node has come for a seat of this one, which is about to ring."""

    endpoint: str
    call_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LegHungUp:
    """A seat of this node no longer rings for, or talks with, a caller of another node."""

    endpoint: str
    call_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SeatAnswered:
    """The dialled seat picked up; `call_id` is the caller's channel."""

    call_id: str
    endpoint: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OriginateEnded:
    """A call that we asked Asterisk to make (`call_id` is the id we gave it) was answered, or
    wasn't: then `reason` is an AST_CONTROL_ number (5 busy, 3 no answer, 0 failed)."""

    call_id: str
    answered: bool
    reason: int
    at: datetime


@dataclass(frozen=True, slots=True)
class EndpointReachable:
    """A SIP endpoint registered or became reachable (`reachable`), or is gone (not)."""

    endpoint: str
    reachable: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class SecondPhone:
    """A telephone at `now` registered in the place of one at `before` that could still be rung
    (addresses with ports): two of them have the same account."""

    endpoint: str
    before: str
    now: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """One living channel in a snapshot; `variables` are its HL_ values without the prefix,
    `bridge_id` tells who is together, `up` that it has been answered."""

    call_id: str
    linked_id: str
    channel: str
    bridged: bool
    seconds: float
    variables: Mapping[str, str] = field(default_factory=dict)
    bridge_id: str = ""
    up: bool = False


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """Everything alive in Asterisk, taken after each (re)connection: compare and reconcile."""

    channels: tuple[ChannelSeen, ...]
    reachable_endpoints: frozenset[str]
    at: datetime


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The manager interface is away; events are being missed until the next snapshot."""

    at: datetime


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A caller pressed a key; `call_id` is his channel."""

    call_id: str
    key: str
    at: datetime


Event = (
    ChannelHungUp
    | LegBegun
    | LegHungUp
    | SeatAnswered
    | OriginateEnded
    | EndpointReachable
    | SecondPhone
    | SnapshotTaken
    | ConnectionLost
    | KeyPressed
)
