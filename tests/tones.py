"""Telephones that each speak a tone of their own, and tell whose tones they hear.

Real SIP (the simulator's scenarios) and real RTP, A-law: who hears whom is measured, not believed.
"""

import asyncio
import contextlib
import math
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from simulator.sipp import SCENARIOS, Address, Event, Sipp, command, free_port, tell
from tests.rtp import FRAME_S, Telephone

RATE_HZ = 8000
FRAME = 160
LOUD = 600
"""A tone of amplitude 4000 that comes through measures as about that; silence and others as 0."""
AMPLITUDE = 4000
EVENT_S = 40.0


def alaw(sample: int) -> int:
    """One sample as ITU-T G.711 A-law."""
    magnitude = (sample if sample >= 0 else -sample - 1) >> 4
    exponent = max(0, magnitude.bit_length() - 5)
    mantissa = (magnitude >> exponent) & 15 if exponent else magnitude & 15
    segment = exponent + (1 if magnitude >> 4 else 0)
    code = (segment << 4) | mantissa
    return (code | (0x80 if sample >= 0 else 0)) ^ 0x55


def linear(code: int) -> int:
    """An A-law byte as a sample."""
    code ^= 0x55
    segment, mantissa = (code & 0x70) >> 4, code & 15
    value = ((mantissa << 4) + 8) if not segment else ((mantissa << 4) + 0x108) << (segment - 1)
    return value if code & 0x80 else -value


LINEAR = np.array([linear(code) for code in range(256)])


@cache
def tone(hertz: int) -> bytes:
    """A second of a tone as A-law."""
    return bytes(
        alaw(round(AMPLITUDE * math.sin(2 * math.pi * hertz * n / RATE_HZ))) for n in range(RATE_HZ)
    )


def strength(hertz: int, sound: bytes) -> float:
    """The amplitude of one tone in what was heard (one term of its Fourier transform). Quick, for
    the telephones speak meanwhile."""
    heard = LINEAR[np.frombuffer(sound, np.uint8)]
    wave = np.exp(-2j * np.pi * hertz / RATE_HZ * np.arange(len(heard)))
    return float(2 * abs(heard @ wave) / max(len(heard), 1))


class Ear(Telephone):
    """An RTP socket that speaks its tone all the time and keeps what it hears."""

    def __init__(self, hertz: int) -> None:
        super().__init__()
        self._tone = tone(hertz)
        self._heard = bytearray()
        self._speaking: asyncio.Task[None] | None = None

    def datagram_received(self, data: bytes, addr: object) -> None:
        super().datagram_received(data, addr)
        if data[1] & 0x7F == 8:
            self._heard += data[12:]

    def speak_to(self, port: int) -> None:
        """Speak to this port of 127.0.0.1 from now on."""
        self.connect(port)
        if self._speaking is None:
            self._speaking = asyncio.create_task(self._speak())

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        begun, count = loop.time(), 0
        while True:
            at = count * FRAME % RATE_HZ
            self._send(8, self._tone[at : at + FRAME])
            self._stamp += FRAME
            count += 1
            await asyncio.sleep(max(0.0, begun + count * FRAME_S - loop.time()))

    async def listen_for(self, seconds: float) -> bytes:
        """What comes in during this time."""
        self._heard.clear()
        await asyncio.sleep(seconds)
        return bytes(self._heard)

    async def close(self) -> None:
        """Be silent."""
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.wait({self._speaking})


@dataclass
class Phone:
    """One telephone: `rings`, `answers` by itself after `ring_s` unless told otherwise."""

    name: str
    hertz: int
    own: Address
    ear: Ear
    sipp: Sipp
    answers: bool = True
    ring_s: float = 0.1
    events: list[Event] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def happens(self, word: str, *, times: int = 1, within_s: float = EVENT_S) -> Event:
        """The event of this word (the last of so many)."""
        async with asyncio.timeout(within_s), self._news:
            while True:
                seen = [event for event in self.events if event.word == word]
                if len(seen) >= times:
                    return seen[times - 1]
                await self._news.wait()

    def count(self, word: str) -> int:
        """How often this has happened so far."""
        return sum(event.word == word for event in self.events)

    async def hang_up(self) -> None:
        """End the last call by BYE. Told twice it does nothing more. That it was answered the
        engine may know a moment before this telephone's word is read here."""
        await self.happens("answered")
        last = [event for event in self.events if event.word == "answered"][-1]
        tell(self.own, last.values[0], "MESSAGE")

    async def leave(self) -> None:
        """Hang up, if the other side hasn't; return when that is said."""
        if not (self.count("other_left") or self.count("hung_up")):
            await self.hang_up()
        async with asyncio.timeout(EVENT_S), self._news:
            while not (self.count("other_left") or self.count("hung_up")):
                await self._news.wait()

    def pick_up(self) -> None:
        """Answer what rings (`happens("rang")` is awaited before)."""
        last = [event for event in self.events if event.word == "rang"][-1]
        tell(self.own, last.values[0], "MESSAGE")

    async def watch(self) -> None:
        """Take SIPp's words in until it ends."""
        while event := await self.sipp.next_event():
            if event.word == "answered":
                self.ear.speak_to(int(event.values[1]))
            if event.word == "rang" and self.answers:
                call_id = event.values[0]
                asyncio.get_running_loop().call_later(
                    self.ring_s, tell, self.own, call_id, "MESSAGE"
                )
            async with self._news:
                self.events.append(event)
                self._news.notify_all()


async def hearing(phones: Mapping[str, Phone], seconds: float = 0.5) -> dict[str, set[str]]:
    """Whose tones each of these hears now."""
    heard = await asyncio.gather(*(phone.ear.listen_for(seconds) for phone in phones.values()))
    return {
        name: {
            other
            for other, phone in phones.items()
            if other != name and strength(phone.hertz, sound) > LOUD
        }
        for name, sound in zip(phones, heard, strict=True)
    }


def seat_scenario() -> str:
    """The simulator's seat, its sound coming from elsewhere."""
    text = _audio_only((SCENARIOS / "seat.xml").read_text())
    text = text.replace("[media_port]", "[sound_port]")
    port = '<ereg regexp="m=audio ([0-9]+)" search_in="body" assign_to="media,port"/>'
    text = text.replace('<log message="rang', f'{port}\n      <log message="rang', 1)
    text = text.replace("uri,address", "uri,address,media")
    return text.replace('"answered [call_id] [$seat] [$caller]"', '"answered [call_id] [$port]"')


def citizen_scenario() -> str:
    """The simulator's citizen; his call's id is told with the answer."""
    text = _audio_only((SCENARIOS / "citizen.xml").read_text())
    return text.replace('"answered [$sound_ip] [$sound_port]', _ANSWERED)


_ANSWERED = '"answered [call_id] [$sound_port] [$sound_ip]'


def _audio_only(scenario: str) -> str:
    return scenario.replace("[sdp_end]", "a=ptime:20")


@contextlib.asynccontextmanager
async def phone(
    name: str,
    hertz: int,
    *,
    ip: str,
    scenario: str,
    port: int = 0,
    to: Address | None = None,
    keys: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> AsyncIterator[Phone]:
    """A telephone with this tone; with `to` it calls there at once."""
    loop = asyncio.get_running_loop()
    own = Address(ip, port or free_port(ip))
    transport, ear = await loop.create_datagram_endpoint(lambda: Ear(hertz), local_addr=(ip, 0))
    with tempfile.TemporaryDirectory(prefix="hl-phone-") as folder:
        file = Path(folder) / "scenario.xml"
        file.write_text(scenario)
        codec = {"codec": "8", "codec_name": "PCMA", "sound_port": str(ear.port)}
        words = command(file, own, to=to, keys={**codec, **(keys or {})}, options=options)
        sipp = Sipp(words, Path(folder), name)
        made = Phone(name, hertz, own, ear, sipp)
        try:
            await sipp.start()
            watching = asyncio.create_task(made.watch())
            if to is None:
                await sipp.listening(own)
            yield made
        finally:
            await ear.close()
            transport.close()
            await sipp.stop()
            await watching
