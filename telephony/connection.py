"""One FastAGI connection: bytes in, lines matched to commands, every way it can end.

A Protocol, not streams: a waiting caller costs half the memory and each command one wake-up less.
What panoramisk's handler does wrong is guarded here: end of file before the header, endless
headers and lines, `HANGUP` between replies, 520 usage texts of many lines.
"""

import asyncio
from typing import Protocol, cast

import structlog

from telephony import counters
from telephony.agi import parse_header
from telephony.errors import CallEnded, PeerError

HEADER_LIMIT_BYTES = 16_384
LINE_LIMIT_BYTES = 16_384
MAGIC = b"agi_"

log = structlog.get_logger(__name__)


class Server(Protocol):
    """What a connection needs of its server."""

    def opened(self, connection: "AgiConnection") -> None: ...

    def greeted(self, connection: "AgiConnection", header: dict[str, str]) -> None: ...

    def closed(self, connection: "AgiConnection") -> None: ...


class AgiConnection(asyncio.Protocol):
    """One AGI session's wire. `gone` is done as soon as nothing more can be said to the caller."""

    __slots__ = (
        "_buffer",
        "_command",
        "_greeted",
        "_loop",
        "_owed",
        "_server",
        "_transport",
        "_usage",
        "ended_by",
        "gone",
    )

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._greeted = False
        self._command: asyncio.Future[str] | None = None
        self._owed = 0
        self._usage: list[str] = []
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.ended_by = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._greeted and not self.ended_by:
            counters.AGI_REFUSED.labels("closed_before_header").inc()
        self._end("closed" if exc is None else "reset")
        self._server.closed(self)

    def data_received(self, data: bytes) -> None:
        if self.ended_by:
            return
        data = self._buffer + data if self._buffer else data
        if not self._greeted:
            data = self._take_header(data)
        if self._greeted:
            data = self._take_lines(data)
        self._buffer = b"" if self.ended_by else data

    async def command(self, line: bytes, timeout_s: float | None) -> str:
        """Send one command and wait for its answer.

        Raises CallEnded when the caller is gone, PeerError when no answer comes in time or it is
        a usage error. A cancelled command's answer is still awaited and thrown away, so that the
        next command gets its own.
        """
        if self.ended_by:
            raise CallEnded(self.ended_by)
        if self._command is not None:
            raise RuntimeError("two AGI commands at once in one call")
        assert self._transport is not None
        answer: asyncio.Future[str] = self._loop.create_future()
        self._command = answer
        late = None if timeout_s is None else self._loop.call_later(timeout_s, self._late, line)
        self._transport.write(line)
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.cancelled() and self._command is answer:
                self._owed += 1
            raise
        finally:
            self._command = None
            if late is not None:
                late.cancel()

    def last_word(self, line: bytes) -> None:
        """Send a command and close without waiting for its answer; raises as `command`."""
        if self.ended_by:
            raise CallEnded(self.ended_by)
        assert self._transport is not None
        self._transport.write(line)
        self._end("finished")

    def end(self, reason: str) -> None:
        """Close from our side; what waits here raises CallEnded."""
        self._end(reason)

    def cut_off(self) -> None:
        """Close without waiting for the peer to read what was written."""
        self._end("cut_off")
        if self._transport is not None:
            self._transport.abort()

    def refuse(self, reason: str) -> None:
        """The peer did wrong: count it and close. Other connections aren't touched."""
        if not self.ended_by:
            counters.AGI_REFUSED.labels(reason).inc()
            log.warning("agi_peer_refused", reason=reason, greeted=self._greeted)
        self._end(reason)

    def _take_header(self, data: bytes) -> bytes:
        if not data.startswith(MAGIC[: len(data)]):
            self.refuse("rubbish")
            return b""
        block, blank, rest = data.partition(b"\n\n")
        if len(block) > HEADER_LIMIT_BYTES:
            self.refuse("header_too_long")
            return b""
        if not blank:
            return data
        try:
            header = parse_header(block)
        except PeerError:
            self.refuse("bad_header")
            return b""
        self._greeted = True
        self._server.greeted(self, header)
        return rest

    def _take_lines(self, data: bytes) -> bytes:
        *lines, rest = data.split(b"\n")
        for line in lines:
            if self.ended_by:
                return b""
            self._line(line)
        if len(rest) > LINE_LIMIT_BYTES:
            self.refuse("line_too_long")
        return rest

    def _line(self, raw: bytes) -> None:
        if len(raw) > LINE_LIMIT_BYTES:
            self.refuse("line_too_long")
            return
        line = raw.decode("utf-8", "replace").rstrip("\r")
        if line == "HANGUP":
            self._end("hangup")
        elif self._usage or line.startswith("520-"):
            self._usage_line(line)
        elif not line.startswith("100 "):  # 100 means: wait, the answer follows
            self._answer(line)

    def _usage_line(self, line: str) -> None:
        self._usage.append(line[:200])
        if line.startswith("520 "):
            text, self._usage = " ".join(self._usage), []
            self._answer(text)
        elif len(self._usage) > 100:
            self.refuse("endless_usage")

    def _answer(self, line: str) -> None:
        if self._owed:
            self._owed -= 1
        elif self._command is None or (self._command.done() and not self._command.cancelled()):
            self.refuse("unasked_answer")
        elif self._command.cancelled():
            self._command = None  # its answer came before its coroutine noticed the cancellation
        else:
            self._command.set_result(line)

    def _late(self, line: bytes) -> None:
        log.warning("agi_answer_late", command=line.split(b" ", 1)[0].decode())
        if self._command is not None and not self._command.done():
            self._command.set_exception(PeerError("Asterisk didn't answer an AGI command in time"))
        self.refuse("late_answer")

    def _end(self, reason: str) -> None:
        if self.ended_by:
            return
        self.ended_by = reason
        self._buffer = b""
        if self._command is not None and not self._command.done():
            self._command.set_exception(CallEnded(reason))
        if not self.gone.done():
            self.gone.set_result(None)
        if self._transport is not None:
            self._transport.close()
