"""One AudioSocket connection: bytes in, and every way it can end.

A Protocol, not streams: at 50 frames a second a wake-up of a task each would be most of the cost.
"""

import asyncio
from typing import Protocol, cast
from uuid import UUID

import structlog

from telephony import counters
from telephony.audiosocket import (
    AUDIO,
    DTMF,
    ERROR,
    HANGUP,
    HANGUP_MESSAGE,
    HEAD_BYTES,
    ID,
    BadMessage,
    head,
    id_of,
    key_of,
    messages,
)
from telephony.live_audio import FRAME_BYTES

WRITE_HIGH_BYTES = 20 * (HEAD_BYTES + FRAME_BYTES)
"""So much unread by Asterisk (0.4 s), and the frames that follow are left out."""
FRAME_HEAD = head(AUDIO, FRAME_BYTES)
FRAME_MESSAGE_BYTES = HEAD_BYTES + FRAME_BYTES

log = structlog.get_logger(__name__)


class Session(Protocol):
    """Whose audio it is, once the connection has said so."""

    def take_audio(self, pcm: bytes) -> None: ...

    def take_key(self, key: str) -> None: ...

    def lost(self, reason: str) -> None: ...


class Server(Protocol):
    """What a connection needs of its server."""

    def opened(self, connection: "AudioSocketConnection") -> None: ...

    def named(self, connection: "AudioSocketConnection", name: UUID) -> Session | None:
        """The session with this UUID, which is the connection's from now on; None refuses it (the
        server has counted why and closed it)."""
        ...

    def closed(self, connection: "AudioSocketConnection") -> None: ...


class AudioSocketConnection(asyncio.Protocol):
    """One connection's wire."""

    __slots__ = ("_buffer", "_server", "_session", "_transport", "blocked", "ended_by")

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session: Session | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self.blocked = False
        self.ended_by = ""

    @property
    def unfinished(self) -> bool:
        """A message has begun and hasn't come to its end."""
        return bool(self._buffer)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES, low=0)
        self._server.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._session is None and not self.ended_by:
            counters.AUDIO_REFUSED.labels("closed_before_uuid").inc()
        self._end("closed" if exc is None else "reset")
        self._server.closed(self)

    def pause_writing(self) -> None:
        self.blocked = True

    def resume_writing(self) -> None:
        self.blocked = False

    def data_received(self, data: bytes) -> None:
        if self.ended_by:
            return
        session = self._session
        if (
            session is not None
            and len(data) == FRAME_MESSAGE_BYTES
            and not self._buffer
            and data.startswith(FRAME_HEAD)
        ):  # what nearly all of them look like
            session.take_audio(data[HEAD_BYTES:])
            return
        self._buffer += data
        try:
            self._take_messages()
        except BadMessage as why:
            self.refuse(why.reason)

    def send(self, frame: bytes) -> None:
        """Write 20 ms of audio; left out while Asterisk doesn't read, or the wire is closed."""
        if not self.blocked and self._transport is not None and not self.ended_by:
            self._transport.write(FRAME_HEAD + frame)

    def refuse(self, reason: str) -> None:
        """The peer did wrong: count it and close. Other connections aren't touched."""
        if not self.ended_by:
            counters.AUDIO_REFUSED.labels(reason).inc()
            log.warning("audio_peer_refused", reason=reason, named=self._session is not None)
        self._end(reason)

    def end(self, reason: str) -> None:
        """Close from our side; Asterisk's application returns and the call's session goes on."""
        if not self.ended_by and self._transport is not None:
            self._transport.write(HANGUP_MESSAGE)
        self._end(reason)

    def _take_messages(self) -> None:
        taken = 0
        for kind, body in messages(self._buffer):
            taken += HEAD_BYTES + len(body)
            self._take(kind, body)
            if self.ended_by:
                return
        self._buffer = self._buffer[taken:]

    def _take(self, kind: int, body: bytes) -> None:
        session = self._session
        if session is None:
            if kind != ID:
                raise BadMessage("no_uuid")
            self._session = self._server.named(self, id_of(body))
        elif kind == AUDIO:
            session.take_audio(body)
        elif kind == DTMF:
            if key := key_of(body):
                session.take_key(key)
        elif kind == HANGUP:
            self._end("hangup")
        elif kind == ERROR:
            log.warning("audio_peer_error", code=body.hex())
            self._end("error")
        else:
            raise BadMessage("second_uuid")

    def _end(self, reason: str) -> None:
        if self.ended_by:
            return
        self.ended_by = reason
        self._buffer = b""
        if self._transport is not None:
            if self.blocked:  # what waits there will never be read
                self._transport.abort()
            else:
                self._transport.close()
        if self._session is not None:
            self._session.lost(reason)
