"""A call's audio led through the engine: `EXEC AudioSocket` on its own FastAGI session.

What Asterisk 22.10.1 does (tried): when we close the socket, with or without a hang-up message, the
application returns 0 and the session goes on; when it can't connect, or we send it rubbish, it
returns -1 and the session goes on all the same; when the caller hangs up it closes the socket
without a word, and HANGUP follows. While it runs no other command is answered, but AMI's Setvar
works.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from telephony import agi, counters
from telephony.audiosocket_server import AudioSocketServer
from telephony.audiosocket_session import AudioSession
from telephony.connection import AgiConnection
from telephony.errors import CallEnded, PeerError
from telephony.live_audio import AudioAway

CONNECT_S = 3.0
"""Asterisk gives a connection 2 s."""
RETURN_S = 3.0
HANGUP_GRACE_S = 0.3

log = structlog.get_logger(__name__)


@asynccontextmanager
async def live_audio(
    connection: AgiConnection, server: AudioSocketServer | None
) -> AsyncIterator[AudioSession]:
    """One call's audio for as long as the block lasts; see `telephony.call.Call.live_audio`."""
    if server is None or not server.listening:
        raise _away("off")
    if server.full:
        raise _away("full")
    on_wire = asyncio.Event()
    session = server.issue(on_wire.set)
    target = f"{session.name},{server.address}"
    line = agi.command("EXEC", "AudioSocket", target)
    running = asyncio.ensure_future(connection.command(line, None))
    session.decides(lambda: _over(connection, running))
    try:
        await _connected(connection, running, on_wire)
        yield session
    finally:
        server.forget(session)
        await _returned(connection, running)


async def _connected(
    connection: AgiConnection, running: "asyncio.Future[str]", on_wire: asyncio.Event
) -> None:
    """Asterisk has connected; raises CallEnded or AudioAway when it doesn't."""
    waiting: asyncio.Future[bool] = asyncio.ensure_future(on_wire.wait())
    either: set[asyncio.Future[bool] | asyncio.Future[str]] = {waiting, running}
    try:
        await asyncio.wait(either, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if on_wire.is_set():
        return
    if running.done():
        await _over(connection, running)
    raise _away("not_connected")


async def _over(connection: AgiConnection, running: "asyncio.Future[str]") -> None:
    """Find out what an end of the audio was: raises CallEnded, or AudioAway for anything else."""
    await asyncio.wait({running}, timeout=RETURN_S)
    reply = agi.parse_reply(running.result()) if running.done() else None
    if reply is not None and reply.failed:
        await asyncio.wait({connection.gone}, timeout=HANGUP_GRACE_S)
    if connection.ended_by:
        raise CallEnded(connection.ended_by)
    raise _away("no_application" if reply is not None and reply.result == "-2" else "broken")


async def _returned(connection: AgiConnection, running: "asyncio.Future[str]") -> None:
    """Wait until the session takes commands again. One that doesn't is given up: the dialplan
    comes back with the caller."""
    done, _ = await asyncio.wait({running}, timeout=RETURN_S)
    if not done:
        connection.refuse("audio_not_returned")
        await asyncio.wait({running})
    why = running.exception()
    if why is not None and not isinstance(why, CallEnded | PeerError):
        log.error("audio_ended_strangely", exc_info=why)


def _away(reason: str) -> AudioAway:
    counters.AUDIO_AWAY.labels(reason).inc()
    log.warning("audio_away", reason=reason)
    return AudioAway(f"the call's audio can't be led through the engine: {reason}")
