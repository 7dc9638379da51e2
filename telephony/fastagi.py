"""The FastAGI server: takes connections in, bounds those that haven't said who they are, routes.

panoramisk's `Application.handler` spins at end of file and swallows cancellation, so the server
is our own; see docs/decisions/0040-own-fastagi-server.md.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from telephony import counters
from telephony.connection import AgiConnection
from telephony.errors import CallEnded, PeerError

Handler = Callable[[AgiConnection, dict[str, str]], Awaitable[None]]

CLOSE_S = 10.0

log = structlog.get_logger(__name__)


class FastAgiServer:
    """Listens on loopback. `routes` maps the script's name (`call`) to the session's coroutine.

    A connection has `header_s` to send its header; of more than `pending_limit` such connections
    the oldest is closed, so that silent ones cannot keep real calls out.
    """

    def __init__(
        self,
        routes: Mapping[str, Handler],
        *,
        host: str = "127.0.0.1",
        port: int,
        header_s: float = 5.0,
        pending_limit: int = 512,
    ) -> None:
        self._routes = routes
        self._counted = {route: counters.AGI_SESSIONS.labels(route) for route in routes}
        self._host = host
        self._port = port
        self._header_s = header_s
        self._pending_limit = pending_limit
        self._pending: dict[AgiConnection, asyncio.TimerHandle] = {}
        self._sessions: dict[asyncio.Task[None], AgiConnection] = {}
        self._open: set[AgiConnection] = set()
        self._all_gone: asyncio.Future[None] | None = None
        self._server: asyncio.Server | None = None
        self._closing = False

    async def start(self) -> None:
        """Listen; raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: AgiConnection(self), self._host, self._port, backlog=1024
        )

    @property
    def port(self) -> int:
        """The port listened on (of use when asked for port 0)."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def listening(self) -> bool:
        return self._server is not None and self._server.is_serving()

    async def close(self) -> None:
        """Stop listening, cancel the sessions and close their sockets. Calls live on in Asterisk:
        their dialplan comes back."""
        self._closing = True
        if self._server is not None:
            await _accept_no_more(self._server)
        for connection in list(self._pending):
            connection.end("closing")
        sessions = dict(self._sessions)
        for task in sessions:
            task.cancel()
        if sessions:
            await asyncio.wait(sessions, timeout=10)
        for connection in sessions.values():
            connection.end("closing")  # cancelled before its first step, a session ends nothing

    def opened(self, connection: AgiConnection) -> None:
        """A peer connected: it has a moment to send its header."""
        if self._closing:
            connection.end("closing")
            return
        self._open.add(connection)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._header_s, connection.refuse, "header_too_late")
        self._pending[connection] = timer
        if len(self._pending) > self._pending_limit:
            next(iter(self._pending)).refuse("too_many_pending")

    def greeted(self, connection: AgiConnection, header: dict[str, str]) -> None:
        """The header is complete: begin the session."""
        self._settle(connection)
        route = header.get("agi_network_script", "")
        handler = self._routes.get(route)
        if handler is None:
            connection.refuse("unknown_route")
            return
        task = asyncio.create_task(self._lead(route, handler, connection, header))
        self._sessions[task] = connection
        task.add_done_callback(self._sessions.pop)
        self._counted[route].inc()
        counters.AGI_ACTIVE.inc()

    def closed(self, connection: AgiConnection) -> None:
        """The socket is gone."""
        self._settle(connection)
        self._open.discard(connection)
        if not self._open and self._all_gone is not None and not self._all_gone.done():
            self._all_gone.set_result(None)

    def _settle(self, connection: AgiConnection) -> None:
        timer = self._pending.pop(connection, None)
        if timer is not None:
            timer.cancel()

    async def _lead(
        self, route: str, handler: Handler, connection: AgiConnection, header: dict[str, str]
    ) -> None:
        try:
            await handler(connection, header)
        except CallEnded:
            log.debug("agi_caller_left", route=route)
        except PeerError as error:
            connection.refuse("broken_session")
            log.warning("agi_session_broken", route=route, error=str(error))
        except Exception:
            counters.AGI_FAILED.labels(route).inc()
            log.exception("agi_session_failed", route=route)
        finally:
            counters.AGI_ACTIVE.dec()
            connection.end("finished")


async def _accept_no_more(server: asyncio.Server) -> None:
    """Close the listening socket. A connection accepted in this very turn of the loop is let in
    first: asyncio (3.11) would drop it without closing its socket, and Asterisk would wait."""
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening.fileno())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    server.close()
