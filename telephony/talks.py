"""The legs of a talk, seen and moved over AMI: found, taken to the desk, rung, hung up.

Nothing is remembered here: what a talk consists of is asked of Asterisk at that moment, so that it
is also true of talks that an engine before us began.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from telephony.ami import Ami
from telephony.events import ChannelSeen
from telephony.originate import Answer, Leg, Originator
from telephony.talking import DESK, safe_leg

MARK = "leg"
"""HL_MEDIA of a leg: by it its hang-up is told (`asterisk_conf.modules.AMI_EVENTS`)."""
NOBODY = "No such channel"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LegSeen:
    """A leg as Asterisk tells of it. `endpoint` is the seat's SIP name, or `trunk-<id>`."""

    leg_id: str
    channel: str
    endpoint: str
    bridged: bool


class Switch:
    """Asterisk's switchboard, for one engine. Raises NotConnected and ActionFailed."""

    def __init__(self, ami: Ami, originator: Originator) -> None:
        self._ami = ami
        self._originator = originator

    async def partners(self, call_id: str) -> Sequence[LegSeen]:
        """Who is in the citizen's bridge besides him; empty when he is in none."""
        channels = await self._ami.channels()
        bridge = next((c.bridge_id for c in channels if c.call_id == call_id), "")
        return [
            _leg(c) for c in channels if bridge and c.bridge_id == bridge and c.call_id != call_id
        ]

    async def legs(self, call_id: str) -> Sequence[LegSeen]:
        """All legs of this citizen's talk that have been marked, wherever they are."""
        channels = await self._ami.channels()
        return [_leg(c) for c in channels if c.variables.get("TALK") == call_id]

    async def lives(self, leg_id: str) -> bool:
        """Whether Asterisk knows this channel."""
        return await self._originator.lives(leg_id)

    async def mark(self, call_id: str, leg: LegSeen) -> None:
        """The leg, and whoever is dialled from it, belongs to this citizen's talk; its hang-up is
        told from now on."""
        self._ami.track(leg.leg_id, leg.channel)
        await self._set(leg.channel, "__HL_TALK", call_id)
        await self._set(leg.channel, "__HL_MEDIA", MARK)

    async def write(self, channel: str, name: str, value: str) -> None:
        """Write an HL_ variable (name without prefix) on a channel."""
        await self._set(channel, f"HL_{name}", value)

    async def to_desk(self, leg: str) -> None:
        """Take a leg out of whatever it is in: it comes as a new session. Whoever was alone with
        it goes on in his own."""
        fields = {"Channel": safe_leg(leg), "Context": DESK, "Exten": "s", "Priority": "1"}
        await self._ami.action("Redirect", fields)

    async def ring(
        self, endpoint: str, call_id: str, leg_id: str, *, ring_s: float, caller: str
    ) -> Answer:
        """Ring a telephone for a talk; when answered it comes to the desk."""
        marks = {"TALK": call_id, "MEDIA": MARK}
        leg = Leg(leg_id, caller, ring_s, marks, context=DESK)
        return await self._originator.ring_seat(endpoint, leg)

    async def hang_up(self, leg_id: str) -> None:
        """End a leg, if it is there."""
        await self._originator.hang_up(leg_id)

    async def _set(self, channel: str, variable: str, value: str) -> None:
        fields = {"Channel": safe_leg(channel), "Variable": variable, "Value": value}
        await self._ami.action("Setvar", fields)


def new_leg_id(node: str) -> str:
    """An id for a leg that we make: unique over nodes and engines."""
    return f"{node or 'leg'}-t{secrets.token_hex(8)}"


def _leg(seen: ChannelSeen) -> LegSeen:
    endpoint = seen.channel.partition("/")[2].rpartition("-")[0]
    return LegSeen(seen.call_id, seen.channel, endpoint, seen.bridged)
