"""What a conversation sees of a phone call. No Asterisk word passes this file.

The FastAGI door implements `Call`; tests of the conversation implement it with a script.
Every coroutine here raises `CallEnded` when the caller is gone, at any point.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from telephony.live_audio import LiveAudio

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CallInfo:
    """What is known of a call when it reaches us.

    `call_id` is Asterisk's Uniqueid of the caller's channel: unique over nodes (systemname) and
    stable over re-entries after an engine crash. `variables` holds the channel's HL_* variables
    as found on entry (names without the prefix, e.g. `STAGE`), empty on the first entry.
    """

    call_id: str
    channel: str
    node: str
    trunk: str
    called_number: str
    caller_number: str
    caller_name: str
    first_called: str
    asserted_caller: str
    answered_at: datetime
    recording: str
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def reentry(self) -> bool:
        """True when an engine already led this call and went away in the middle."""
        return bool(self.variables.get("STAGE"))


class DialStatus(StrEnum):
    """Asterisk's DIALSTATUS, as far as the queue cares."""

    ANSWER = "ANSWER"
    NOANSWER = "NOANSWER"
    BUSY = "BUSY"
    CONGESTION = "CONGESTION"
    CHANUNAVAIL = "CHANUNAVAIL"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class DialResult:
    """How one ring attempt ended. `talk_s` is 0.0 unless answered."""

    status: DialStatus
    talk_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RecordResult:
    """One `record`: `duration_s` of audio, the digit that ended it ("" when silence or limit)."""

    path: str
    duration_s: float
    digit: str


class RingEnd(Protocol):
    """A ring being ended."""

    def spare(self) -> bool:
        """The seat has picked up all the same: it keeps him. False when it is too late for that:
        it is being hung up on, `dial` comes to its end with ANSWER and there was no talk."""
        ...


class Call(Protocol):
    """One caller on the line. Prompts are names such as `welcome` or `digits/7`, in `language`."""

    info: CallInfo

    async def play(self, prompts: Sequence[str], *, language: str, interrupt: str = "") -> str:
        """Play prompts one after another; a digit of `interrupt` stops them and is returned."""
        ...

    async def ask(
        self,
        prompts: Sequence[str],
        *,
        language: str,
        max_digits: int = 1,
        timeout_s: float = 5.0,
    ) -> str:
        """Play prompts (any digit talks over them), then read up to `max_digits`; "" = silence.

        `#` ends a longer input and is not returned.
        """
        ...

    async def record(
        self, path: str, *, max_s: float, silence_s: float, beep: bool = True
    ) -> RecordResult:
        """Record the caller to `path` (as Asterisk sees it, without extension, .wav) until
        `silence_s` of silence, `#`, or `max_s`. A hang-up keeps what was said, then raises."""
        ...

    async def play_file(self, path: str, *, interrupt: str = "") -> str:
        """Play one audio file by absolute path without extension, as Asterisk sees it."""
        ...

    async def music(self, on: bool) -> None:
        """Start or stop music on hold; while it plays, digits are not seen here."""
        ...

    async def hold(self, wake: Awaitable[T]) -> T:
        """Wait for `wake` while the caller hears music; `CallEnded` if he leaves first.

        `wake` is cancelled when the caller leaves.
        """
        ...

    async def hold_until(
        self, awaited: "Sequence[asyncio.Future[Any]]", within_s: float | None
    ) -> None:
        """As `hold`, until one of these is done or so many seconds are over; none of them is
        cancelled. He is led on two turns of the loop after one is done: by this a seat rings."""
        ...

    async def announce(
        self,
        prompts: Sequence[str],
        *,
        language: str,
        until: "asyncio.Future[Any]",
        keys: str = "",
        timeout_s: float = 0.0,
    ) -> str:
        """Play prompts to a waiting caller and listen for `timeout_s` more; one of `keys` ends it
        and is returned. "" without one, and at once when `until` is done: a seat's offer cuts
        every announcement short, also in the middle of a word."""
        ...

    def next_key(self) -> "asyncio.Future[str]":
        """The next key he presses while he hears music (`hold`). Cancel it when it isn't wanted
        any more; a second one takes the first one's place."""
        ...

    async def dial(
        self,
        endpoint: str,
        *,
        ring_s: float,
        on_answer: Callable[[datetime], Awaitable[None]],
        variables: Mapping[str, str] | None = None,
    ) -> DialResult:
        """Ring an endpoint from the caller's own channel and stay for the whole talk.

        `endpoint@node` is an endpoint at another node's Asterisk.

        `on_answer(when)` runs once, as soon as the other side has answered (not at the end of
        the talk), and at the latest before this returns with ANSWER. `variables` are HL_ values
        (without prefix) written on the caller's channel in the same breath before ringing, so
        that a new engine knows where the call stands.
        """
        ...

    def end_ring(self, *, answered: bool = False) -> RingEnd:
        """Let the seat that is being rung go; `answered`: also when it has just picked up. `dial`
        comes to its end. Returns at once."""
        ...

    async def transfer(
        self,
        target: str,
        *,
        caller: str,
        first_called: str,
        ticket: str = "",
        on_answer: Callable[[datetime], Awaitable[None]] | None = None,
    ) -> DialResult:
        """Connect to a transfer target (line of mode link/emergency) by the outbound rules;
        `on_answer` as with `dial`. Only a trusted trunk is told the number of the `ticket`."""
        ...

    def live_audio(self) -> AbstractAsyncContextManager[LiveAudio]:
        """Lead his audio through the engine: it talks and hears at once. Entering raises
        `AudioAway` when that can't be done; he is to be served without it then. Within the block
        only `remember` works besides; after it the call goes on as before."""
        ...

    async def moment(self) -> None:
        """Silence for a tenth of a second: before `join` of one who was in a talk just now (else he
        may hear nothing of the next one)."""
        ...

    async def join(self, leg: str, *, beside: bool = False) -> bool:
        """Be connected with a leg (a channel's name or id), taking it out of what it is in;
        `beside` joins the talk it is having. Returns when that is over, with False when there was
        nobody to be joined with."""
        ...

    def note(self, **variables: str) -> None:
        """As `remember`, beside whatever is going on; returns at once. Nothing is written while
        the manager interface is away."""
        ...

    async def remember(self, **variables: str) -> None:
        """Write HL_ variables on the channel: they survive the engine, not the call."""
        ...

    async def finish(self) -> None:
        """The engine's last word: marks the call done (HL_DONE) so the dialplan won't return."""
        ...
