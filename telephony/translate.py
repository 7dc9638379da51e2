"""AMI messages as this room's events and snapshot parts. Pure.

https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/AMI_Events/
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime

from panoramisk.message import Message

from telephony.entry import ARGUMENTS, WRITABLE
from telephony.events import (
    ChannelHungUp,
    ChannelSeen,
    KeyPressed,
    LegBegun,
    LegHungUp,
    MediaFlow,
    OriginateEnded,
    SeatAnswered,
)

VARIABLES = tuple(sorted({*ARGUMENTS, *WRITABLE, "LEG", "TALK"}))
STATUS_VARIABLES = ",".join(f"HL_{name}" for name in VARIABLES)
"""What the `Status` action is asked to tell of each channel."""

MEDIA = re.compile(r"HL_MEDIA=(\d{9,11}\.\d+) (\d+) (\d+)", re.ASCII)
LEG = re.compile(r"(?:HL_LEG=)?([A-Za-z0-9_-]{1,80}) ([A-Za-z0-9._-]{1,80})", re.ASCII)
GONE_STATES = frozenset({"Unreachable", "Removed", "Unavailable"})
UP = "6"
"""`ChannelState` of a channel that has been answered (AST_STATE_UP)."""


def told_at(message: Message) -> datetime:
    """When Asterisk told it (`timestampevents = yes`), else now."""
    text = message.timestamp
    return datetime.fromtimestamp(float(text), UTC) if text else datetime.now(UTC)


def endpoint_of(channel: str) -> str:
    """`PJSIP/s8001-00000a2f` is endpoint `s8001`."""
    return channel.partition("/")[2].rpartition("-")[0]


def hung_up(message: Message, at: datetime) -> ChannelHungUp:
    """A Hangup event."""
    cause = message.cause
    return ChannelHungUp(
        message.uniqueid,
        message.channel,
        int(cause) if cause.isdigit() else 0,
        at,
        media_flow(message.chanvariable),
    )


def leg_begun(message: Message, at: datetime) -> LegBegun | None:
    """The dialplan's word that a call of another node has come for a seat."""
    match = LEG.fullmatch(message.held) if message.userevent == "Leg" else None
    return LegBegun(match[1], match[2], at) if match else None


def leg_hung_up(message: Message, at: datetime) -> LegHungUp | None:
    """A Hangup of a call from another node, when it had come to a seat."""
    told = message.chanvariable
    for line in [told] if isinstance(told, str) else told:
        if match := LEG.fullmatch(line):
            return LegHungUp(match[1], match[2], at)
    return None


def media_flow(told: str | list[str]) -> MediaFlow | None:
    """`HL_MEDIA=<end, epoch seconds> <packets in> <packets out>` as the dialplan's `h` set it."""
    for line in [told] if isinstance(told, str) else told:
        match = MEDIA.fullmatch(line)
        if match is not None:
            ended_at = datetime.fromtimestamp(float(match[1]), UTC)
            return MediaFlow(ended_at, int(match[2]), int(match[3]))
    return None


def seat_answered(message: Message, at: datetime) -> SeatAnswered | None:
    """A DialEnd event, when the dialled side answered."""
    if message.dialstatus != "ANSWER":
        return None
    return SeatAnswered(message.uniqueid, endpoint_of(message.destchannel), at)


def originate_ended(message: Message, at: datetime) -> OriginateEnded:
    """An OriginateResponse event."""
    reason = message.reason
    return OriginateEnded(
        message.uniqueid,
        message.response == "Success",
        int(reason) if reason.isdigit() else 0,
        at,
    )


def key_pressed(message: Message, at: datetime) -> KeyPressed | None:
    """A DTMFEnd event, when the caller himself pressed the key."""
    if message.direction != "Received":
        return None
    return KeyPressed(message.uniqueid, message.digit, at)


def channel_seen(message: Message) -> ChannelSeen:
    """One `Status` event of a snapshot."""
    seconds = message.seconds
    return ChannelSeen(
        call_id=message.uniqueid,
        linked_id=message.linkedid,
        channel=message.channel,
        bridged=bool(message.bridgeid),
        seconds=float(seconds) if seconds.isdigit() else 0.0,
        variables=dict(_variables(message.variable)),
        bridge_id=message.bridgeid,
        up=message.channelstate == UP,
    )


def _variables(lines: str | list[str]) -> Iterable[tuple[str, str]]:
    for line in [lines] if isinstance(lines, str) else lines:
        name, _, value = line.partition("=")
        if name.startswith("HL_") and value not in ("", "(null)"):
            yield name.removeprefix("HL_"), value


class Contacts:
    """Which endpoints can be rung. An endpoint may have several contacts for a moment (a new
    registration comes before the old one goes), so each is counted by its address."""

    def __init__(self) -> None:
        self._uris: dict[str, set[str]] = {}

    @property
    def reachable(self) -> frozenset[str]:
        return frozenset(self._uris)

    def replace(self, listed: Iterable[Message]) -> None:
        """Take the `ContactList` events of PJSIPShowContacts for all there is."""
        self._uris = {}
        for message in listed:
            if message.event == "ContactList":
                self.take(message.endpoint, message.uri, message.status)

    def take(self, endpoint: str, uri: str, status: str) -> bool | None:
        """Take one contact's state; True or False when the endpoint's reachability changed."""
        before = endpoint in self._uris
        uris = self._uris.setdefault(endpoint, set())
        uris.discard(uri) if status in GONE_STATES else uris.add(uri)
        if not uris:
            del self._uris[endpoint]
        return None if before is bool(uris) else bool(uris)
