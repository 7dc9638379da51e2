"""Seats' telephones: they register with a password, ring, answer, echo the caller and hang up."""

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from simulator.audio import Codec
from simulator.errors import ProgramFailed, StepMissed
from simulator.rtp import PAYLOAD_TYPES, SDP_NAMES, sdp_end
from simulator.sipp import (
    SCENARIOS,
    Address,
    Event,
    Sipp,
    command,
    free_media_port,
    free_port,
    tell,
)

SEATS_IP = "127.0.0.3"
REGISTER_S = 30.0
EXPIRES_S = 3600
LONGEST_SHIFT_S = 3600
EVENT_S = 40.0
OFFERED_VP8 = 100
"""Asterisk's number for VP8 in what it offers: an echo must have it in both directions."""
VIDEO_BESIDE = 2
"""SIPp echoes what comes to its media port, and video two ports above it."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a telephone registers with."""

    endpoint: str
    password: str


@dataclass(frozen=True, slots=True)
class Manners:
    """How a seat behaves: `answers` False lets it ring, `busy` refuses (486), `declines` does so as
    by the telephone's key for it (603); `talk_s` None lets the caller end the talk."""

    ring_s: float = 0.3
    answers: bool = True
    busy: bool = False
    declines: bool = False
    talk_s: float | None = 2.0


@dataclass(slots=True)
class Seats:
    """`async with Seats(accounts, sip=…) as seats`: registered inside, taken back after.

    `manners` may be changed at any time (by endpoint; else `usual`). `events` is all that
    happened: `rang`, `answered`, `hung_up`, `caller_left`, `cancelled`, `refused`. With `video`
    they answer video calls (and only those), and echo the picture, too.
    """

    accounts: Sequence[Account]
    sip: Address
    usual: Manners = field(default_factory=Manners)
    manners: Mapping[str, Manners] = field(default_factory=dict)
    codec: Codec = "ulaw"
    ip: str = SEATS_IP
    video: bool = False
    events: list[Event] = field(default_factory=list)
    _own: Address | None = None
    _opened: contextlib.AsyncExitStack | None = None
    _watch: asyncio.Task[None] | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)
    _timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    _phones: Sipp | None = None
    _unplugged: bool = False

    async def wait_for(
        self, word: str, endpoint: str = "", *, seen: int = 0, within_s: float = EVENT_S
    ) -> Event:
        """The first event `word` (of this seat) after the first `seen` events.

        Raises StepMissed when it doesn't come.
        """
        try:
            async with asyncio.timeout(within_s), self._news:
                while True:
                    for event in self.events[seen:]:
                        if event.word == word and endpoint in ("", event.values[1]):
                            return event
                    await self._news.wait()
        except TimeoutError:
            who = f"seat {endpoint}" if endpoint else "any seat"
            raise StepMissed(f"{who}: no {word!r} within {within_s:g} s") from None

    def hang_up(self, event: Event) -> None:
        """The seat of this `answered` event ends the talk now."""
        self._tell(event.values[0], "MESSAGE")

    def answer(self, event: Event) -> None:
        """The seat of this `rang` event picks up now (for manners that don't answer)."""
        self._tell(event.values[0], "MESSAGE")

    async def __aenter__(self) -> "Seats":
        own = Address(self.ip, free_port(self.ip))
        self._own = own
        async with contextlib.AsyncExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="hl-seats-")))
            await register(self.accounts, own, self.sip, folder, expires_s=EXPIRES_S)
            opened.push_async_exit(self._take_back(own, folder))
            phones = self._phones = Sipp(self._command(own), folder, "seats")
            opened.push_async_callback(phones.stop)
            await phones.start()
            self._watch = asyncio.create_task(self._listen(phones))
            opened.callback(self._forget_timers)
            await phones.listening(own)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._opened is not None
        await self._opened.__aexit__(kind, error, trace)

    async def unplug(self) -> None:
        """Their power is gone: nothing is said any more, and their registration stays."""
        assert self._phones is not None
        await self._phones.stop()
        self._unplugged = True

    def _take_back(
        self, own: Address, folder: Path
    ) -> Callable[[object, BaseException | None, object], Awaitable[None]]:
        """Unregister at the end, but not after an error: the system may be the reason."""

        async def take_back(kind: object, error: BaseException | None, trace: object) -> None:
            if self._watch is not None:
                await self._watch
            if error is None and not self._unplugged:
                await register(self.accounts, own, self.sip, folder, expires_s=0)

        return take_back

    def _forget_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _command(self, own: Address) -> list[str]:
        port = free_media_port(self.ip)
        keys = {
            "codec": str(PAYLOAD_TYPES[self.codec]),
            "codec_name": SDP_NAMES[self.codec],
            "sdp_end": sdp_end(port + VIDEO_BESIDE if self.video else 0, OFFERED_VP8),
        }
        options = ["-rtp_echo", "-mp", str(port), "-aa"]
        options += ["-timeout", str(LONGEST_SHIFT_S)]
        return command(SCENARIOS / "seat.xml", own, keys=keys, options=options)

    async def _listen(self, phones: Sipp) -> None:
        while event := await phones.next_event():
            async with self._news:
                self.events.append(event)
                self._news.notify_all()
            self._behave(event)

    def _behave(self, event: Event) -> None:
        call_id, endpoint, *_ = event.values
        manners = self.manners.get(endpoint, self.usual)
        if event.word == "rang" and manners.busy:
            self._later(manners.ring_s, call_id, "PUBLISH")
        elif event.word == "rang" and manners.declines:
            self._later(manners.ring_s, call_id, "SUBSCRIBE")
        elif event.word == "rang" and manners.answers:
            self._later(manners.ring_s, call_id, "MESSAGE")
        elif event.word == "answered" and manners.talk_s is not None:
            self._later(manners.talk_s, call_id, "MESSAGE")
        elif event.word in ("hung_up", "caller_left", "cancelled", "refused"):
            timer = self._timers.pop(call_id, None)
            if timer is not None:
                timer.cancel()

    def _later(self, seconds: float, call_id: str, word: str) -> None:
        loop = asyncio.get_running_loop()
        self._timers[call_id] = loop.call_later(seconds, self._tell, call_id, word)

    def _tell(self, call_id: str, word: str) -> None:
        assert self._own is not None
        tell(self._own, call_id, word)


async def register(
    accounts: Sequence[Account], own: Address, sip: Address, folder: Path, *, expires_s: int
) -> None:
    """Register all accounts (0 seconds: take it back), from the port where they will answer.

    The same port, because behind NAT Asterisk calls back where the REGISTER came from. Raises
    ProgramFailed when one is refused.
    """
    lines = [
        f"{a.endpoint};[authentication username={a.endpoint} password={a.password}]"
        for a in accounts
    ]
    injected = folder / "accounts.csv"
    await asyncio.to_thread(_write_private, injected, "\n".join(["SEQUENTIAL", *lines]) + "\n")
    keys = {"contact_port": str(own.port), "expires": str(expires_s)}
    options = ["-inf", str(injected), "-m", str(len(lines)), "-r", "100", "-l", "20"]
    options += ["-timeout", f"{REGISTER_S:.0f}"]
    words = command(SCENARIOS / "register.xml", own, to=sip, keys=keys, options=options)
    async with Sipp(words, folder, "register") as sipp:
        if await sipp.ended(REGISTER_S + 5):
            raise ProgramFailed(f"seats couldn't register at {sip}: {sipp.complaint()}")


def _write_private(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)
