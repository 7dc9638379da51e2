"""What a telephone sends: RTP (RFC 3550) with voice, and digits as events (RFC 4733).

`Speaker` is pure: the caller gives it a tick each 20 ms and sends what comes back. The same
stream goes out live (`simulator.sound`) or into a capture file for SIPp (`write_pcap`).
"""

import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simulator.audio import Codec, silence

TICK_S = 0.02
SAMPLES_PER_TICK = 160
EVENT_TYPE = 101
VIDEO_TYPE = 96
EVENTS = "0123456789*#"
DIGIT_TICKS = 6
GAP_TICKS = 4
END_REPEATS = 3
EVENT_VOLUME = 10
PAYLOAD_TYPES: dict[Codec, int] = {"ulaw": 0, "alaw": 8}
SDP_NAMES: dict[Codec, str] = {"ulaw": "PCMU", "alaw": "PCMA"}


def sdp_end(video_port: int = 0, video_type: int = VIDEO_TYPE) -> str:
    """The end of a telephone's SDP; with a port it has video, too (VP8)."""
    lines = ["a=ptime:20"]
    if video_port:
        lines += [f"m=video {video_port} RTP/AVP {video_type}"]
        lines += [f"a=rtpmap:{video_type} VP8/90000"]
    return "\r\n".join(lines)


@dataclass(slots=True)
class Speaker:
    """One outgoing stream. `voice` is G.711 played once (`loop`: over and over), then silence. Of
    `lose_each` packets (0: none) one is lost on the way."""

    codec: Codec
    voice: bytes = b""
    loop: bool = False
    ssrc: int = 0x12345
    sequence: int = 0
    timestamp: int = 0
    lose_each: int = 0
    _position: int = 0
    _started: bool = False
    _digits: deque[str] = field(default_factory=deque)
    _event: tuple[int, int] | None = None
    _pressed_ticks: int = 0
    _gap: int = 0

    def press(self, digits: str) -> None:
        """Queue digits; raises ValueError for what a telephone has no key for."""
        wrong = [digit for digit in digits if digit not in EVENTS]
        if wrong:
            raise ValueError(f"no key {wrong[0]!r} on a telephone (keys: {EVENTS})")
        self._digits.extend(digits)

    def say(self, voice: bytes, *, loop: bool = False) -> None:
        """Speak something else from now on."""
        self.voice, self.loop, self._position = voice, loop, 0

    def tick(self) -> tuple[bytes, ...]:
        """The packets of the next 20 ms: one, or the repeated end of a digit."""
        packets = self._digit_packets() or (self._voice_packet(),)
        self.timestamp = (self.timestamp + SAMPLES_PER_TICK) & 0xFFFFFFFF
        lost = self.lose_each and self.sequence % self.lose_each == 0
        return () if lost else packets

    def _digit_packets(self) -> tuple[bytes, ...]:
        if self._event is None:
            if self._gap or not self._digits:
                self._gap = max(0, self._gap - 1)
                return ()
            self._event = EVENTS.index(self._digits.popleft()), self.timestamp
            self._pressed_ticks = 0
        code, began = self._event
        self._pressed_ticks += 1
        ended = self._pressed_ticks == DIGIT_TICKS
        duration = self._pressed_ticks * SAMPLES_PER_TICK
        body = struct.pack("!BBH", code, (0x80 if ended else 0) | EVENT_VOLUME, duration)
        first = self._pressed_ticks == 1
        if ended:
            self._event, self._gap = None, GAP_TICKS
        copies = END_REPEATS if ended else 1
        return tuple(self._packet(EVENT_TYPE, began, body, marker=first) for _ in range(copies))

    def _voice_packet(self) -> bytes:
        frame = self.voice[self._position : self._position + SAMPLES_PER_TICK]
        self._position += SAMPLES_PER_TICK
        if self.loop and self.voice and self._position >= len(self.voice):
            self._position = 0
        frame = frame.ljust(SAMPLES_PER_TICK, bytes([silence(self.codec)]))
        first, self._started = not self._started, True
        return self._packet(PAYLOAD_TYPES[self.codec], self.timestamp, frame, marker=first)

    def _packet(self, kind: int, timestamp: int, body: bytes, *, marker: bool) -> bytes:
        head = struct.pack(
            "!BBHII", 0x80, (0x80 if marker else 0) | kind, self.sequence, timestamp, self.ssrc
        )
        self.sequence = (self.sequence + 1) & 0xFFFF
        return head + body


def script(
    speaker: Speaker, seconds: float, digits: Sequence[tuple[float, str]] = ()
) -> list[tuple[float, bytes]]:
    """A whole stream as (seconds since its start, packet), each digit pressed at its time."""
    waiting = deque(sorted(digits))
    packets: list[tuple[float, bytes]] = []
    for tick in range(round(seconds / TICK_S)):
        at_s = tick * TICK_S
        while waiting and waiting[0][0] <= at_s:
            speaker.press(waiting.popleft()[1])
        packets += [(at_s, packet) for packet in speaker.tick()]
    return packets


def write_pcap(path: Path, packets: Sequence[tuple[float, bytes]]) -> None:
    """A capture file (libpcap 2.4, Ethernet) that SIPp's `play_pcap_audio` plays."""
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at_s, packet in packets:
            frame = _udp_frame(packet)
            seconds, microseconds = divmod(round(at_s * 1_000_000), 1_000_000)
            out.write(struct.pack("<IIII", seconds, microseconds, len(frame), len(frame)))
            out.write(frame)


def _udp_frame(packet: bytes) -> bytes:
    """Ethernet, IPv4 and UDP headers around a packet; SIPp puts its own addresses in."""
    udp = struct.pack("!HHHH", 6000, 6000, 8 + len(packet), 0)
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 28 + len(packet), 0, 0, 64, 17, 0, b"\x7f\0\0\2", b"\x7f\0\0\1"
    )
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    checked = head[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[12:]
    return bytes(12) + b"\x08\x00" + checked + udp + packet
