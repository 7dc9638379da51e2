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
    EndpointReachable,
    KeyPressed,
    LegBegun,
    LegHungUp,
    MediaFlow,
    OriginateEnded,
    SeatAnswered,
    SecondPhone,
)

VARIABLES = tuple(sorted({*ARGUMENTS, *WRITABLE, "LEG", "TALK"}))
STATUS_VARIABLES = ",".join(f"HL_{name}" for name in VARIABLES)
"""What the `Status` action is asked to tell of each channel."""

MEDIA = re.compile(r"HL_MEDIA=(\d{9,11}\.\d+) (\d+) (\d+)", re.ASCII)
LEG = re.compile(r"(?:HL_LEG=)?([A-Za-z0-9_-]{1,80}) ([A-Za-z0-9._-]{1,80})", re.ASCII)
ADDRESS = re.compile(r"sips?:(?:[^@]*@)?(\[[^\]]*\]|[^:;>]*)(:[0-9]+)?")
"""A contact's host and port."""
GONE_STATES = frozenset({"Unreachable", "Removed", "Unavailable"})
FRESH, ANSWERS = "NonQualified", "Reachable"
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
    registration comes before the old one goes), so each is counted by its address.

    A telephone that registers is asked at once whether it is there (OPTIONS): until it has answered
    it doesn't count, unless it took the place of one that did. At the beginning, when Asterisk is
    only about to ask, all count.
    """

    def __init__(self) -> None:
        self._uris: dict[str, dict[str, None]] = {}
        self._answered: set[str] = set()
        self._replaced: dict[str, str] = {}

    @property
    def reachable(self) -> frozenset[str]:
        return frozenset(self._uris)

    def answers(self, endpoint: str) -> bool:
        """Whether its telephone has answered OPTIONS: then silence means that it is gone."""
        return not self._answered.isdisjoint(self._uris.get(endpoint, ()))

    def replace(self, listed: Iterable[Message]) -> None:
        """Take the `ContactList` events of PJSIPShowContacts for all there is."""
        self._uris = {}
        self._answered = set()
        for message in listed:
            if message.event == "ContactList" and message.status not in GONE_STATES:
                self._add(message.endpoint, message.uri, message.status)

    def take(
        self, endpoint: str, uri: str, status: str, at: datetime
    ) -> EndpointReachable | SecondPhone | None:
        """Take one contact's state; what it means for the endpoint, if anything."""
        uris = self._uris.get(endpoint, {})
        if status in GONE_STATES:
            self._answered.discard(uri)
            if uri not in uris:
                return None
            del uris[uri]
            if uris:
                return None
            del self._uris[endpoint]
            return EndpointReachable(endpoint, False, at)
        if status == FRESH:
            if not uris or uri in uris:
                return None
            before = next(reversed(uris))
            self._add(endpoint, uri, status)
            return self._second(endpoint, before, uri, at)
        self._add(endpoint, uri, status)
        return None if uris else EndpointReachable(endpoint, True, at)

    def _add(self, endpoint: str, uri: str, status: str) -> None:
        self._uris.setdefault(endpoint, {})[uri] = None
        if status == ANSWERS:
            self._answered.add(uri)

    def _second(self, endpoint: str, before: str, now: str, at: datetime) -> SecondPhone | None:
        """A telephone at another address, or back after it was replaced, is another one. With the
        same address and a new port it is the same, started anew."""
        is_back = self._replaced.get(endpoint) == now
        self._replaced[endpoint] = before
        hosts = [match[1] for uri in (before, now) if (match := ADDRESS.match(uri))]
        if not is_back and len(set(hosts)) < 2:
            return None
        return SecondPhone(endpoint, address_of(before), address_of(now), at)


def address_of(uri: str) -> str:
    """Host and port of a contact, as it is shown to people."""
    match = ADDRESS.match(uri)
    return match[1] + (match[2] or "") if match else uri
