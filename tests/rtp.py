"""A telephone's sound for tests: A-law RTP and RFC 4733 digits, when the test wants them."""

import asyncio
import contextlib
import random
import struct
from collections.abc import AsyncIterator
from typing import cast

FRAME_S = 0.02
FRAME_SAMPLES = 160
SILENCE = bytes([0xD5] * 160)
TONE = bytes([0xD5, 0x34] * 80)
EVENTS = "0123456789*#"
EVENT_PAYLOAD = 101


class Telephone(asyncio.DatagramProtocol):
    """One RTP socket. `received` counts the packets that came."""

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0
        self._to: tuple[str, int] | None = None
        self._sequence = random.randrange(30000)
        self._stamp = random.randrange(1 << 30)
        self._source = random.randrange(1 << 32)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.received += 1

    @property
    def port(self) -> int:
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def connect(self, port: int) -> None:
        """Send to this port of 127.0.0.1 from now on."""
        self._to = ("127.0.0.1", port)

    async def speak(self, seconds: float, sound: bytes = TONE) -> None:
        """Send sound, a packet each 20 ms; the time it takes is the time it lasts."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for count in range(round(seconds / FRAME_S)):
            self._send(8, sound)
            self._stamp += FRAME_SAMPLES
            await asyncio.sleep(max(0.0, begun + (count + 1) * FRAME_S - loop.time()))

    async def listen(self, seconds: float) -> None:
        """Be silent as telephones are: packets of silence."""
        await self.speak(seconds, SILENCE)

    def hush(self, seconds: float) -> None:
        """Let media time go on without packets (silence suppression)."""
        self._stamp += round(seconds * 8000)

    async def press(self, digits: str) -> None:
        """Press keys: 100 ms each, 100 ms of sound between."""
        for digit in digits:
            for step in range(1, 9):
                end = 0x80 if step > 5 else 0
                event = struct.pack(
                    "!BBH", EVENTS.index(digit), end | 10, min(step, 6) * FRAME_SAMPLES
                )
                self._send(EVENT_PAYLOAD, event, marker=step == 1)
                await asyncio.sleep(FRAME_S)
            self._stamp += 8 * FRAME_SAMPLES
            await self.speak(0.1)

    def _send(self, payload: int, data: bytes, *, marker: bool = False) -> None:
        assert self._transport is not None, "the socket isn't open"
        assert self._to is not None, "connect() first"
        self._sequence = (self._sequence + 1) & 0xFFFF
        kind = payload | (0x80 if marker else 0)
        stamp = self._stamp & 0xFFFFFFFF
        head = struct.pack("!BBHII", 0x80, kind, self._sequence, stamp, self._source)
        self._transport.sendto(head + data, self._to)
        self.sent += 1


@contextlib.asynccontextmanager
async def telephone(local: str = "127.0.0.2") -> AsyncIterator[Telephone]:
    """An open RTP socket on a free port of `local`."""
    loop = asyncio.get_running_loop()
    transport, phone = await loop.create_datagram_endpoint(Telephone, local_addr=(local, 0))
    try:
        yield phone
    finally:
        transport.close()
