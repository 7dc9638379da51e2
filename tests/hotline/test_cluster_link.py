"""The wire between engines, on real sockets: greeted by secret, bounded against every peer."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from hotline import cluster_link
from hotline.cluster_link import Greeting, Link, LinkBroken, LinkServer, connect
from queue_manager.cluster.messages import Beat, Changed, Message
from tests.servers import free_port

KEY = b"k" * 32
LEADER = Greeting("a", "life-a", 7, leads=True)
FOLLOWER = Greeting("b", "life-b", 5)


class Leader:
    """A link server that keeps what it is told."""

    def __init__(self, greeting: Greeting = LEADER) -> None:
        self.address = ("127.0.0.1", free_port())
        self.greeting = greeting
        self.met: list[Greeting] = []
        self.links: list[Link] = []
        self.told: asyncio.Queue[Message] = asyncio.Queue()
        self.ended: asyncio.Queue[str] = asyncio.Queue()
        self.server = LinkServer(self.address, KEY, self._answer, self._serve)

    def _answer(self, peer: Greeting) -> Greeting:
        self.met.append(peer)
        return self.greeting

    async def _serve(self, link: Link) -> None:
        self.links.append(link)
        self.ended.put_nowait(await link.run(self.told.put_nowait))


@contextlib.asynccontextmanager
async def listening(greeting: Greeting = LEADER) -> AsyncIterator[Leader]:
    leader = Leader(greeting)
    await leader.server.start()
    try:
        yield leader
    finally:
        await leader.server.close()


@contextlib.asynccontextmanager
async def joined(leader: Leader) -> AsyncIterator[tuple[Link, "asyncio.Queue[Message]"]]:
    """A follower's link and what it is told."""
    _, link = await connect(leader.address, KEY, FOLLOWER)
    told: asyncio.Queue[Message] = asyncio.Queue()
    running = asyncio.create_task(link.run(told.put_nowait))
    try:
        yield link, told
    finally:
        link.close("test_over")
        await asyncio.wait({running})


async def within(awaited: Awaitable[object], seconds: float = 20.0) -> object:
    async with asyncio.timeout(seconds):
        return await awaited


@pytest.mark.parametrize("turns", range(6))
async def test_who_was_accepted_just_now_is_ended_with_the_server(turns: int) -> None:
    """Wherever it is between the accepting and its first word; else it stayed for a greeting."""
    async with listening() as leader:
        with socket.create_connection(leader.address) as peer:
            peer.setblocking(False)
            for _ in range(turns):
                await asyncio.sleep(0)
            await leader.server.close()
            with contextlib.suppress(ConnectionError):
                while await within(asyncio.get_running_loop().sock_recv(peer, 4096), 1.0):
                    pass


async def test_what_is_said_arrives_in_order_both_ways() -> None:
    async with listening() as leader, joined(leader) as (link, told):
        for n in range(500):
            link.send(Changed(f"up{n}"))
        got = [await within(leader.told.get()) for _ in range(500)]
        assert got == [Changed(f"up{n}") for n in range(500)]
        leader.links[0].send(Changed("down"))
        assert await within(told.get()) == Changed("down")
        assert leader.met == [FOLLOWER]


async def test_who_does_not_lead_says_so_and_closes() -> None:
    async with listening(Greeting("a", "life-a", 9)) as leader:
        said, link = await connect(leader.address, KEY, FOLLOWER)
        assert (said.term, said.leads, link.open) == (9, False, False)


async def test_a_wrong_secret_is_refused_on_either_side() -> None:
    async with listening() as leader:
        with pytest.raises(LinkBroken):
            await connect(leader.address, b"x" * 32, FOLLOWER)
        assert leader.met == [], "nothing of a stranger's is believed"
        liar = await asyncio.start_server(_lies, "127.0.0.1", 0)
        async with liar:
            host, port = liar.sockets[0].getsockname()
            with pytest.raises(LinkBroken, match="wrong_secret"):
                await connect((host, port), KEY, FOLLOWER)


async def _lies(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Leads, it says, and doesn't know the secret."""
    writer.write(b"00\n")
    await reader.readline()
    writer.write(b"0" * 64 + b' {"node":"a","life":"x","term":99,"leads":true}\n')
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\n",
        b"\x00\xff" * 400 + b"\n",
        b"x" * (cluster_link.LINE_LIMIT + 100_000),
        b"",
    ],
    ids=["http", "empty", "rubbish", "endless", "nothing"],
)
async def test_a_stranger_is_closed_and_nobody_else_touched(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_link, "GREETING_S", 0.3)
    async with listening() as leader, joined(leader) as (link, _):
        reader, writer = await asyncio.open_connection(*leader.address)
        writer.write(said)
        with contextlib.suppress(OSError):
            await within(reader.read())
        writer.close()
        link.send(Changed("still"))
        assert await within(leader.told.get()) == Changed("still")


async def test_silent_strangers_cannot_keep_an_engine_out() -> None:
    async with listening() as leader:
        silent = [
            await asyncio.open_connection(*leader.address)
            for _ in range(cluster_link.STRANGERS_LIMIT + 5)
        ]
        async with joined(leader) as (link, _):
            link.send(Changed("in"))
            assert await within(leader.told.get()) == Changed("in")
        for _, writer in silent:
            writer.close()


def _bent(line: Callable[[bytes], bytes]) -> Callable[[Link], None]:
    def spoil(link: Link) -> None:
        text = b'{"tenant":"x","kind":"changed"}'
        proof = cluster_link._proof(link._sending, link._sent, text)
        link._writer.write(line(proof + b" " + text + b"\n"))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_bent(lambda line: line.replace(b'"x"', b'"y"')), "line_without_proof"),
        (_bent(lambda line: line + line), "line_without_proof"),
        (_bent(lambda line: b"z" * cluster_link.LINE_LIMIT * 3), "line_too_long"),
        (_bent(lambda line: line[:-1]), "closed"),
    ],
    ids=["changed", "played_again", "endless", "cut_off"],
)
async def test_a_line_that_is_not_as_it_was_sent_ends_the_link(
    spoil: Callable[[Link], None], why: str
) -> None:
    async with listening() as leader, joined(leader) as (link, _):
        spoil(link)
        if why == "closed":
            link._writer.close()
        assert why in str(await within(leader.ended.get()))


async def test_what_is_no_message_ends_the_link_and_names_the_reason() -> None:
    async with listening() as leader, joined(leader) as (link, _):
        text = b'{"kind":"offered","tenant":"x","offer":7}'
        proof = cluster_link._proof(link._sending, link._sent, text)
        link._writer.write(proof + b" " + text + b"\n")
        assert "bad_message: offered.offer" in str(await within(leader.ended.get()))


async def test_a_peer_that_falls_silent_is_noticed_on_both_sides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half open: no packet comes, no end either."""
    monkeypatch.setattr(cluster_link, "SILENCE_S", 0.3)
    monkeypatch.setattr(cluster_link, "BEAT_S", 0.1)
    async with listening() as leader:
        _, link = await connect(leader.address, KEY, FOLLOWER)  # nobody runs it: it never beats
        assert await within(leader.ended.get()) == "silence"
        link.close("test_over")


async def test_beats_keep_an_idle_link_and_name_who_has_joined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster_link, "SILENCE_S", 2.0)
    monkeypatch.setattr(cluster_link, "BEAT_S", 0.1)
    async with listening() as leader, joined(leader) as (link, told):
        while not leader.links:
            await asyncio.sleep(0.01)
        leader.links[0].joined = ("b",)
        await asyncio.sleep(2.5)
        assert link.open
        beats = [message for message in _all(told) if isinstance(message, Beat)]
        assert beats[-1].nodes == ("b",)


def _all(queue: "asyncio.Queue[Message]") -> list[Message]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def test_a_peer_that_does_not_read_loses_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits to be sent is bounded: he may come back and is told all anew."""
    monkeypatch.setattr(cluster_link, "BACKLOG_LIMIT", 100_000)
    async with listening() as leader:
        _, link = await connect(leader.address, KEY, FOLLOWER)  # nobody reads it
        while not leader.links:
            await asyncio.sleep(0.01)
        sending = leader.links[0]
        big = Changed("x" * 100_000)
        for _ in range(400):
            sending.send(big)
        assert not sending.open
        link.close("test_over")
        link._writer.transport.abort()


async def test_nobody_there_is_told() -> None:
    with pytest.raises(LinkBroken):
        await connect(("127.0.0.1", free_port()), KEY, FOLLOWER)


def test_a_beat_is_a_message() -> None:
    assert Beat(datetime.now(UTC)).nodes == ()
