"""The FastAGI port against bad peers: each is closed and counted, other calls go on.

Where plain panoramisk has the fault, a test shows it beside ours.
"""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from panoramisk.fast_agi import Application, Request
from panoramisk.utils import parse_agi_result

from telephony import agi, counters, fastagi
from telephony.connection import HEADER_LIMIT_BYTES, LINE_LIMIT_BYTES, AgiConnection
from telephony.errors import CallEnded, PeerError
from telephony.fastagi import FastAgiServer, Handler
from tests.telephony.peers import agi_peer, eventually, header

NOOP = agi.command("NOOP")


@asynccontextmanager
async def serving(
    handler: Handler, *, header_s: float = 5.0, pending_limit: int = 512
) -> AsyncIterator[FastAgiServer]:
    """A server with this session for `/call`."""
    server = FastAgiServer(
        {"call": handler}, port=0, header_s=header_s, pending_limit=pending_limit
    )
    await server.start()
    try:
        yield server
    finally:
        await server.close()


async def echo(connection: AgiConnection, header: dict[str, str]) -> None:
    """A session that asks until the caller leaves."""
    while True:
        await connection.command(NOOP, None)


def refused(reason: str) -> float:
    return float(counters.AGI_REFUSED.labels(reason)._value.get())


@asynccontextmanager
async def counted(reason: str) -> AsyncIterator[None]:
    """Exactly one connection is refused for this reason inside."""
    before = refused(reason)
    yield
    await eventually(lambda: refused(reason) == before + 1, f"no peer refused: {reason}")


BAD_FIRST_BYTES = [
    ("rubbish", b"GET / HTTP/1.1\r\n\r\n"),
    ("rubbish", bytes(range(256)) * 4),
    ("rubbish", b"\x16\x03\x01\x02\x00"),
    ("rubbish", b"x" * 1_000_000),
    ("header_too_long", b"agi_" + b"x" * 1_000_000),
    ("header_too_long", b"agi_x: " + b"y" * HEADER_LIMIT_BYTES + b"\n\n"),
    ("bad_header", b"agi_request: x\nrubbish\n\n"),
    ("bad_header", b"agi_uniqueid: a\nagi_uniqueid: b\n\n"),
    ("unknown_route", header(route="nowhere")),
]


@pytest.mark.parametrize(("reason", "first"), BAD_FIRST_BYTES)
async def test_a_bad_peer_is_closed_and_counted(reason: str, first: bytes) -> None:
    """Binary rubbish, a 1 MB line, another protocol, an unknown route: closed at once."""
    async with serving(echo) as server, counted(reason), agi_peer(server.port, first) as peer:
        assert await peer.closed() == b""


async def test_a_port_probe_leaves_the_loop_free() -> None:
    """Trap 1: a peer that connects and closes is counted; other calls are served at once."""
    async with serving(echo) as server, agi_peer(server.port, header()) as caller:
        async with counted("closed_before_header"), agi_peer(server.port):
            pass
        async with counted("closed_before_header"), agi_peer(server.port, b"agi_net"):
            pass
        assert await caller.command() == "NOOP"


async def test_plain_panoramisk_freezes_its_loop_at_a_port_probe() -> None:
    """The fault guarded above: after end of file it reads on and on, and nobody else has a turn."""

    class Spun(Exception):
        pass

    class Counting(asyncio.StreamReader):
        reads = 0

        async def read(self, n: int = -1) -> bytes:
            self.reads += 1
            if self.reads > 10_000:
                raise Spun
            return await super().read(n)

    reader = Counting()
    reader.feed_data(b"agi_net")
    reader.feed_eof()
    others_turn = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(others_turn.set_result, None)
    with pytest.raises(Spun):
        await Application(loop=asyncio.get_running_loop()).handler(reader, None)
    assert not others_turn.done()


async def test_a_slow_header_is_given_up() -> None:
    """Slow-loris: a byte now and then doesn't keep a connection open."""
    async with (
        serving(echo, header_s=0.3) as server,
        counted("header_too_late"),
        agi_peer(server.port, b"agi_") as peer,
    ):
        dripping = asyncio.create_task(_drip(peer.writer))
        assert await peer.closed() == b""
        dripping.cancel()


async def _drip(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.05)


async def test_a_header_may_come_in_pieces() -> None:
    """The guard doesn't hit an honest peer whose header takes several packets."""
    seen: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def session(connection: AgiConnection, head: dict[str, str]) -> None:
        seen.set_result(head)

    block = header(CALLER_NAME="张伟")
    async with serving(session) as server, agi_peer(server.port) as peer:
        for at in range(len(block)):
            peer.writer.write(block[at : at + 1])
            await peer.writer.drain()
        assert (await seen)["agi_network_script"] == "call"


async def test_silent_connections_cannot_keep_calls_out() -> None:
    """Of too many connections without a header the oldest is closed; a call still gets in."""
    async with (
        serving(echo, pending_limit=3) as server,
        agi_peer(server.port) as oldest,
        agi_peer(server.port),
        agi_peer(server.port),
    ):
        async with counted("too_many_pending"), agi_peer(server.port, header()) as caller:
            assert await caller.command() == "NOOP"
        assert await oldest.closed() == b""


async def asks(connection: AgiConnection, times: int, timeout_s: float = 5.0) -> list[str]:
    return [await connection.command(NOOP, timeout_s) for _ in range(times)]


class Session:
    """One session whose coroutine the test gives; its result or error is told."""

    def __init__(self, lead: Callable[[AgiConnection], Awaitable[object]]) -> None:
        self._lead = lead
        self.outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def __call__(self, connection: AgiConnection, header: dict[str, str]) -> None:
        try:
            self.outcome.set_result(await self._lead(connection))
        except BaseException as error:
            self.outcome.set_result(error)
            raise


async def test_answers_meet_their_commands() -> None:
    """Each command gets its own answer; `100 Trying` is waited through; CRLF is taken too."""
    session = Session(lambda c: asks(c, 3))
    async with serving(session) as server, agi_peer(server.port, header()) as peer:
        await peer.expect("NOOP", "200 result=1")
        await peer.expect("NOOP", "100 result=0 Trying...\n200 result=2")
        await peer.expect("NOOP", "200 result=3\r")
        assert await session.outcome == ["200 result=1", "200 result=2", "200 result=3"]


async def test_an_answer_split_inside_a_character_is_whole() -> None:
    """Chinese text split over two reads arrives complete."""
    session = Session(lambda c: asks(c, 1))
    line = "200 result=1 (张伟)".encode()
    async with serving(session) as server, agi_peer(server.port, header()) as peer:
        assert await peer.command() == "NOOP"
        peer.writer.write(line[:15])
        await peer.writer.drain()
        await asyncio.sleep(0.05)
        peer.send(line[15:])
        assert await session.outcome == ["200 result=1 (张伟)"]


async def test_inline_hangup_is_not_an_answer() -> None:
    """Trap 2: `HANGUP` before the answer ends the call; it is no answer, nor is what follows."""
    session = Session(lambda c: asks(c, 2))
    async with serving(session) as server, agi_peer(server.port, header()) as peer:
        assert await peer.command() == "NOOP"
        peer.send("HANGUP\n200 result=0")
        ended = await session.outcome
        assert isinstance(ended, CallEnded)
        # not by the mismatch that would follow, but by the word itself
        assert str(ended) == "hangup"
        assert await peer.closed() == b""


async def test_hangup_alone_is_no_fault_of_the_peer() -> None:
    """Between two commands it ends the call at once and isn't counted as a bad peer."""
    session = Session(lambda c: c.gone)
    before = refused("unasked_answer")
    async with serving(session) as server, agi_peer(server.port, header()) as peer:
        peer.send("HANGUP")
        await session.outcome
        assert await peer.closed() == b""
    assert refused("unasked_answer") == before


async def test_plain_panoramisk_takes_inline_hangup_for_an_answer() -> None:
    """The fault guarded above: every later answer is one off."""
    reader = asyncio.StreamReader()
    reader.feed_data(b"HANGUP\n200 result=1\n200 result=2\n")

    class Writer:
        def write(self, data: bytes) -> None:
            """Nobody reads it."""

        async def drain(self) -> None:
            """Nothing to wait for."""

    request = Request(None, {}, reader, Writer())
    assert "error" in await request.send_command("FIRST")
    assert (await request.send_command("SECOND"))["result"][0] == "1"


async def test_end_of_file_raises_call_ended() -> None:
    """Trap 3: a closed session is raised, to the waiting command and to the next one."""

    async def lead(connection: AgiConnection) -> list[str]:
        ends: list[str] = []
        for _ in range(2):
            try:
                await connection.command(NOOP, None)
            except CallEnded as error:
                ends.append(str(error))
        return ends

    session = Session(lead)
    async with serving(session) as server:
        async with agi_peer(server.port, header()) as peer:
            await peer.command()
        assert await session.outcome == ["closed", "closed"]


def test_plain_panoramisk_returns_end_of_file_as_an_answer() -> None:
    """The fault guarded above: it comes back as a value, not raised (and here, as ValueError)."""
    with pytest.raises(ValueError, match="int"):
        parse_agi_result("")


async def test_usage_errors_of_many_lines_are_one_answer() -> None:
    """All lines of a 520 belong to one answer; the next command gets its own."""

    async def lead(connection: AgiConnection) -> tuple[str, str]:
        return await connection.command(NOOP, 5), await connection.command(NOOP, 5)

    session = Session(lead)
    usage = (
        "520-Invalid command syntax.  Proper usage follows:\nUsage: NOOP\n520 End of proper usage."
    )
    async with serving(session) as server, agi_peer(server.port, header()) as peer:
        await peer.expect("NOOP", usage)
        await peer.expect("NOOP", "200 result=7")
        outcome = await session.outcome
    assert isinstance(outcome, tuple)
    first, second = outcome
    assert first.startswith("520-")
    assert second == "200 result=7"
    with pytest.raises(PeerError):
        agi.parse_reply(first)


async def test_a_cancelled_commands_answer_is_thrown_away() -> None:
    """After a cancelled command the next one still gets its own answer."""

    async def lead(connection: AgiConnection) -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connection.command(NOOP, None)
        return await connection.command(agi.command("SECOND"), 5)

    session = Session(lead)
    async with serving(session) as server, agi_peer(server.port, header()) as peer:
        assert await peer.command() == "NOOP"
        assert await peer.command() == "SECOND"
        peer.send("200 result=1\n200 result=2")
        assert await session.outcome == "200 result=2"


async def test_no_answer_in_time_ends_the_session() -> None:
    """A peer that stops answering is given up."""
    session = Session(lambda c: asks(c, 1, timeout_s=0.1))
    async with (
        serving(session) as server,
        counted("late_answer"),
        agi_peer(server.port, header()) as peer,
    ):
        assert isinstance(await session.outcome, PeerError)
        assert await peer.closed() == b"NOOP\n"


@pytest.mark.parametrize(
    ("reason", "sent"),
    [
        ("unasked_answer", b"200 result=0\n200 result=0\n"),
        ("unasked_answer", b"\n" * 100_000),
        ("line_too_long", b"200 " + b"x" * 1_000_000),
        ("line_too_long", b"200 " + b"x" * LINE_LIMIT_BYTES + b"\n"),
        ("endless_usage", b"520-x\n" * 200),
    ],
)
async def test_rubbish_in_mid_session_ends_that_session(reason: str, sent: bytes) -> None:
    """A peer that breaks the protocol after its header is closed and counted as well."""
    session = Session(lambda c: c.gone)
    async with (
        serving(session) as server,
        counted(reason),
        agi_peer(server.port, header() + sent) as peer,
    ):
        await session.outcome
        assert await peer.closed() == b""


async def test_two_commands_at_once_are_our_own_mistake() -> None:
    """A second command while one is under way is refused, not mixed up."""

    async def lead(connection: AgiConnection) -> None:
        first = asyncio.create_task(connection.command(NOOP, None))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="two AGI commands"):
            await connection.command(NOOP, None)
        await first

    session = Session(lead)
    async with serving(session) as server, agi_peer(server.port, header()) as peer:
        await peer.expect("NOOP")
        assert await session.outcome is None


async def test_closing_cancels_sessions_and_closes_their_sockets() -> None:
    """`close` isn't swallowed by a session, and Asterisk sees its socket close."""
    session = Session(lambda c: c.gone)
    async with serving(session) as server, agi_peer(server.port, header()) as peer:
        await eventually(lambda: bool(server._sessions), "no session")
        await server.close()
        assert isinstance(await session.outcome, asyncio.CancelledError)
        assert await peer.closed() == b""


@pytest.mark.parametrize("turns", range(5))
@pytest.mark.parametrize("first", [b"", header()], ids=["silent", "greeting"])
async def test_who_comes_while_it_closes_is_closed_too(turns: int, first: bytes) -> None:
    """Accepted, or just about to begin its session: no socket is left open, in whichever turn of
    the loop the end comes."""
    loop = asyncio.get_running_loop()
    async with serving(echo) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as peer:
            peer.setblocking(False)
            peer.sendall(first)
            for _ in range(turns):
                await asyncio.sleep(0)
            await server.close()
            with contextlib.suppress(ConnectionResetError):
                async with asyncio.timeout(20):
                    while await loop.sock_recv(peer, 100):
                        pass
        assert not server._sessions
    gc.collect()  # a socket that was forgotten is told of here


async def test_a_peer_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing waits for the last bytes to go, but not for ever; no socket stays open."""
    monkeypatch.setattr(fastagi, "CLOSE_S", 0.2)

    async def lead(connection: AgiConnection, head: dict[str, str]) -> None:
        connection.last_word(b"x" * 50_000_000)

    async with serving(lead) as server, agi_peer(server.port, header()):
        await eventually(lambda: not server._sessions and bool(server._open), "no open socket")
        await server.close()
        await eventually(lambda: not server._open, "the socket stays open")


async def test_plain_panoramisk_swallows_cancellation() -> None:
    """The fault guarded above: a cancelled handler ends as if nothing had happened."""
    began = asyncio.Event()

    async def route(request: Request) -> None:
        began.set()
        await asyncio.Event().wait()

    class Writer:
        def get_extra_info(self, name: str) -> str:
            return name

        def close(self) -> None:
            """Nothing to close."""

    application = Application(loop=asyncio.get_running_loop())
    application.add_route("call", route)
    reader = asyncio.StreamReader()
    reader.feed_data(header())
    handling = asyncio.create_task(application.handler(reader, Writer()))
    await began.wait()
    handling.cancel()
    await handling
    assert not handling.cancelled()


async def test_a_failing_session_is_counted_and_only_it_ends() -> None:
    """Our own mistake in one conversation closes that call's socket: its dialplan comes back."""

    async def session(connection: AgiConnection, head: dict[str, str]) -> None:
        if head["agi_uniqueid"] == "bad":
            raise ValueError("a mistake of ours")
        await echo(connection, head)

    failed = counters.AGI_FAILED.labels("call")
    before = failed._value.get()
    async with serving(session) as server, agi_peer(server.port, header()) as good:
        async with agi_peer(server.port, header(call_id="bad")) as bad:
            assert await bad.closed() == b""
        await good.expect("NOOP")
        assert await good.command() == "NOOP"
    assert failed._value.get() == before + 1


async def test_a_taken_port_is_told() -> None:
    """A second engine on the same port fails at its start."""
    async with serving(echo) as server:
        with pytest.raises(OSError, match="in use"):
            await FastAgiServer({}, port=server.port).start()
