"""Citizens' telephones at the far end of a trunk, for calls that the hotline makes."""

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from simulator.audio import Codec
from simulator.citizens import TRUNK_IP
from simulator.errors import StepMissed
from simulator.rtp import PAYLOAD_TYPES, SDP_NAMES, Speaker
from simulator.sipp import SCENARIOS, Address, Event, Sipp, command, free_port, tell
from simulator.sound import Sound

LONGEST_S = 600
EVENT_S = 40.0


@dataclass(slots=True)
class Phone:
    """`async with Phone(port) as phone`: the carrier's side of the trunk, one talk at a time.

    `events` is all that happened: `rang`, `answered`, `hung_up`, `caller_left`, `cancelled`,
    `refused`; their values are Call-ID, the number dialled and the caller id that was shown. Of
    `rang`, `told` has what else the call carried. `voice` is G.711 that it speaks over and over.
    """

    own: Address = field(default_factory=lambda: Address(TRUNK_IP, free_port(TRUNK_IP)))
    codec: Codec = "ulaw"
    voice: bytes = b""
    events: list[Event] = field(default_factory=list)
    _sound: Sound | None = None
    _opened: contextlib.AsyncExitStack | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_for(
        self, word: str, *, seen: int = 0, call_id: str = "", within_s: float = EVENT_S
    ) -> Event:
        """The first event `word` (of this call) after the first `seen` events; raises StepMissed
        without one."""
        try:
            async with asyncio.timeout(within_s), self._news:
                while True:
                    for event in self.events[seen:]:
                        if event.word == word and call_id in ("", event.values[0]):
                            return event
                    await self._news.wait()
        except TimeoutError:
            raise StepMissed(f"the telephone: no {word!r} within {within_s:g} s") from None

    @staticmethod
    def told(rang: Event) -> dict[str, str]:
        """What a call carries besides: `identity` (P-Asserted-Identity), `first` (Diversion),
        `ticket` and `call` (X-Hotline-…); "" for what it doesn't."""
        pairs = (value.partition("=") for value in rang.values[5:])
        return {name: value.strip("\r") for name, _, value in pairs}

    def answer(self, rang: Event) -> None:
        """Pick up the call of this `rang` event, and be heard in it."""
        assert self._sound is not None
        self._sound.talk_to(rang.values[3], int(rang.values[4]))
        tell(self.own, rang.values[0], "MESSAGE")

    def refuse(self, rang: Event) -> None:
        """Busy."""
        tell(self.own, rang.values[0], "PUBLISH")

    async def hang_up(self, event: Event) -> None:
        """End the talk of this event's call, as soon as it is one: whoever was called may not say
        goodbye before the other side has heard his hello (RFC 3261, 15), and the hotline may know
        him as answered a moment earlier. Raises StepMissed when it never is."""
        await self.wait_for("answered", call_id=event.values[0])
        tell(self.own, event.values[0], "MESSAGE")

    def press(self, digits: str) -> None:
        """Press keys now, one after another."""
        assert self._sound is not None
        self._sound.speaker.press(digits)

    async def hear(self, seconds: float, *, within_s: float = EVENT_S) -> None:
        """Wait until so much more sound (not silence) has come; raises StepMissed."""
        assert self._sound is not None
        heard = self._sound.more_voice(seconds)
        await asyncio.wait({heard}, timeout=within_s)
        if not heard.done() or heard.cancelled():
            heard.cancel()
            raise StepMissed(f"the telephone didn't hear {seconds:g} s more in {within_s:g} s")

    async def __aenter__(self) -> "Phone":
        async with contextlib.AsyncExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="hl-phone-")))
            self._sound = Sound(Speaker(self.codec, self.voice, loop=True))
            opened.callback(self._sound.close)
            await self._sound.open(self.own.ip)
            sipp = Sipp(self._command(self._sound.port), folder, "phone")
            opened.push_async_callback(sipp.stop)
            await sipp.start()
            watch = asyncio.create_task(self._listen(sipp))
            opened.push_async_callback(_ended, watch, sipp)
            await sipp.listening(self.own)
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

    def _command(self, sound_port: int) -> list[str]:
        keys = {
            "codec": str(PAYLOAD_TYPES[self.codec]),
            "codec_name": SDP_NAMES[self.codec],
            "sound_port": str(sound_port),
        }
        options = ["-aa", "-timeout", str(LONGEST_S)]
        return command(SCENARIOS / "phone.xml", self.own, keys=keys, options=options)

    async def _listen(self, sipp: Sipp) -> None:
        while event := await sipp.next_event():
            async with self._news:
                self.events.append(event)
                self._news.notify_all()


async def _ended(watch: "asyncio.Task[None]", sipp: Sipp) -> None:
    await sipp.stop()
    await watch
