"""The AudioSocket server: takes in the connections that calls of ours asked Asterisk for.

A call is issued a UUID before Asterisk is told to connect; a connection that doesn't name one of
these, at once and as the first to do so, is closed. One clock ticks for all sessions.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID, uuid4

import structlog

from telephony import counters
from telephony.audiosocket_connection import AudioSocketConnection
from telephony.audiosocket_session import AudioSession
from telephony.live_audio import FRAME_S

LATE_S = 0.04
"""The clock is late by more than this: the loop was busy."""
CATCH_UP_TICKS = 10
"""So many missed ticks are made up for; after a longer stop the caller has heard silence anyway."""

log = structlog.get_logger(__name__)


class AudioSocketServer:
    """Listens on loopback, on a port of the system's choice (`port` 0): only Asterisk beside us is
    told of it. A connection has `uuid_s` to name itself; of more than `pending_limit` that haven't,
    beyond those that calls wait for, the oldest is closed. At most `session_limit` calls at once,
    each `longest_s` at most.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        uuid_s: float = 2.0,
        pending_limit: int = 64,
        session_limit: int = 1000,
        longest_s: float = 7200.0,
    ) -> None:
        self._host = host
        self._port = port
        self._uuid_s = uuid_s
        self._pending_limit = pending_limit
        self._session_limit = session_limit
        self._longest_ticks = round(longest_s / FRAME_S)
        self._pending: dict[AudioSocketConnection, asyncio.TimerHandle] = {}
        self._issued: dict[UUID, AudioSession] = {}
        self._led: dict[AudioSocketConnection, AudioSession] = {}
        self._server: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next_at = 0.0

    async def start(self) -> None:
        """Listen; raises OSError when a given port is taken."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: AudioSocketConnection(self), self._host, self._port, backlog=256
        )

    async def close(self) -> None:
        """Stop listening and close all connections; the calls live on in Asterisk."""
        if self._server is not None:
            self._server.close()
        for connection in (*self._pending, *self._led):
            connection.end("closing")
        if self._timer is not None:
            self._timer.cancel()

    @property
    def listening(self) -> bool:
        return self._server is not None and self._server.is_serving()

    @property
    def address(self) -> str:
        """`host:port`, as Asterisk is told."""
        assert self._server is not None
        return f"{self._host}:{self._server.sockets[0].getsockname()[1]}"

    @property
    def full(self) -> bool:
        """No further call can have live audio now."""
        return len(self._issued) >= self._session_limit

    def issue(self, on_wire: Callable[[], None]) -> AudioSession:
        """A session with a UUID nobody has yet; `on_wire` is called when Asterisk has connected.
        Give it back with `forget`."""
        session = AudioSession(uuid4(), on_wire, longest_ticks=self._longest_ticks)
        self._issued[session.name] = session
        return session

    def forget(self, session: AudioSession) -> None:
        """The session is over: close its connection, its UUID is nobody's any more."""
        self._issued.pop(session.name, None)
        session.close()
        counters.AUDIO_FRAMES.labels("heard").inc(session.came)
        counters.AUDIO_FRAMES.labels("filled").inc(session.filled)

    # --- the connections' side

    def opened(self, connection: AudioSocketConnection) -> None:
        """A peer connected: it has a moment to say who it is."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._uuid_s, connection.refuse, "uuid_too_late")
        self._pending[connection] = timer
        spare = len(self._pending) - self._pending_limit
        if spare > 0 and spare > self._awaited():
            next(iter(self._pending)).refuse("too_many_pending")

    def named(self, connection: AudioSocketConnection, name: UUID) -> AudioSession | None:
        """A connection says whose audio it is."""
        self._settle(connection)
        session = self._issued.get(name)
        if session is None or session.ended:
            connection.refuse("unknown_uuid")
            return None
        if session.wire is not None:
            connection.refuse("uuid_twice")
            return None
        self._led[connection] = session
        counters.AUDIO_SESSIONS.inc()
        counters.AUDIO_ACTIVE.inc()
        session.attach(connection)
        self._wind_up()
        return session

    def closed(self, connection: AudioSocketConnection) -> None:
        """The socket is gone."""
        self._settle(connection)
        if self._led.pop(connection, None) is not None:
            counters.AUDIO_ACTIVE.dec()

    def _awaited(self) -> int:
        """Calls that Asterisk is about to connect: after a restart many come in the same turn of
        the loop, all of them before the first could say who it is."""
        return sum(session.wire is None for session in self._issued.values())

    def _settle(self, connection: AudioSocketConnection) -> None:
        timer = self._pending.pop(connection, None)
        if timer is not None:
            timer.cancel()

    # --- the clock

    def _wind_up(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._next_at = loop.time() + FRAME_S
            self._timer = loop.call_at(self._next_at, self._tick)

    def _tick(self) -> None:
        """Once each 20 ms by the clock on the wall, however late it is called: no drift."""
        loop = asyncio.get_running_loop()
        if not self._led:
            self._timer = None
            return
        late_s = loop.time() - self._next_at
        due = 1 + int(late_s / FRAME_S)
        if due > CATCH_UP_TICKS:
            counters.AUDIO_LATE_TICKS.inc(due - CATCH_UP_TICKS)
        steady = late_s < LATE_S
        for _ in range(min(due, CATCH_UP_TICKS)):
            for connection, session in tuple(self._led.items()):
                try:
                    session.tick(steady=steady)
                except Exception:  # one call's trouble must not stop the clock of all
                    log.exception("audio_tick_failed")
                    connection.end("tick_failed")
        self._next_at += due * FRAME_S
        self._timer = loop.call_at(self._next_at, self._tick)
