"""AudioSocket at the socket: what is taken, what is refused, and that others don't notice."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony import audiosocket_session, counters
from telephony.audiosocket import AUDIO, BadMessage, check_head, head, messages
from telephony.audiosocket_server import AudioSocketServer
from telephony.audiosocket_session import AudioSession
from telephony.live_audio import FRAME_BYTES, FRAME_S
from tests.telephony.peers import eventually

FRAME = bytes(range(160)) * 2
LOUD = head(AUDIO, FRAME_BYTES) + FRAME


class Ear:
    """Keeps what a session tells."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.keys = ""
        self.played = 0
        self.over = False

    def heard(self, frame: bytes) -> None:
        self.frames.append(frame)

    def pressed(self, key: str) -> None:
        self.keys += key

    def played_out(self) -> None:
        self.played += 1

    def ended(self) -> None:
        self.over = True

    @property
    def real(self) -> list[bytes]:
        """The frames that came, without silence filled in."""
        return [frame for frame in self.frames if any(frame)]


class Peer:
    """Asterisk's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def says(self, data: bytes) -> None:
        self.writer.write(data)

    async def closed(self) -> None:
        """The server has closed it; frames it sent before are read away."""
        async with asyncio.timeout(20):
            try:
                while await self.reader.read(4096):
                    pass
            except ConnectionResetError:
                pass

    async def hears(self) -> bytes:
        """The next frame of audio."""
        async with asyncio.timeout(20):
            assert await self.reader.readexactly(3) == head(AUDIO, FRAME_BYTES)
            return await self.reader.readexactly(FRAME_BYTES)


@asynccontextmanager
async def peer(server: AudioSocketServer) -> AsyncIterator[Peer]:
    host, port = server.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Peer(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def listening(**limits: float) -> AsyncIterator[AudioSocketServer]:
    server = AudioSocketServer(**limits)  # type: ignore[arg-type]  # limits by name
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def talking(server: AudioSocketServer) -> AsyncIterator[tuple[AudioSession, Ear, Peer]]:
    """A call whose audio is on the wire."""
    connected = asyncio.Event()
    session = server.issue(connected.set)
    ear = Ear()
    session.listen(ear)
    async with peer(server) as there:
        there.says(head(1, 16) + session.name.bytes)
        await asyncio.wait_for(connected.wait(), 40)
        yield session, ear, there
        server.forget(session)


def refused(reason: str) -> float:
    return float(counters.AUDIO_REFUSED.labels(reason)._value.get())


def name_of(session: AudioSession) -> bytes:
    return head(1, 16) + session.name.bytes


WRONG_FROM_THE_START: dict[str, tuple[Callable[[AudioSession], bytes], str]] = {
    "a uuid nobody issued": (lambda s: head(1, 16) + uuid4().bytes, "unknown_uuid"),
    "no uuid, audio at once": (lambda s: LOUD, "no_uuid"),
    "no uuid, a key at once": (lambda s: head(3, 1) + b"5", "no_uuid"),
    "no uuid, a hang-up at once": (lambda s: head(0, 0), "no_uuid"),
    "a uuid too short": (lambda s: head(1, 15) + s.name.bytes[:15], "wrong_length"),
    "a uuid too long": (lambda s: head(1, 36) + str(s.name).encode(), "wrong_length"),
    "a web browser": (lambda s: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "unknown_kind"),
    "a kind nobody knows": (lambda s: head(0x42, 2) + b"xx", "unknown_kind"),
}
WRONG_LATER: dict[str, tuple[bytes, str]] = {
    "a kind nobody knows": (head(0x77, 3) + b"abc", "unknown_kind"),
    "audio of another rate": (head(0x13, 640) + bytes(640), "unknown_kind"),
    "half a sample": (head(AUDIO, 321) + bytes(321), "wrong_length"),
    "minutes in one message": (head(AUDIO, 65534), "wrong_length"),
    "a key of two signs": (head(3, 2) + b"12", "wrong_length"),
    "a key no telephone has": (head(3, 1) + b"\n", "wrong_key"),
    "a hang-up with a body": (head(0, 4) + b"gone", "wrong_length"),
    "its uuid again": (head(1, 16) + bytes(16), "second_uuid"),
}


@pytest.mark.parametrize("what", WRONG_FROM_THE_START)
async def test_who_has_no_call_here_is_refused(what: str) -> None:
    """Closed and counted; a call that is on the wire goes on, and so may the one that was meant."""
    says, reason = WRONG_FROM_THE_START[what]
    async with listening() as server, talking(server) as (_, ear, other):
        before = refused(reason)
        waiting = server.issue(lambda: None)
        async with peer(server) as stranger:
            stranger.says(says(waiting))
            await stranger.closed()
        assert refused(reason) == before + 1
        other.says(LOUD * 3)
        await eventually(lambda: len(ear.real) == 3, "the other call was disturbed")
        async with peer(server) as right:
            right.says(name_of(waiting))
            assert await right.hears()
        server.forget(waiting)


@pytest.mark.parametrize("what", WRONG_LATER)
async def test_who_stops_speaking_audiosocket_is_closed(what: str) -> None:
    """What he said until then was told, the end is told, and nobody else notices."""
    says, reason = WRONG_LATER[what]
    async with listening() as server, talking(server) as (_, other_ear, other):
        async with talking(server) as (session, ear, there):
            before = refused(reason)
            there.says(LOUD * 2 + says + LOUD)
            await there.closed()
            assert (len(ear.real), ear.over, session.ended) == (2, True, reason)
            assert refused(reason) == before + 1
        other.says(LOUD)
        await eventually(lambda: len(other_ear.real) == 1, "the other call was disturbed")
        assert not other_ear.over


async def test_a_second_connection_with_the_same_uuid_is_refused() -> None:
    """The first one keeps the call, also after it is over."""
    async with listening() as server:
        async with talking(server) as (session, ear, there):
            async with peer(server) as thief:
                thief.says(name_of(session))
                await thief.closed()
            there.says(LOUD)
            await eventually(lambda: len(ear.real) == 1, "the first one was disturbed")
        async with peer(server) as late:
            late.says(name_of(session))
            await late.closed()


async def test_who_says_nothing_is_closed_in_time() -> None:
    """A connection has a moment to say whose it is, byte by byte or not at all."""
    async with listening(uuid_s=0.1) as server, talking(server) as (_, ear, there):
        before = refused("uuid_too_late")
        waiting = server.issue(lambda: None)
        async with peer(server) as silent, peer(server) as slow:
            slow.says(name_of(waiting)[:7])
            await silent.closed()
            await slow.closed()
        assert refused("uuid_too_late") == before + 2
        there.says(LOUD)
        await eventually(lambda: len(ear.real) == 1, "the other call was disturbed")


async def test_many_who_say_nothing_dont_keep_calls_out() -> None:
    """Of more than so many the oldest is closed."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(listening(pending_limit=3))
        silent = [await stack.enter_async_context(peer(server)) for _ in range(4)]
        await silent[0].closed()
        _, ear, there = await stack.enter_async_context(talking(server))
        there.says(LOUD)
        await eventually(lambda: len(ear.real) == 1, "a call was kept out")


async def test_calls_that_come_all_at_once_are_all_taken() -> None:
    """After a restart: every one of them is connected before the first could name itself."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(listening(pending_limit=3))
        connected = [asyncio.Event() for _ in range(12)]
        waiting = [server.issue(event.set) for event in connected]
        peers = [await stack.enter_async_context(peer(server)) for _ in waiting]
        await eventually(lambda: len(server._pending) == len(waiting), "some were turned away")
        for session, there in zip(waiting, peers, strict=True):
            there.says(name_of(session))
        async with asyncio.timeout(20):
            await asyncio.gather(*(event.wait() for event in connected))


async def test_a_message_that_never_ends_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow-loris with a UUID: a byte now and then is no audio."""
    monkeypatch.setattr(audiosocket_session, "UNFINISHED_TICKS", 8)
    async with listening() as server, talking(server) as (session, _, there):
        there.says(LOUD[:5])
        await there.closed()
        assert session.ended == "stalled"


async def test_a_call_of_which_nothing_comes_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so does one that lasts longer than any."""
    monkeypatch.setattr(audiosocket_session, "SILENT_TICKS", 10)
    async with listening() as server, talking(server) as (session, ear, there):
        await there.closed()
        assert (session.ended, ear.over) == ("silent", True)
    async with listening(longest_s=0.1) as server, talking(server) as (session, _, there):
        await there.closed()
        assert session.ended == "too_long"


async def test_more_audio_than_time_is_refused() -> None:
    """Nobody speaks six seconds in one."""
    async with listening() as server, talking(server) as (session, _, there):
        there.says(LOUD * 300)
        await there.closed()
        assert session.ended == "too_fast"


async def test_a_server_that_has_as_many_calls_as_it_may_says_so() -> None:
    async with listening(session_limit=1) as server:
        assert not server.full
        session = server.issue(lambda: None)
        assert server.full
        server.forget(session)
        assert not server.full


@pytest.mark.parametrize(("says", "why"), [(head(0, 0), "hangup"), (head(255, 1) + b"\1", "error")])
async def test_asterisks_own_ends_are_told(says: bytes, why: str) -> None:
    async with listening() as server, talking(server) as (session, ear, there):
        there.says(says)
        await there.closed()
        assert (session.ended, ear.over) == (why, True)


@pytest.mark.parametrize("piece", [320, 640, 100, 2, 1000])
async def test_audio_of_any_length_becomes_frames(piece: int) -> None:
    """Other lengths than 320 bytes have been seen."""
    pcm = os.urandom(piece * 3200 // piece)[: 3200 // piece * piece]
    async with listening() as server, talking(server) as (_, ear, there):
        for at in range(0, len(pcm), piece):
            there.says(head(AUDIO, piece) + pcm[at : at + piece])
        whole = len(pcm) // FRAME_BYTES
        await eventually(lambda: len(ear.real) == whole, "not all was told")
        assert b"".join(ear.real) == pcm[: whole * FRAME_BYTES]


async def test_what_is_played_comes_in_frames_and_silence_around_it() -> None:
    """The caller's telephone gets a frame each 20 ms, whatever is going on."""
    async with listening() as server, talking(server) as (session, ear, there):
        assert await there.hears() == bytes(FRAME_BYTES)
        session.play(FRAME * 2 + FRAME[:100])
        assert session.playing
        while not any(frame := await there.hears()):
            pass
        assert frame == FRAME
        assert await there.hears() == FRAME
        assert await there.hears() == FRAME[:100].ljust(FRAME_BYTES, b"\0")
        assert await there.hears() == bytes(FRAME_BYTES)
        assert (ear.played, session.playing) == (1, False)


async def test_a_pause_keeps_the_place() -> None:
    """And `resume` begins a little before it."""
    numbered = b"".join(bytes([n + 1]) * FRAME_BYTES for n in range(100))
    async with listening() as server, talking(server) as (session, _, there):
        session.play(numbered)
        while (frame := await there.hears())[0] < 10:
            pass
        session.pause()
        while any(following := await there.hears()):
            frame = following
        reached = frame[0]
        session.resume(back_s=5 * FRAME_S)
        while not any(frame := await there.hears()):
            pass
        assert frame[0] == reached - 4
        session.stop()
        while any(await there.hears()):
            pass


async def test_a_network_that_sends_nothing_is_told_as_silence() -> None:
    """Silence suppression: time goes on for the recording and for who waits for an answer."""
    async with listening() as server, talking(server) as (session, ear, there):
        there.says(LOUD)
        await eventually(lambda: len(ear.frames) > 10, "no silence was told")
        assert ear.real == [FRAME]
        assert session.at_s == pytest.approx(len(ear.frames) * FRAME_S)


async def test_a_listener_that_fails_harms_nobody() -> None:
    """What it raises is logged; frames, other calls and the clock go on."""

    class Broken(Ear):
        def heard(self, frame: bytes) -> None:
            super().heard(frame)
            raise RuntimeError("listener")

    async with listening() as server, talking(server) as (session, _, there):
        broken = Broken()
        session.listen(broken)
        there.says(LOUD * 5)
        await eventually(lambda: len(broken.real) == 5, "it wasn't told any more")
        assert await there.hears()


async def test_one_calls_trouble_stops_nobody_elses_clock() -> None:
    """Whatever goes wrong in a tick ends that call's audio alone."""

    class Broken:
        unfinished = False

        def send(self, frame: bytes) -> None:
            raise RuntimeError("wire")

    async with (
        listening() as server,
        talking(server) as (broken, ear, there),
        talking(server) as (_, _, other),
    ):
        wire, broken.wire = broken.wire, Broken()  # type: ignore[assignment]  # can only send
        await there.closed()
        assert ear.over
        for _ in range(20):
            assert await other.hears()
        broken.wire = wire


async def test_a_listener_that_comes_late_is_told_what_came() -> None:
    async with listening() as server:
        connected = asyncio.Event()
        session = server.issue(connected.set)
        async with peer(server) as there:
            there.says(name_of(session) + LOUD * 4)
            await asyncio.wait_for(connected.wait(), 40)
            await eventually(lambda: session.came == 4, "nothing came")
            ear = Ear()
            session.listen(ear)
            assert len(ear.real) == 4


async def test_who_doesnt_read_is_left_out_not_waited_for() -> None:
    """A full pipe to one caller costs the others nothing, nor memory."""
    async with listening() as server, talking(server) as (session, _, there):
        transport = session.wire._transport  # type: ignore[union-attr]  # it has one
        there.writer.transport.pause_reading()  # type: ignore[attr-defined]  # sockets have it
        for _ in range(20000):
            session.wire.send(FRAME)  # type: ignore[union-attr]  # it is connected
        await eventually(lambda: session.wire.blocked, "never blocked")  # type: ignore[union-attr]
        assert transport.get_write_buffer_size() < 100 * FRAME_BYTES


STREAM = LOUD + head(3, 1) + b"7" + head(AUDIO, 2) + b"ab" + head(0, 0)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_it_doesnt_matter_where_the_stream_is_cut(cuts: list[int]) -> None:
    """The same messages come out, whatever pieces TCP makes."""
    buffer, out = b"", []
    edges = [0, *sorted(cuts), len(STREAM)]
    for begin, end in pairwise(edges):
        buffer += STREAM[begin:end]
        taken = list(messages(buffer))
        out += taken
        buffer = buffer[sum(3 + len(body) for _, body in taken) :]
    assert out == list(messages(STREAM))
    assert buffer == b""


@given(st.binary(max_size=2000))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    """Messages, or BadMessage; never more bytes than there are, never a wrong head."""
    taken = 0
    with suppress(BadMessage):
        for kind, body in messages(data):
            check_head(kind, len(body))
            taken += 3 + len(body)
    assert taken <= len(data)
