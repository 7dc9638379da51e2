"""Load: many citizens call many seats by themselves (SIPp), for a burst of seconds.

SIPp plays the citizens' sound from a capture file through a raw socket: that needs root.
"""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.audio import Codec, speech_like
from simulator.errors import SimulatorError
from simulator.rings import Message, parse_trace
from simulator.rtp import PAYLOAD_TYPES, SDP_NAMES, Speaker, script, write_pcap
from simulator.sipp import SCENARIOS, Address, Sipp, Statistics, command, free_media_port, free_port

SOUND_S = 60.0
TALK_MS = (1000, 2000)
VOICE_S = 2.0
LONGEST_CALL_S = 60.0
DRAIN_S = 60.0
"""Longer than SIPp asks again for an unanswered BYE (11 times, 36 s): what lasts longer hangs."""
FIRST_NUMBER = 13800000000


class NoRawSockets(SimulatorError):
    """The load generator may not send the citizens' sound."""

    error_id = "simulator.no_raw_sockets"


@dataclass(frozen=True, slots=True)
class Burst:
    """`calls` citizens at `rate` per second. `seats` telephones take them; `trace` their SIP.

    `hold_s` is how long a citizen stays at most; without seats that is how long he waits.
    A seat talks between the two `talk_ms`. `drain_s` is how long SIPp may need after all that.
    """

    calls: int
    rate: float
    trace: bool = False
    hold_s: float = LONGEST_CALL_S
    talk_ms: tuple[int, int] = TALK_MS
    drain_s: float = DRAIN_S


@dataclass(frozen=True, slots=True)
class BurstResult:
    """What both ends counted: `citizens` and `seats` (talks that ended well are `successful`)."""

    citizens: Statistics
    seats: Statistics
    citizens_trace: Sequence[Message]
    seats_trace: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who calls whom: from `ip` to `number` at `sip`; the seats' telephones are at `seats`."""

    ip: str
    number: str
    sip: Address
    seats: Address
    codec: Codec = "ulaw"

    @property
    def codec_keys(self) -> dict[str, str]:
        return {"codec": str(PAYLOAD_TYPES[self.codec]), "codec_name": SDP_NAMES[self.codec]}


def raw_sockets_allowed() -> None:
    """Raises NoRawSockets unless this process may open raw sockets, as SIPp must."""
    if os.geteuid() != 0:
        raise NoRawSockets("the load test must be run as root: SIPp sends sound by raw sockets")


def write_sound(path: Path, codec: Codec, digits: Sequence[tuple[float, str]]) -> None:
    """The capture file every citizen of a burst plays: voice, with digits at their times."""
    speaker = Speaker(codec, voice=speech_like(VOICE_S, codec), loop=True)
    write_pcap(path, script(speaker, SOUND_S, digits))


def write_quiet_sound(
    path: Path, codec: Codec, digits: Sequence[tuple[float, str]], lasts_s: float = SOUND_S
) -> None:
    """As `write_sound`, but after the digits only a packet each second: many may wait with it."""
    speaker = Speaker(codec, voice=speech_like(VOICE_S, codec), loop=True)
    talked_s = max(at for at, _ in digits) + 1.0
    packets = script(speaker, lasts_s, digits)
    write_pcap(path, [p for i, p in enumerate(packets) if p[0] < talked_s or i % 50 == 0])


async def run_burst(burst: Burst, crowd: Crowd, sound: Path, folder: Path) -> BurstResult:
    """One burst from the first call to the last BYE; files go to `folder` (made anew)."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    seats = seats_of(burst, crowd, folder)
    citizens = citizens_of(burst, crowd, sound, folder)
    async with seats:
        await seats.listening(crowd.seats)
        async with citizens:
            await citizens.done(burst.calls / burst.rate + burst.hold_s + burst.drain_s)
        await seats.finish(DRAIN_S)
    return BurstResult(
        citizens=citizens.statistics(),
        seats=seats.statistics(),
        citizens_trace=citizens_trace(folder) if burst.trace else (),
        seats_trace=_trace(folder, "seats") if burst.trace else (),
    )


def _traced(burst: Burst, folder: Path, name: str) -> list[str]:
    """SIPp's options for a trace of its messages, a line each."""
    file = str(folder / f"{name}.trace")
    return ["-trace_shortmsg", "-shortmessage_file", file] if burst.trace else []


def citizens_trace(folder: Path) -> Sequence[Message]:
    """The citizens' SIP messages so far of the burst, a traced one, that writes to `folder`."""
    return _trace(folder, "citizens")


def _trace(folder: Path, name: str) -> Sequence[Message]:
    return parse_trace((folder / f"{name}.trace").read_text().splitlines())


def seats_of(burst: Burst, crowd: Crowd, folder: Path) -> Sipp:
    """The telephones of a burst, not started yet."""
    options = ["-rtp_echo", "-mp", str(free_media_port(crowd.seats.ip)), "-aa", "-timeout", "3600"]
    options += _traced(burst, folder, "seats")
    shortest, longest = burst.talk_ms
    scenario = folder / "load_seat.xml"
    text = (SCENARIOS / "load_seat.xml").read_text()
    text = text.replace("@SHORTEST@", str(shortest)).replace("@LONGEST@", str(longest))
    scenario.write_text(text)
    words = command(scenario, crowd.seats, keys=crowd.codec_keys, options=options)
    return Sipp(words, folder, "seats")


def citizens_of(burst: Burst, crowd: Crowd, sound: Path, folder: Path) -> Sipp:
    """The citizens of a burst, not started yet."""
    numbers = folder / "numbers.csv"
    lines = [f"{FIRST_NUMBER + index};" for index in range(burst.calls)]
    numbers.write_text("\n".join(["SEQUENTIAL", *lines]) + "\n")
    scenario = folder / "load_citizen.xml"
    text = (SCENARIOS / "load_citizen.xml").read_text()
    scenario.write_text(text.replace("@SOUND@", str(sound)))
    own = Address(crowd.ip, free_port(crowd.ip))
    options = ["-inf", str(numbers), "-m", str(burst.calls), "-r", f"{burst.rate:g}"]
    options += ["-l", str(burst.calls), "-d", f"{burst.hold_s * 1000:.0f}"]
    options += ["-mp", str(free_media_port(crowd.ip)), "-timeout", "3600"]
    options += _traced(burst, folder, "citizens")
    keys = crowd.codec_keys | {"called": crowd.number}
    words = command(scenario, own, to=crowd.sip, keys=keys, options=options)
    return Sipp(words, folder, "citizens")
