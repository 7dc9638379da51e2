"""Calls that we make: AMI's Originate, answered for only when Asterisk says how it ended.

The leg's id is chosen here and given to Asterisk as the channel's Uniqueid before anything is
sent: an id that lives is refused, so no leg is ever made twice, and after an outage the snapshot
tells whether it rings. "Success" of the action only means "queued"; OriginateResponse is the end.
https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/AMI_Actions/Originate/
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from telephony.ami import Ami
from telephony.errors import ActionFailed, NotConnected, UnsafeValue
from telephony.events import ChannelHungUp, Event, OriginateEnded, SnapshotTaken

CONTEXT = "callback"
MARGIN_S = 5.0
"""How much longer than the ringing Asterisk's word of its end is awaited before we ask."""
ASK_AGAIN_S = 1.0
NOBODY = "No such channel"

_NUMBER = re.compile(r"\+?[0-9]{3,20}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_LEG_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,139}")
_VARIABLE = re.compile(r"[A-Z][A-Z_]{0,29}")
_VALUE = re.compile(r"(?:[A-Za-z0-9_.:+*#/|&<>= -]|\([A-Za-z0-9_.:|<>= -]*\))*")

log = structlog.get_logger(__name__)


class Answer(StrEnum):
    """How ringing somebody ended. FAILED: nobody was rung (refused, no route, Asterisk away);
    LOST: Asterisk no longer knows the leg and never said how it ended."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    FAILED = "failed"
    LOST = "lost"


# AST_CONTROL_* frames, as OriginateResponse tells them in `Reason`. It tells 0 of nearly all; then
# the cause (Q.850) of the channel's own end says more, a moment later; 21: the call was declined.
_REASONS = {3: Answer.NO_ANSWER, 5: Answer.BUSY}
_CAUSES = {
    16: Answer.NO_ANSWER, 17: Answer.BUSY, 18: Answer.NO_ANSWER, 19: Answer.NO_ANSWER,
    21: Answer.BUSY,
}  # fmt: skip
CAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Leg:
    """A call to be made. `leg_id` becomes its call_id; `variables` are HL_ values without prefix;
    `caller_id` is the number the rung one sees, `context` where the dialplan goes on with him."""

    leg_id: str
    caller_id: str
    ring_s: float
    variables: Mapping[str, str] = field(default_factory=dict)
    context: str = CONTEXT


class Originator:
    """Makes legs. Its events come by `take`, in Asterisk's order."""

    def __init__(self, ami: Ami) -> None:
        self._ami = ami
        self._open: dict[str, asyncio.Future[Answer]] = {}

    async def ring_number(self, number: str, trunk: str, leg: Leg) -> Answer:
        """Ring a number through a trunk, and say how it ended; answered ones go on in the
        dialplan (context `callback`). Raises UnsafeValue before anything is sent."""
        number, trunk = _safe(_NUMBER, number, "number"), _safe(_NAME, trunk, "trunk")
        return await self._ring(f"PJSIP/{number}@trunk-{trunk}", leg)

    async def ring_seat(self, endpoint: str, leg: Leg) -> Answer:
        """Ring a seat's telephone, as `ring_number`; `endpoint@node` is one at another node."""
        seat, _, node = endpoint.partition("@")
        target = _safe(_NAME, seat, "endpoint")
        if node:  # the leg's id goes along: see the context `node` of the dialplan
            target += f"~{_safe(_LEG_ID, leg.leg_id, 'leg')}@node-{_safe(_NAME, node, 'node')}"
        return await self._ring(f"PJSIP/{target}", leg)

    async def outcome(self, leg_id: str, *, within_s: float) -> Answer:
        """How a leg ends that rings already (an engine before us made it): its end is told, else
        asked for after `within_s`."""
        return await self._until_told(leg_id, self._expect(leg_id), within_s)

    async def lives(self, call_id: str) -> bool:
        """Whether Asterisk knows this channel; raises NotConnected or ActionFailed."""
        try:
            await self._ami.action("Status", {"Channel": _safe(_LEG_ID, call_id, "leg")})
        except ActionFailed as error:
            if NOBODY in str(error):
                return False
            raise
        return True

    async def hang_up(self, call_id: str) -> None:
        """End a leg, if it is there; raises NotConnected or ActionFailed."""
        try:
            await self._ami.action("Hangup", {"Channel": _safe(_LEG_ID, call_id, "leg")})
        except ActionFailed as error:
            if NOBODY not in str(error):
                raise

    def take(self, event: Event) -> None:
        """One event of `telephony`."""
        match event:
            case OriginateEnded(answered=True):
                self._tell(event.call_id, Answer.ANSWERED)
            case OriginateEnded() if event.reason in _REASONS:
                self._tell(event.call_id, _REASONS[event.reason])
            case OriginateEnded() if event.call_id in self._open:
                told = self._open[event.call_id]
                told.get_loop().call_later(CAUSE_S, _settle, told, Answer.FAILED)
            case ChannelHungUp():
                self._tell(event.call_id, _CAUSES.get(event.cause, Answer.FAILED))
            case SnapshotTaken():
                living = {channel.call_id for channel in event.channels}
                for leg_id in set(self._open) - living:
                    self._tell(leg_id, Answer.LOST)

    async def _ring(self, channel: str, leg: Leg) -> Answer:
        fields = {
            "Channel": channel,
            "Context": leg.context,
            "Exten": "s",
            "Priority": "1",
            "Timeout": str(round(leg.ring_s * 1000)),
            "CallerID": _safe(_NUMBER, leg.caller_id, "caller id") if leg.caller_id else "",
            "ChannelId": _safe(_LEG_ID, leg.leg_id, "leg"),
            "Variable": _variables(leg.variables),
            "Async": "true",
        }
        told = self._expect(leg.leg_id)
        try:
            await self._ami.action("Originate", fields)
        except NotConnected as error:
            self._open.pop(leg.leg_id, None)
            log.warning("leg_not_made", call_id=leg.leg_id, reason=str(error))
            return Answer.FAILED
        except ActionFailed as error:
            # Refused, or the answer was lost and it rings: only asking tells.
            log.warning("leg_in_doubt", call_id=leg.leg_id, reason=str(error))
            return await self._until_told(leg.leg_id, told, 0.0)
        return await self._until_told(leg.leg_id, told, leg.ring_s + MARGIN_S)

    def _expect(self, leg_id: str) -> asyncio.Future[Answer]:
        told = self._open[leg_id] = asyncio.get_running_loop().create_future()
        return told

    async def _until_told(
        self, leg_id: str, told: asyncio.Future[Answer], within_s: float
    ) -> Answer:
        try:
            await asyncio.wait({told}, timeout=within_s)
            while not told.done():
                if await self._gone(leg_id):
                    # Its last word may be on the way still.
                    await asyncio.wait({told}, timeout=ASK_AGAIN_S)
                    return told.result() if told.done() else Answer.LOST
                await asyncio.wait({told}, timeout=ASK_AGAIN_S)
            return told.result()
        finally:
            if self._open.get(leg_id) is told:
                del self._open[leg_id]

    async def _gone(self, leg_id: str) -> bool:
        """False, too, while Asterisk can't be asked: nobody is given up for that."""
        try:
            return not await self.lives(leg_id)
        except (NotConnected, ActionFailed) as error:
            log.info("leg_not_asked_for", call_id=leg_id, reason=str(error))
            return False

    def _tell(self, leg_id: str, answer: Answer) -> None:
        if leg_id in self._open:
            _settle(self._open[leg_id], answer)


def _settle(told: asyncio.Future[Answer], answer: Answer) -> None:
    if not told.done():
        told.set_result(answer)


def _variables(values: Mapping[str, str]) -> str:
    pairs = (
        f"HL_{_safe(_VARIABLE, name, 'variable')}={_safe(_VALUE, value, name)}"
        for name, value in values.items()
    )
    return ",".join(pairs)


def _safe(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise UnsafeValue(f"{value!r} is no {what} that may be dialled or written")
    return value
