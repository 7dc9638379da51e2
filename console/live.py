"""Live boards over WebSocket: a snapshot on connect, then what changed, encoded once for all.

Every `FLUSH_S` the watched tenants are read, compared with what was last sent, and the
difference goes to every client's bounded outbox. Nothing runs while nobody watches.
"""

import asyncio
import json
import socket
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from console.board import Json, Moment, groups, head, iso, tile
from console.metrics import Metrics
from queue_manager.model import SeatView

FLUSH_S = 0.25
BEAT_S = 5.0
MOST_CLIENTS = 1_000
OUTBOX_MESSAGES = 64
SEND_BUFFER_BYTES = 64 * 1024
KERNEL_BUFFER_BYTES = 256 * 1024
SHARE = 19
"""Flushing may take a twentieth of the time: the larger the city, the slower its boards."""
LONGEST_REST_S = 2.0
_NEVER_SENT = object()

log = structlog.get_logger(__name__)


def encode(message: Json) -> bytes:
    """One text frame's payload."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


class Client:
    """One connection's outbox and the task that empties it."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._ws = ws
        self._transport = transport
        self._outbox: deque[bytes] = deque()
        self._filled = asyncio.Event()
        transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)
        link = transport.get_extra_info("socket")
        if link is not None:  # else the kernel would hold megabytes for a client that sleeps
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)

    def offer(self, message: bytes) -> bool:
        """Put a message in the outbox; False when the client is too far behind."""
        if len(self._outbox) >= OUTBOX_MESSAGES:
            return False
        self._outbox.append(message)
        self._filled.set()
        return True

    def cut(self) -> None:
        """End the connection at once, whatever is unsent."""
        self._transport.abort()

    async def pump(self) -> None:
        """Send the outbox for as long as the connection lives."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._outbox:
                await self._ws.send_frame(self._outbox.popleft(), WSMsgType.TEXT)


@dataclass(slots=True)
class _Topic:
    """One tenant's board as last sent, and who watches it."""

    clients: set[Client] = field(default_factory=set)
    seq: int = 0
    head: Json = field(default_factory=dict)
    seats: dict[str, SeatView] = field(default_factory=dict)
    groups: dict[str, Json] = field(default_factory=dict)
    at: str = ""
    sent_s: float = 0.0
    board: bytes = b""
    unreadable: bool = False

    def take(self, moment: Moment) -> Json | None:
        """Keep the moment; the changes since the last one, or None when there are none."""
        new_head = head(moment)
        changed = {k: v for k, v in new_head.items() if self.head.get(k, _NEVER_SENT) != v}
        new_seats = {view.seat.seat_id: view for view in moment.seats}
        moved = [view for view in moment.seats if self._moved(view)]
        gone = [seat_id for seat_id in self.seats if seat_id not in new_seats]
        new_groups = groups(moment)
        regrouped = [g for id_, g in new_groups.items() if self.groups.get(id_) != g]
        ungrouped = [id_ for id_ in self.groups if id_ not in new_groups]
        self.head, self.seats, self.groups, self.at = (
            new_head, new_seats, new_groups, iso(moment.at),
        )  # fmt: skip
        if not (changed or moved or gone or regrouped or ungrouped):
            return None
        self.board = b""
        self.seq += 1
        return {
            "type": "changes", "seq": self.seq, "at": self.at, "set": changed,
            "seats": [tile(view) for view in moved], "seats_gone": gone,
            "groups": regrouped, "groups_gone": ungrouped,
        }  # fmt: skip

    def _moved(self, view: SeatView) -> bool:
        before = self.seats.get(view.seat.seat_id)
        return before is not view and before != view

    def whole(self) -> bytes:
        """The snapshot as of the last flush; the board is encoded once however many connect."""
        if not self.board:
            seats = [tile(view) for view in self.seats.values()]
            self.board = encode({**self.head, "seats": seats, "groups": list(self.groups.values())})
        opening = encode({"type": "snapshot", "seq": self.seq, "at": self.at})
        return opening[:-1] + b',"board":' + self.board + b"}"


class Live:
    """Fans boards out. `read` gives a tenant's present moment, in memory and at once."""

    def __init__(self, read: Callable[[str], Moment], metrics: Metrics, flush_s: float) -> None:
        self._read = read
        self._metrics = metrics
        self._flush_s = flush_s
        self._topics: dict[str, _Topic] = {}
        self._watched = asyncio.Event()
        self.sockets: set[web.WebSocketResponse] = set()

    @property
    def full(self) -> bool:
        """Whether no further connection can be served."""
        return len(self.sockets) >= MOST_CLIENTS

    def join(self, tenant: str, client: Client) -> None:
        """Add a client; the snapshot is its first message."""
        topic = self._topics.get(tenant)
        if topic is None:
            topic = _Topic(sent_s=asyncio.get_running_loop().time())
            topic.take(self._read(tenant))
            self._topics[tenant] = topic
        client.offer(topic.whole())
        topic.clients.add(client)
        self._watched.set()

    def leave(self, tenant: str, client: Client) -> None:
        """Forget a client; safe to call twice."""
        topic = self._topics.get(tenant)
        if topic is None:
            return
        topic.clients.discard(client)
        if not topic.clients:
            del self._topics[tenant]
        if not self._topics:
            self._watched.clear()

    async def close(self) -> None:
        """Tell every client that the server goes away."""
        closing = [ws.close(code=WSCloseCode.GOING_AWAY) for ws in self.sockets]
        await asyncio.gather(*closing, return_exceptions=True)

    async def run(self) -> None:
        """Flush for ever; a tenant that can't be read is logged once and tried again."""
        loop = asyncio.get_running_loop()
        while True:
            await self._watched.wait()
            began_s = loop.time()
            for tenant, topic in list(self._topics.items()):
                try:
                    self._flush(tenant, topic, loop.time())
                    topic.unreadable = False
                except Exception:
                    if not topic.unreadable:
                        log.exception("board_unreadable", tenant=tenant)
                    topic.unreadable = True
            rest_s = min(LONGEST_REST_S, SHARE * (loop.time() - began_s))
            await asyncio.sleep(max(self._flush_s, rest_s))

    def _flush(self, tenant: str, topic: _Topic, now_s: float) -> None:
        changes = topic.take(self._read(tenant))
        if changes is None:
            if now_s - topic.sent_s < BEAT_S:
                return
            changes = {"type": "beat", "seq": topic.seq, "at": topic.at}
        topic.sent_s = now_s
        for client in self._behind(topic, encode(changes)):
            self._metrics.live_dropped()
            log.warning("live_client_dropped", tenant=tenant)
            self.leave(tenant, client)
            client.cut()

    @staticmethod
    def _behind(topic: _Topic, message: bytes) -> Iterator[Client]:
        for client in list(topic.clients):
            if not client.offer(message):
                yield client


LIVE = web.AppKey("live", Live)
