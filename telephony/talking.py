"""Sessions of a talk: the citizen's, and those of legs that have landed in the context `desk`.

A leg is a seat's (or another third party's) channel. One that is taken out of a talk, or whose
talk with another leg ends, lands in `desk`, and there in a FastAGI session of its own (`/leg`): the
engine leads it as it leads callers.
https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/Dialplan_Applications/Bridge/
"""

import asyncio
import re
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

from telephony import agi
from telephony.answers import OnAnswer
from telephony.call import CallInfo, DialResult
from telephony.errors import CallEnded, PeerError, UnsafeValue
from telephony.session import ANSWER_S, PROMPTS, FastAgiCall

DESK = "desk"
MOMENT = f"{PROMPTS}/moment"
NEVER = "never"

T = TypeVar("T")

_LEG = re.compile(r"[A-Za-z0-9][A-Za-z0-9/._@~-]{0,159}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,139}")
_NOT_YET = datetime(1970, 1, 1, tzinfo=UTC)


class TalkingCall(FastAgiCall):
    """A session with the verbs of talks; the citizen's, and every leg's."""

    __slots__ = ()

    async def join(self, leg: str, *, beside: bool = False) -> bool:
        """Be connected with a leg, taking it out of what it is in; `beside` joins the talk it is
        having. Returns when that is over, with False when it never began."""
        name = _safe(_LEG, leg, "leg")
        await self.music(False)
        if beside:
            await self._set({"BRIDGEPEER": NEVER})
        line = agi.command("EXEC", "BridgeAdd" if beside else "Bridge", name)
        reply = agi.parse_reply(await self._connection.command(line, None))
        if reply.failed:
            await self._raise_if_gone()
            return False
        return await (self._had_peers() if beside else self._bridged())

    async def moment(self) -> None:
        """A tenth of a second of silence, for whoever goes straight from one talk into another.

        Asterisk 22 would go on with the codec translation of the first, which may take all the next
        leg's packets for late ones: he would hear nothing. A sound in between makes a new one.
        """
        await self.music(False)
        await self._stream([MOMENT], "")

    async def _bridged(self) -> bool:
        line = agi.command("GET FULL VARIABLE", "${BRIDGERESULT}")
        told = agi.parse_value(await self._connection.command(line, ANSWER_S))
        return told == "SUCCESS"

    async def _had_peers(self) -> bool:
        """BridgeAdd says nothing of a leg that isn't there, or is alone. But Asterisk writes who is
        in a bridge with him into this variable, and nobody at its end."""
        line = agi.command("GET FULL VARIABLE", "${BRIDGEPEER}")
        return agi.parse_value(await self._connection.command(line, ANSWER_S)) != NEVER

    async def ring(self, endpoint: str, *, ring_s: float, on_answer: OnAnswer) -> DialResult:
        """Ring another seat from this leg and stay for the talk. Should this leg hang up in the
        middle of it, the other one lands in `desk` instead of being hung up."""
        seat, _, node = endpoint.partition("@")
        watched = f"node-{node}" if node else seat
        target = f"{seat}~{self.info.call_id}@{watched}" if node else seat
        _safe(_ID, seat, "endpoint")
        await self._set({"DIALSTATUS": ""})
        options = f"gIrF({DESK}^s^1)"
        line = agi.command("EXEC", "Dial", f"PJSIP/{target},{ring_s:g},{options}")
        return await self._ring(line, watched, on_answer)

    async def spy(self, leg: str, *, whisper: bool) -> None:
        """Listen to a leg until it hangs up; with `whisper` it hears us, and nobody else does."""
        name = _safe(_LEG, leg, "leg")
        await self.music(False)
        options = "quESw" if whisper else "quES"
        line = agi.command("EXEC", "ChanSpy", f"{name},{options}")
        await self._connection.command(line, None)
        await asyncio.sleep(0)
        if self._connection.ended_by:
            raise CallEnded(self._connection.ended_by)

    async def stay(self, wake: Awaitable[T]) -> T:
        """As `hold`, without music: for the moment until somebody is joined with this leg."""
        waiting = asyncio.ensure_future(wake)
        gone = self._connection.gone
        try:
            either: set[asyncio.Future[T] | asyncio.Future[None]] = {waiting, gone}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise CallEnded(self._connection.ended_by)
            return await waiting
        finally:
            waiting.cancel()


def read_leg(header: Mapping[str, str]) -> CallInfo:
    """A leg as its AGI header tells: `variables["TALK"]` is the citizen's call_id; PeerError."""
    leg_id, channel = header.get("agi_uniqueid"), header.get("agi_channel")
    talk = header.get("agi_arg_1", "")
    if not leg_id or not channel or not _ID.fullmatch(talk):
        raise PeerError("the AGI header lacks the leg's id, its channel or its talk")
    return CallInfo(
        call_id=leg_id,
        channel=channel,
        node=leg_id.rpartition("-")[0],
        trunk="",
        called_number="",
        caller_number="",
        caller_name="",
        first_called="",
        asserted_caller="",
        answered_at=_NOT_YET,
        recording="",
        variables={"TALK": talk},
    )


def safe_leg(value: str) -> str:
    """A leg's id or channel name, checked before it goes anywhere; raises UnsafeValue."""
    return _safe(_LEG, value, "leg")


def _safe(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise UnsafeValue(f"not a safe {what}: {value!r}")
    return value
