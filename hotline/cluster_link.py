"""The wire between two engines: TCP, both ends prove that they know the cluster's secret.

A greeting of three lines, then messages. Each line carries its own proof (HMAC-SHA256 with a key
of this connection, over a running number and the text), so that nothing can be put in, changed,
left out or played again; it isn't encrypted, and no phone number is ever in it. Everything is
bounded: the greeting in time, a line in length, silence in time, what waits to be sent in bytes.
"""

import asyncio
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from pydantic import TypeAdapter, ValidationError

from queue_manager.cluster.messages import BadMessage, Beat, Message, decoded, encoded

GREETING_S = 2.0
BEAT_S = 0.5
SILENCE_S = 2.0
LINE_LIMIT = 512 * 1024
BACKLOG_LIMIT = 8 * 1024 * 1024
STRANGERS_LIMIT = 16
ACCEPT_TURNS = 8
"""More turns of the loop than lie between accepting somebody and the first step of `_connected`."""
PROOF_BYTES = 16
TURN = 200
"""Messages taken in before everybody else on the loop gets their turn."""

log = structlog.get_logger(__name__)


class LinkBroken(Exception):
    """The connection is over, or never came to be; the text says why."""


BROKEN = (OSError, EOFError, ValueError, asyncio.LimitOverrunError, LinkBroken)


@dataclass(frozen=True, slots=True)
class Greeting:
    """Who speaks: its node, which of the node's engines (`life` is one process), the largest term
    it has heard of, and whether it leads with that term."""

    node: str
    life: str
    term: int
    leads: bool = False


_GREETING = TypeAdapter(Greeting)
Answer = Callable[[Greeting], Greeting]


class Link:
    """An authenticated connection to `peer`. `send` never waits; `run` until it is over."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: Greeting,
        sending: bytes,
        receiving: bytes,
    ) -> None:
        self.peer = peer
        self._reader = reader
        self._writer = writer
        self._sending = sending
        self._receiving = receiving
        self._sent = self._received = 0
        self._heard_s = self._spoke_s = asyncio.get_running_loop().time()
        self._why = ""
        self.joined: tuple[str, ...] = ()

    @property
    def open(self) -> bool:
        """False once it is over: what is sent then is lost."""
        return not self._why

    def send(self, message: Message) -> None:
        """Send it, if the link is open. A peer that doesn't read any more loses the link."""
        if self._why:
            return
        text = encoded(message)
        self._writer.write(_proof(self._sending, self._sent, text) + b" " + text + b"\n")
        self._sent += 1
        self._spoke_s = asyncio.get_running_loop().time()
        if self._writer.transport.get_write_buffer_size() > BACKLOG_LIMIT:
            self.close("peer_does_not_read")

    def close(self, why: str) -> None:
        """End it; what was sent before still goes out."""
        if not self._why:
            self._why = why
            self._writer.close()

    async def run(self, take: Callable[[Message], None]) -> str:
        """Take messages in until the link is over; why it is."""
        beating = asyncio.create_task(self._beat(), name=f"link-beat-{self.peer.node}")
        try:
            await self._read(take)
        except BROKEN as error:
            self.close(_reason(error))
        finally:
            beating.cancel()
            self.close("ended")
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await asyncio.wait({beating})
        return self._why

    async def _read(self, take: Callable[[Message], None]) -> None:
        in_turn = 0
        while not self._why:
            message = self._opened(await self._reader.readuntil(b"\n"))
            self._heard_s = asyncio.get_running_loop().time()
            if not self._why:
                take(message)
            in_turn += 1
            if in_turn == TURN:
                in_turn = 0
                await asyncio.sleep(0)

    def _opened(self, line: bytes) -> Message:
        proof, _, text = line[:-1].partition(b" ")
        if not hmac.compare_digest(proof, _proof(self._receiving, self._received, text)):
            raise LinkBroken("line_without_proof")
        self._received += 1
        return decoded(text)

    async def _beat(self) -> None:
        """Say something now and then; close when nothing is heard. A loop of ours that was stuck
        is no silence of theirs."""
        loop = asyncio.get_running_loop()
        while not self._why:
            before = loop.time()
            await asyncio.sleep(BEAT_S)
            now = loop.time()
            if now - before > 2 * BEAT_S:
                self._heard_s = now
            elif now - self._heard_s > SILENCE_S:
                self.close("silence")
                self._writer.transport.abort()
            elif now - self._spoke_s >= BEAT_S:
                self.send(Beat(datetime.now(UTC), self.joined))


class LinkServer:
    """Where other engines connect to. `answer` says what we are to whoever greets us; `serve`
    leads a link that was taken up, until it is over (only when we lead by our own word)."""

    def __init__(
        self,
        address: tuple[str, int],
        key: bytes,
        answer: Answer,
        serve: Callable[[Link], Awaitable[None]],
    ) -> None:
        self._address = address
        self._key = key
        self._answer = answer
        self._serve = serve
        self._strangers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._sessions: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; raises OSError when the address can't be had."""
        host, port = self._address
        self._server = await asyncio.start_server(self._connected, host, port, limit=LINE_LIMIT)

    async def close(self) -> None:
        """Stop listening and end every session."""
        if self._server is not None:
            for listening in self._server.sockets:
                asyncio.get_running_loop().remove_reader(listening.fileno())
            # Who was accepted just now is ended, too. Closed before that, the server of Python 3.11
            # would leave him to the garbage collector.
            for _ in range(ACCEPT_TURNS):
                await asyncio.sleep(0)
            self._server.close()
        tasks = [*self._sessions, *self._strangers]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GREETING_S)
        await asyncio.sleep(0)  # the closed sockets go in the loop's next turn

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._strangers[task] = writer
        if len(self._strangers) > STRANGERS_LIMIT:
            next(iter(self._strangers.values())).transport.abort()
        try:
            link = await self._greet(reader, writer)
            del self._strangers[task]
            if link is not None:
                self._sessions.add(task)
                await self._serve(link)
        except BROKEN as error:
            log.warning("cluster_peer_refused", reason=_reason(error))
        except Exception:
            log.exception("cluster_session_failed")
        finally:
            self._strangers.pop(task, None)
            self._sessions.discard(task)
            writer.close()

    async def _greet(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Link | None:
        mine = secrets.token_hex(16).encode()
        writer.write(mine + b"\n")
        async with asyncio.timeout(GREETING_S):
            theirs, proof, text = _three(await reader.readuntil(b"\n"))
            if not hmac.compare_digest(proof, _tag(self._key, b"hello", mine, theirs, text)):
                raise LinkBroken("wrong_secret")
            peer = _greeting(text)
            answer = self._answer(peer)
            said = _GREETING.dump_json(answer)
            writer.write(_tag(self._key, b"welcome", mine, theirs, said) + b" " + said + b"\n")
            await writer.drain()
        if not answer.leads:
            return None
        down, up = (_tag(self._key, way, mine, theirs, b"") for way in (b"down", b"up"))
        return Link(reader, writer, peer, down, up)


async def connect(address: tuple[str, int], key: bytes, me: Greeting) -> tuple[Greeting, Link]:
    """Greet the engine at `address`: what it says, and a link, which is closed unless it leads.

    Raises LinkBroken when nobody is there, or nobody who knows the secret.
    """
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(GREETING_S):
            reader, writer = await asyncio.open_connection(*address, limit=LINE_LIMIT)
            theirs = (await reader.readuntil(b"\n"))[:-1]
            mine = secrets.token_hex(16).encode()
            said = _GREETING.dump_json(me)
            tag = _tag(key, b"hello", theirs, mine, said)
            writer.write(b" ".join((mine, tag, said)) + b"\n")
            proof, _, text = (await reader.readuntil(b"\n"))[:-1].partition(b" ")
        if not hmac.compare_digest(proof, _tag(key, b"welcome", theirs, mine, text)):
            raise LinkBroken("wrong_secret")
        peer = _greeting(text)
        down, up = (_tag(key, way, theirs, mine, b"") for way in (b"down", b"up"))
        link = Link(reader, writer, peer, up, down)
        if not peer.leads:
            link.close("does_not_lead")
        return peer, link
    except BROKEN as error:
        if writer is not None:
            writer.close()
        raise LinkBroken(f"{address[0]}:{address[1]}: {_reason(error)}") from error
    except asyncio.CancelledError:
        if writer is not None:
            writer.close()
        raise


def _three(line: bytes) -> tuple[bytes, bytes, bytes]:
    parts = line[:-1].split(b" ", 2)
    if len(parts) != 3:
        raise LinkBroken("no_greeting")
    return parts[0], parts[1], parts[2]


def _greeting(text: bytes) -> Greeting:
    try:
        return _GREETING.validate_json(text)
    except ValidationError as error:
        raise LinkBroken("no_greeting") from error


def _proof(key: bytes, number: int, text: bytes) -> bytes:
    digest = hmac.digest(key, number.to_bytes(8, "big") + text, hashlib.sha256)
    return digest[:PROOF_BYTES].hex().encode()


def _tag(key: bytes, *parts: bytes) -> bytes:
    joined = b"\n".join(parts)
    return hmac.digest(key, joined, hashlib.sha256).hex().encode()


def _reason(error: BaseException) -> str:
    match error:
        case LinkBroken():
            return str(error)
        case BadMessage():
            return f"bad_message: {error}"
        case TimeoutError():
            return "too_slow"
        case asyncio.LimitOverrunError():
            return "line_too_long"
        case EOFError():
            return "closed"
        case _:
            return str(error) or type(error).__name__
