"""Citizens who call: real SIP and RTP from the trunk's side, keys pressed as RFC 4733 events."""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from simulator.audio import Codec
from simulator.errors import StepMissed
from simulator.rtp import PAYLOAD_TYPES, SDP_NAMES, Speaker, sdp_end
from simulator.sipp import SCENARIOS, Address, Event, Sipp, command, free_port, tell
from simulator.sound import Sound

ANSWER_S = 40.0
LONGEST_CALL_S = 180.0
GOODBYE_S = 5.0
HEAR_S = 40.0
TRUNK_IP = "127.0.0.2"


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call went, as the citizen saw it.

    `refused` is the SIP status that turned the call away (0: none), `ended_by` is `citizen`,
    `hotline` or `nobody` (never answered). `heard_s` is the length of sound that arrived,
    `heard_voice_s` without silence.
    """

    answered: bool
    refused: int
    ended_by: str
    answered_after_s: float
    lasted_s: float
    heard_s: float
    heard_voice_s: float


class LiveCall:
    """A call being made; `async with Citizen(...).dial(number) as call` ends it in any case."""

    def __init__(self, sipp: Sipp, own: Address, call_id: str, sound: Sound) -> None:
        self._sipp = sipp
        self._own = own
        self._call_id = call_id
        self._sound = sound
        self._began = time.monotonic()
        self._answered_at = 0.0
        self._ended: asyncio.Future[tuple[str, float]] = asyncio.get_running_loop().create_future()
        self._answered = asyncio.Event()
        self._decided = asyncio.Event()
        self._refused = 0
        self.video_at: tuple[str, int] | None = None
        """Where the hotline takes this call's video; None when it takes none."""
        self._watch: asyncio.Task[None] | None = None

    @property
    def heard_voice_s(self) -> float:
        """How much sound that isn't silence has arrived so far."""
        return self._sound.heard.voiced_s

    async def answered(self, *, within_s: float = ANSWER_S) -> None:
        """Wait for the answer; raises StepMissed when the call is refused or nobody answers."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._decided.wait(), within_s)
        if not self._answered.is_set():
            why = f"refused with {self._refused}" if self._refused else self._sipp.complaint()
            raise StepMissed(f"the call wasn't answered ({why or f'silence for {within_s:g} s'})")

    async def hear(self, seconds: float, *, within_s: float = HEAR_S) -> None:
        """Wait until so much more sound (not silence) has come; raises StepMissed if it doesn't,
        or the call ends before."""
        heard = self._sound.more_voice(seconds)
        await asyncio.wait({heard}, timeout=within_s)
        if not heard.done() or heard.cancelled():
            heard.cancel()
            raise StepMissed(f"the citizen didn't hear {seconds:g} s more within {within_s:g} s")

    def press(self, digits: str) -> None:
        """Press keys now, one after another."""
        self._sound.speaker.press(digits)

    def say(self, voice: bytes, *, loop: bool = False) -> None:
        """Speak (G.711 bytes in the call's codec) from now on."""
        self._sound.speaker.say(voice, loop=loop)

    def lose(self, each: int) -> None:
        """From now on one of so many packets of ours is lost on the way (0: none)."""
        self._sound.speaker.lose_each = each

    def hang_up(self) -> None:
        """Send BYE; `ended` tells when it is done."""
        tell(self._own, self._call_id, "MESSAGE")

    async def ended(self, *, within_s: float = LONGEST_CALL_S) -> CallOutcome:
        """Wait for the end, from whichever side; raises StepMissed after `within_s`."""
        try:
            who, at = await asyncio.wait_for(asyncio.shield(self._ended), within_s)
        except TimeoutError:
            raise StepMissed(f"the call was still there after {within_s:g} s") from None
        answered = self._answered.is_set()
        return CallOutcome(
            answered=answered,
            refused=self._refused,
            ended_by=who,
            answered_after_s=self._answered_at - self._began if answered else 0.0,
            lasted_s=at - self._answered_at if answered else 0.0,
            heard_s=self._sound.heard.seconds,
            heard_voice_s=self._sound.heard.voiced_s,
        )

    async def __aenter__(self) -> "LiveCall":
        await self._sipp.start()
        self._began = time.monotonic()
        self._watch = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._answered.is_set() and not self._ended.done():
            self.hang_up()
            await asyncio.wait({self._ended}, timeout=GOODBYE_S)
        self._sound.close()
        await self._sipp.stop()
        if self._watch is not None:
            await self._watch

    async def _listen(self) -> None:
        try:
            while event := await self._sipp.next_event():
                self._take(event)
        finally:
            self._end("nobody", time.monotonic())

    def _take(self, event: Event) -> None:
        match event.word:
            case "answered":
                ip, port, *video = event.values
                self._answered_at = event.at
                self.video_at = (ip, int(video[0])) if video and video[0] else None
                self._sound.talk_to(ip, int(port))
                self._answered.set()
                self._decided.set()
            case "hung_up":
                self._end("citizen", event.at)
            case "other_left":
                self._end("hotline", event.at)
            case "refused":
                self._refused = int(event.values[0])
                self._end("nobody", event.at)

    def _end(self, who: str, at: float) -> None:
        self._sound.close()
        self._decided.set()
        if not self._ended.done():
            self._ended.set_result((who, at))


class Dialling:
    """What `Citizen.dial` gives: entered, it is the live call."""

    def __init__(self, citizen: "Citizen", number: str, voice: bytes, loop: bool) -> None:
        self._citizen = citizen
        self._number = number
        self._sound = Sound(Speaker(citizen.codec, voice=voice, loop=loop))
        self._opened = contextlib.AsyncExitStack()

    async def __aenter__(self) -> LiveCall:
        citizen = self._citizen
        async with contextlib.AsyncExitStack() as opened:
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="hl-citizen-"))
            opened.callback(self._sound.close)
            await self._sound.open(citizen.ip)
            own = Address(citizen.ip, free_port(citizen.ip))
            call_id = f"{own.port}-{time.monotonic_ns()}@{own.ip}"
            keys = citizen.keys(self._number) | {"sound_port": str(self._sound.port)}
            options = ["-m", "1", "-cid_str", call_id, "-timeout", f"{LONGEST_CALL_S + 30:.0f}"]
            scenario = SCENARIOS / "citizen.xml"
            words = command(scenario, own, to=citizen.sip, keys=keys, options=options)
            sipp = Sipp(words, Path(folder), "citizen")
            call = await opened.enter_async_context(LiveCall(sipp, own, call_id, self._sound))
            self._opened = opened.pop_all()
        return call

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._opened.__aexit__(kind, error, trace)


@dataclass(frozen=True, slots=True)
class Citizen:
    """A caller on a trunk. `number` "" calls anonymously; `asserted`, `diversion` and `history`
    are the URIs that a trusted trunk adds (P-Asserted-Identity, Diversion, History-Info). With a
    `video_port` (whoever calls holds it) the call has video, VP8."""

    number: str
    sip: Address
    name: str = ""
    asserted: str = ""
    diversion: str = ""
    history: str = ""
    codec: Codec = "ulaw"
    ip: str = TRUNK_IP
    video_port: int = 0

    def dial(self, number: str, *, voice: bytes = b"", loop: bool = False) -> Dialling:
        """Call a number, live: press, speak and hang up as the test goes."""
        return Dialling(self, number, voice, loop)

    async def call(
        self,
        number: str,
        *,
        digits: Sequence[tuple[float, str]] = (),
        talk_s: float | None = None,
        voice: bytes = b"",
        loop: bool = True,
        within_s: float = LONGEST_CALL_S,
    ) -> CallOutcome:
        """A whole call: keys at seconds after the answer, hang-up after `talk_s` (None: wait for
        the hotline to end it). A call that nobody answers is an outcome, not an error."""
        async with self.dial(number, voice=voice, loop=loop) as call:
            try:
                await call.answered()
            except StepMissed:
                return await call.ended(within_s=ANSWER_S)
            loop_ = asyncio.get_running_loop()
            timers = [loop_.call_later(after_s, call.press, keys) for after_s, keys in digits]
            if talk_s is not None:
                timers.append(loop_.call_later(talk_s, call.hang_up))
            try:
                return await call.ended(within_s=within_s)
            finally:
                for timer in timers:
                    timer.cancel()

    def keys(self, number: str) -> dict[str, str]:
        """The scenario's keywords for a call of this citizen."""
        uri = f"sip:{self.number}@{self.ip}" if self.number else "sip:anonymous@anonymous.invalid"
        name = f'"{self.name}" ' if self.name else ""
        extra = (
            ("P-Asserted-Identity", self.asserted),
            ("Diversion", self.diversion),
            ("History-Info", self.history),
        )
        lines = ["User-Agent: simulated citizen"]
        lines += [f"{header}: {uri}" for header, uri in extra if uri]
        return {
            "called": number,
            "from": f"{name}<{uri}>",
            "headers": "\r\n".join(lines),
            "codec": str(PAYLOAD_TYPES[self.codec]),
            "codec_name": SDP_NAMES[self.codec],
            "sdp_end": sdp_end(self.video_port),
        }
