"""`FastAgiCall`: the `Call` of the conversations, over one FastAGI session."""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import structlog

from telephony import agi, counters, entry
from telephony.answers import AnswerRegistry, OnAnswer, Ringing
from telephony.audio_call import live_audio
from telephony.audiosocket_server import AudioSocketServer
from telephony.call import CallInfo, DialResult, DialStatus, RecordResult, RingEnd
from telephony.connection import AgiConnection
from telephony.errors import CallEnded, PeerError, UnsafeValue
from telephony.keys import WAKE_KEY, Keys
from telephony.live_audio import LiveAudio

T = TypeVar("T")

PROMPTS = "/hotline/prompts"
BEEP = "beep"
ANSWER_S = 10.0
"""Longest wait for the answer to a command that takes no time of its own."""
HANGUP_GRACE_S = 0.3
AMI_LAG_S = 0.2
"""How far AMI's word of an answer may come after AGI's of the talk's end."""
UNHEARD_S = 3.0
"""After so long a ring it is asked whether the telephone is there: Asterisk does so by itself every
half minute only, and an unplugged one looks like one that rings."""
CALL_REJECTED = "21"
"""The cause (Q.850) that a declined call leaves on the channel that dialled."""
AUDIO_SAMPLES_S = 8000
ANY_DIGIT = "0123456789*#"

log = structlog.get_logger(__name__)

_NAME = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")
_PATH = re.compile(r"/[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_ENDPOINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}(?:@[a-z][a-z0-9]{0,15})?")
_NUMBER = re.compile(r"\+?[0-9*#]{2,32}")
_DONE = agi.command("EXEC", "MSet", agi.assignments({"HL_DONE": "1"}))
_DIGITS = re.compile(r"[0-9*#]*")


class FastAgiCall:
    """One caller on the line. See `telephony.call.Call` for what each coroutine promises."""

    __slots__ = ("_answers", "_audio", "_connection", "_keys", "_live", "_music", "info")

    def __init__(
        self,
        info: CallInfo,
        connection: AgiConnection,
        answers: AnswerRegistry,
        keys: Keys,
        audio: AudioSocketServer | None = None,
    ) -> None:
        self.info = info
        self._connection = connection
        self._answers = answers
        self._keys = keys
        self._audio = audio
        self._live = False
        # On a re-entry the dialplan's own music may be playing: unknown until we say.
        self._music: bool | None = None if info.reentry else False

    async def play(self, prompts: Sequence[str], *, language: str, interrupt: str = "") -> str:
        paths = [prompt_path(language, name) for name in prompts]
        await self.music(False)
        return await self._stream(paths, interrupt)

    async def play_file(self, path: str, *, interrupt: str = "") -> str:
        await self.music(False)
        return await self._stream([_matching(_PATH, path, "audio file")], interrupt)

    async def ask(
        self,
        prompts: Sequence[str],
        *,
        language: str,
        max_digits: int = 1,
        timeout_s: float = 5.0,
    ) -> str:
        """When one digit is asked for, `#` is a digit. GET DATA isn't used: it fails, as if the
        caller had left, where a prompt's file is missing."""
        paths = [prompt_path(language, name) for name in prompts]
        await self.music(False)
        digits = digit = await self._stream(paths, ANY_DIGIT)
        wait = agi.repeated("WAIT FOR DIGIT", str(max(1, round(timeout_s * 1000))))
        while not digits or (digit != "#" and len(digits) < max_digits):
            digit = self._pressed((await self._reply(wait)).digit)
            if not digit:
                break
            digits += digit
        return digits if max_digits == 1 else digits.rstrip("#")

    async def announce(
        self,
        prompts: Sequence[str],
        *,
        language: str,
        until: "asyncio.Future[Any]",
        keys: str = "",
        timeout_s: float = 0.0,
    ) -> str:
        """The wake key ends what is being played. Should that have just ended by itself, the key
        is read by nobody, or heard by a seat that hasn't answered yet."""
        stops = _matching(_DIGITS, keys, "digits") + WAKE_KEY
        lines = [agi.command("STREAM FILE", prompt_path(language, p), stops) for p in prompts]
        if timeout_s:
            lines.append(agi.command("WAIT FOR DIGIT", str(round(timeout_s * 1000))))
        await self.music(False)
        if until.done():
            return ""
        until.add_done_callback(self._wake)
        try:
            for line in lines:
                digit = await self._played(line)
                if digit and digit in keys:
                    return digit
                if until.done():
                    break
        finally:
            until.remove_done_callback(self._wake)
        return ""

    def _wake(self, until: object) -> None:
        self._keys.wake(self.info.channel)

    def next_key(self) -> "asyncio.Future[str]":
        return self._keys.expect(self.info.call_id)

    def end_ring(self, *, answered: bool = False) -> RingEnd:
        info = self.info
        return self._keys.end_ring(info.call_id, info.channel, answered=answered)

    async def record(
        self, path: str, *, max_s: float, silence_s: float, beep: bool = True
    ) -> RecordResult:
        target = _matching(_PATH, path, "recording")
        await self.music(False)
        if beep:
            await self._stream([BEEP], "")
        limit_ms, silence = str(round(max_s * 1000)), f"s={math.ceil(silence_s)}"
        line = agi.command("RECORD FILE", target, "wav", "#", limit_ms, "0", silence)
        reply = agi.parse_reply(await self._connection.command(line, None))
        if reply.failed:
            await self._raise_if_gone()
            return RecordResult(path, 0.0, "")  # the file can't be written: a full disk
        return RecordResult(path, reply.endpos / AUDIO_SAMPLES_S, self._pressed(reply.digit))

    async def music(self, on: bool) -> None:
        if on != self._music:
            await self._reply(agi.repeated("SET MUSIC", "ON" if on else "OFF"), ANSWER_S)
            self._music = on

    async def hold(self, wake: Awaitable[T]) -> T:
        waiting = asyncio.ensure_future(wake)
        try:
            await self.hold_until((waiting,), None)
            return await waiting
        finally:
            await _let_go(waiting)

    async def hold_until(
        self, awaited: Sequence["asyncio.Future[Any]"], within_s: float | None
    ) -> None:
        """Music begins only when there is something to wait for, and goes on afterwards."""
        gone = self._connection.gone
        await asyncio.sleep(0)
        if not any(one.done() for one in awaited):
            await self.music(True)
            any_of = (*awaited, gone)
            await asyncio.wait(any_of, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise CallEnded(self._connection.ended_by)

    async def dial(
        self,
        endpoint: str,
        *,
        ring_s: float,
        on_answer: Callable[[datetime], Awaitable[None]],
        variables: Mapping[str, str] | None = None,
    ) -> DialResult:
        """After a redirect Dial ends as after any talk; the next command raises CallEnded."""
        seat = _matching(_ENDPOINT, endpoint, "endpoint")
        # Dial's `m` takes the music over and ends it: a command less before a waiting caller rings.
        self._music = False
        # Without DIALSTATUS an earlier attempt's could be read as this one's.
        written = {"DIALSTATUS": "", **_prefixed(variables or {})}
        seat, _, node = seat.partition("@")  # over the node trunk the call's id goes along
        watched = f"node-{node}" if node else seat
        target = f"{seat}~{self.info.call_id}@{watched}" if node else seat
        first = f"B(write^s^1({agi.encoded_assignments(written)}))"
        line = agi.command("EXEC", "Dial", f"PJSIP/{target},{ring_s:g},gIm{first}")
        return await self._ring(line, watched, on_answer)

    async def transfer(
        self,
        target: str,
        *,
        caller: str,
        first_called: str,
        ticket: str = "",
        on_answer: OnAnswer | None = None,
    ) -> DialResult:
        number = _matching(_NUMBER, target, "number")
        await self.music(False)
        who = {
            "HL_TRANSFER_CALLER": _number_or_nothing(caller),
            "HL_TRANSFER_FIRST": _number_or_nothing(first_called),
            "HL_TRANSFER_TICKET": _number_or_nothing(ticket),
        }
        await self._set({"DIALSTATUS": "", **who})
        line = agi.command("GOSUB", "outbound", number, "1")
        return await self._ring(line, "", on_answer or _nothing_to_tell)

    def note(self, **variables: str) -> None:
        self._keys.note(self.info.channel, _prefixed(variables))

    async def remember(self, **variables: str) -> None:
        written = _prefixed(variables)
        if self._live:  # the session waits for the end of its audio
            await self._keys.remember(self.info.channel, written)
        else:
            await self._set(written)

    @asynccontextmanager
    async def live_audio(self) -> AsyncIterator[LiveAudio]:
        await self.music(False)
        self._live = True
        try:
            async with live_audio(self._connection, self._audio) as audio:
                yield audio
        finally:
            self._live = False

    async def finish(self) -> None:
        """Said without waiting for an answer: should it not arrive, the dialplan comes back and is
        told again."""
        self._connection.last_word(_DONE)

    async def _ring(self, line: bytes, endpoint: str, on_answer: OnAnswer) -> DialResult:
        """One ring attempt and its talk, with AMI listened to for the answer."""
        call_id = self.info.call_id
        ringing = self._answers.expect(call_id, endpoint, on_answer)
        doubt = asyncio.get_running_loop().call_later(UNHEARD_S, self._doubt, ringing)
        began = datetime.now(UTC)
        try:
            reply = agi.parse_reply(await self._connection.command(line, None))
            ended = datetime.now(UTC)
            if reply.failed:
                await self._raise_if_gone()
                return DialResult(DialStatus.CONGESTION)
            # AMI's word of the answer saves the question.
            status = DialStatus.ANSWER if ringing.is_answered else await self._dial_status()
            if status is not DialStatus.ANSWER:
                return DialResult(status)
            answered = await ringing.heard(within_s=AMI_LAG_S, otherwise=began)
            return DialResult(status, max(0.0, (ended - answered).total_seconds()))
        finally:
            doubt.cancel()
            self._answers.forget(call_id, ringing)
            await ringing.told()

    def _doubt(self, ringing: Ringing) -> None:
        if not ringing.is_answered:
            self._keys.look_after(ringing.endpoint)

    async def _dial_status(self) -> DialStatus:
        """DIALSTATUS; words the queue has no use for count as CONGESTION. A telephone that declined
        (SIP 603) was reached: it is busy, though Dial says CHANUNAVAIL."""
        line = agi.command("GET FULL VARIABLE", "${DIALSTATUS} ${HANGUPCAUSE}")
        told = agi.parse_value(await self._connection.command(line, ANSWER_S))
        status, _, cause = told.partition(" ")
        if status == DialStatus.CHANUNAVAIL and cause == CALL_REJECTED:
            return DialStatus.BUSY
        return DialStatus(status) if status in DialStatus.__members__ else DialStatus.CONGESTION

    async def _stream(self, paths: Sequence[str], interrupt: str) -> str:
        stops = _matching(_DIGITS, interrupt, "digits")
        for path in paths:
            digit = await self._played(agi.repeated("STREAM FILE", path, stops))
            if digit:
                return digit
        return ""

    async def _played(self, line: bytes) -> str:
        """Play, or wait for a digit; the digit that ended it."""
        reply = agi.parse_reply(await self._connection.command(line, None))
        if not reply.failed:
            return self._pressed(reply.digit)
        await self._raise_if_gone()
        # A missing file: the caller is led on without it.
        counters.PROMPTS_FAILED.inc()
        log.error("prompt_not_played", command=line.decode().strip())
        return ""

    def _pressed(self, digit: str) -> str:
        """The key a command ended with ("": none), which AMI may tell of only now."""
        if digit:
            self._keys.told(self.info.call_id, digit)
        return digit

    async def _set(self, variables: dict[str, str]) -> None:
        await self._reply(agi.command("EXEC", "MSet", agi.assignments(variables)), ANSWER_S)

    async def _reply(self, line: bytes, timeout_s: float | None = None) -> agi.Reply:
        """Media and Dial take as long as they take; the sweeper ends what Asterisk forgot."""
        reply = agi.parse_reply(await self._connection.command(line, timeout_s))
        if reply.failed:
            await self._raise_if_gone()
            raise PeerError(f"Asterisk failed at {line[:60]!r}")
        if reply.result == "-2":
            raise PeerError(f"Asterisk lacks the application of {line[:60]!r}: see modules.conf")
        return reply

    async def _raise_if_gone(self) -> None:
        """-1 mostly means that the caller left: HANGUP or the end of file follows at once."""
        await asyncio.wait({self._connection.gone}, timeout=HANGUP_GRACE_S)
        if self._connection.ended_by:
            raise CallEnded(self._connection.ended_by)


@lru_cache(maxsize=2048)
def prompt_path(language: str, name: str) -> str:
    """Where Asterisk finds a prompt; raises UnsafeValue for a name that isn't one."""
    return f"{PROMPTS}/{prompt_name(language, name)}"


def prompt_name(language: str, name: str) -> str:
    """A prompt's place below any folder of prompts; raises UnsafeValue as above."""
    return f"{_matching(_NAME, language, 'language')}/{_matching(_NAME, name, 'prompt')}"


def _prefixed(variables: Mapping[str, str]) -> dict[str, str]:
    """HL_ names; raises UnsafeValue for one that a new engine wouldn't read again."""
    if not entry.WRITABLE.issuperset(variables):
        unknown = ", ".join(sorted(set(variables) - entry.WRITABLE))
        raise UnsafeValue(f"no such call variable: {unknown}")
    agi.checked("".join(variables.values()))
    return {f"HL_{name}": value for name, value in variables.items()}


def _matching(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise UnsafeValue(f"not a safe {what}: {value!r}")
    return value


def _number_or_nothing(value: str) -> str:
    return value if _NUMBER.fullmatch(value) else ""


async def _nothing_to_tell(answered: datetime) -> None:
    """A transfer's answer changes nothing here."""


async def _let_go(waiting: "asyncio.Future[T]") -> None:
    """Cancel it if it still runs and wait for its end, without hiding our own cancellation."""
    if not waiting.done():
        waiting.cancel()
        await asyncio.wait({waiting})
    if not waiting.cancelled():
        waiting.exception()  # taken here: the caller left, nobody else will ask for it
