"""A telephone's ear and mouth on a UDP port: plays a `Speaker` live and counts what it hears."""

import asyncio
import socket
from dataclasses import dataclass

from simulator.rtp import TICK_S, Speaker

LOUD = 24
HEADER = 12


@dataclass(slots=True)
class Heard:
    """What came in: `packets` of 20 ms, `voiced` of them louder than silence."""

    packets: int = 0
    voiced: int = 0

    @property
    def seconds(self) -> float:
        """Length of all sound that arrived."""
        return self.packets * TICK_S

    @property
    def voiced_s(self) -> float:
        """Length of the sound that wasn't silence."""
        return self.voiced * TICK_S


class Sound(asyncio.DatagramProtocol):
    """Sound of one call. `open` binds a port; `talk_to` starts sending, `close` ends all."""

    def __init__(self, speaker: Speaker) -> None:
        self.speaker = speaker
        self.heard = Heard()
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._to: tuple[str, int] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next_at = 0.0
        self._listeners: list[tuple[int, asyncio.Future[None]]] = []

    async def open(self, ip: str) -> None:
        """Bind an even port of this address (RFC 3550 section 11), the odd one stays free."""
        loop = asyncio.get_running_loop()
        bound = _even_port(ip)
        self.port = bound.getsockname()[1]
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=bound)

    def talk_to(self, ip: str, port: int) -> None:
        """Send a packet each 20 ms from now on."""
        self._to = (ip, port)
        self._next_at = asyncio.get_running_loop().time()
        self._tick()

    def more_voice(self, seconds: float) -> asyncio.Future[None]:
        """Done when so much more sound that isn't silence has come in; cancelled by `close`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listeners.append((self.heard.voiced + round(seconds / TICK_S), future))
        return future

    def _notify(self) -> None:
        for count, future in self._listeners:
            if count <= self.heard.voiced and not future.done():
                future.set_result(None)
        self._listeners = [pair for pair in self._listeners if not pair[1].done()]

    def close(self) -> None:
        """Stop sending and free the port; safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
        for _, future in self._listeners:
            future.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        if self._transport is None:
            return
        while self._next_at <= loop.time():
            for packet in self.speaker.tick():
                self._transport.sendto(packet, self._to)
            self._next_at += TICK_S
        self._timer = loop.call_at(self._next_at, self._tick)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Count a packet; loudness by G.711's own order: small codes are near silence."""
        self.heard.packets += 1
        body = data[HEADER:]
        if len(set(body)) > LOUD:
            self.heard.voiced += 1
            self._notify()

    def error_received(self, exc: Exception) -> None:
        """A port that nobody holds any more: the call is ending, its signalling tells."""


def _even_port(ip: str) -> socket.socket:
    while True:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind((ip, 0))
        if bound.getsockname()[1] % 2 == 0:
            return bound
        bound.close()
