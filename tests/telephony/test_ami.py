"""Links, snapshot and events: what is missed is made up for, what goes away is taken up again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from telephony.ami import Ami
from telephony.errors import ActionFailed, NotConnected
from telephony.events import (
    ChannelHungUp,
    ChannelSeen,
    ConnectionLost,
    EndpointReachable,
    Event,
    SeatAnswered,
    SnapshotTaken,
)
from telephony.translate import (
    channel_seen,
    endpoint_of,
    hung_up,
    media_flow,
    seat_answered,
)
from tests.servers import free_port
from tests.telephony.peers import ManagerServer, Switchboard, eventually, message

NOW = datetime(2026, 11, 21, tzinfo=UTC)
CALLER = (
    "Channel: PJSIP/trunk-city-00000001\r\nUniqueid: n-1.1\r\nLinkedid: n-1.1\r\n"
    "BridgeID: b1\r\nSeconds: 42\r\nVariable: HL_STAGE=talked\r\nVariable: HL_SEAT=s1\r\n"
    "Variable: HL_KEYS="
)
CONTACT = "Uri: sip:s1@127.0.0.3:5060\r\nEndpoint: s1\r\nStatus: Reachable"


class Ear:
    """Reads an Ami's events into a list."""

    def __init__(self, ami: Ami) -> None:
        self.events: list[Event] = []
        self.task = asyncio.create_task(self._read(ami))

    async def _read(self, ami: Ami) -> None:
        async for event in ami.events():
            self.events.append(event)

    async def hears(self, kind: type[Event], times: int = 1) -> list[Event]:
        """Wait for so many events of a kind; all of them."""
        found: Callable[[], list[Event]] = lambda: [e for e in self.events if isinstance(e, kind)]  # noqa: E731 - read twice
        await eventually(lambda: len(found()) >= times, f"{times} × {kind.__name__}")
        return found()


@asynccontextmanager
async def listening(
    board: Switchboard, *, ping_s: float = 10.0, answer_s: float = 5.0, inbox_limit: int = 1000
) -> AsyncIterator[tuple[Ami, Ear, ManagerServer]]:
    """An Ami connected to a switchboard."""
    async with ManagerServer(board.script) as server:
        ami = Ami(
            host="127.0.0.1",
            port=server.port,
            secret="secret",
            ping_s=ping_s,
            answer_s=answer_s,
            inbox_limit=inbox_limit,
        )
        await ami.start()
        ear = Ear(ami)
        try:
            yield ami, ear, server
        finally:
            await ami.close()
            ear.task.cancel()


async def test_the_first_thing_told_is_a_snapshot() -> None:
    """Channels with their variables, and who can be rung."""
    board = Switchboard(channels=[CALLER], contacts=[CONTACT])
    async with listening(board) as (ami, ear, _):
        snapshot = (await ear.hears(SnapshotTaken))[0]
        assert isinstance(snapshot, SnapshotTaken)
        assert snapshot.reachable_endpoints == {"s1"}
        assert snapshot.channels == (
            ChannelSeen(
                "n-1.1", "n-1.1", "PJSIP/trunk-city-00000001", True, 42.0,
                {"STAGE": "talked", "SEAT": "s1"}, "b1",
            ),
        )  # fmt: skip
        assert ami.connected


async def test_no_contacts_at_all_is_an_answer() -> None:
    """Asterisk says `Error: No Contacts found`: nobody is registered, nothing is wrong."""
    async with listening(Switchboard()) as (_, ear, _):
        snapshot = (await ear.hears(SnapshotTaken))[0]
        assert isinstance(snapshot, SnapshotTaken)
        assert snapshot.reachable_endpoints == frozenset()


async def test_events_are_told_in_order_with_asterisks_time() -> None:
    """An answer, a registration coming and going, a hang-up."""
    board = Switchboard()
    async with listening(board) as (_, ear, _):
        await ear.hears(SnapshotTaken)
        board.tell(
            "Event: DialEnd\r\nTimestamp: 1795285871.5\r\nDialStatus: ANSWER\r\nUniqueid: n-1.1"
            "\r\nDestChannel: PJSIP/s-1-0000000a",
            "Event: DialEnd\r\nDialStatus: NOANSWER\r\nUniqueid: n-1.1",
            "Event: ContactStatus\r\nURI: sip:a\r\nEndpointName: s1\r\nContactStatus: NonQualified",
            "Event: ContactStatus\r\nURI: sip:b\r\nEndpointName: s1\r\nContactStatus: Reachable",
            "Event: ContactStatus\r\nURI: sip:a\r\nEndpointName: s1\r\nContactStatus: Removed",
            "Event: ContactStatus\r\nURI: sip:b\r\nEndpointName: s1\r\nContactStatus: Unreachable",
            "Event: Hangup\r\nUniqueid: n-1.1\r\nChannel: PJSIP/x-1\r\nCause: 16",
        )
        await ear.hears(ChannelHungUp)
        answered, came, left, ended = ear.events[1:]
        at = datetime.fromtimestamp(1795285871.5, UTC)
        assert answered == SeatAnswered("n-1.1", "s-1", at)
        assert isinstance(came, EndpointReachable)
        assert isinstance(left, EndpointReachable)
        assert (came.reachable, left.reachable) == (True, False)
        assert isinstance(ended, ChannelHungUp)
        assert (ended.call_id, ended.cause) == ("n-1.1", 16)


async def test_a_hangup_missed_while_away_is_made_up_for() -> None:
    """Lost connection, reconnected, snapshot: the channel that vanished is told as hung up."""
    board = Switchboard(channels=[CALLER])
    async with listening(board) as (ami, ear, server):
        await ear.hears(SnapshotTaken)
        ami.track("n-2.2", "PJSIP/trunk-city-00000002")
        server.cut()
        await ear.hears(ConnectionLost)
        assert not ami.connected
        await ear.hears(SnapshotTaken, 2)
        kinds = [type(e) for e in ear.events]
        assert kinds == [SnapshotTaken, ConnectionLost, ChannelHungUp, SnapshotTaken]
        ended = ear.events[2]
        assert isinstance(ended, ChannelHungUp)
        assert ended.call_id == "n-2.2"


async def test_a_call_that_began_during_the_snapshot_isnt_declared_dead() -> None:
    """What is tracked after the question was asked can't be in the answer."""
    board = Switchboard()
    async with listening(board) as (ami, ear, _):
        await ear.hears(SnapshotTaken)
        board.mute = True
        asking = asyncio.create_task(anext(ami._snapshot()))
        await eventually(lambda: board.asked.count("Status") == 2, "no question")
        ami.track("n-3.3", "PJSIP/trunk-city-00000003")
        assert list(ami._missed({}, (), NOW)) == []
        asking.cancel()
        assert "n-3.3" in ami._alive


async def test_events_during_the_snapshot_follow_it() -> None:
    """They are kept back, not lost and not told before."""
    board = Switchboard(channels=[CALLER])
    async with ManagerServer(board.script) as server:
        ami = Ami(host="127.0.0.1", port=server.port, secret="secret")
        await ami.start()
        await eventually(lambda: bool(board.listeners), "not connected")
        board.tell("Event: Hangup\r\nUniqueid: n-1.1\r\nChannel: x\r\nCause: 16")
        await asyncio.sleep(0.05)
        ear = Ear(ami)
        await ear.hears(ChannelHungUp)
        assert [type(e) for e in ear.events] == [SnapshotTaken, ChannelHungUp]
        await ami.close()
        ear.task.cancel()


async def test_what_is_told_at_once_keeps_the_order() -> None:
    """Beside the reader while all is well; through him while a snapshot is awaited, and no more
    once he reads no longer."""
    board = Switchboard()
    hangup = "Event: Hangup\r\nUniqueid: n-{}.1\r\nChannel: x\r\nCause: 16"
    read: list[bool] = []
    async with listening(board) as (ami, ear, server):

        def take(event: Event) -> None:
            read.append(asyncio.current_task() is ear.task)
            ear.events.append(event)

        ami.tell_at_once(take)
        await ear.hears(SnapshotTaken)
        board.tell(hangup.format(1), hangup.format(2))
        await ear.hears(ChannelHungUp, 2)
        assert read == [False, False]
        gate, ask = asyncio.Event(), ami.channels

        async def slow() -> tuple[ChannelSeen, ...]:
            await gate.wait()
            return await ask()

        ami.channels = slow  # type: ignore[method-assign]  # Asterisk is slow to answer
        server.cut()
        await ear.hears(ConnectionLost)
        await eventually(lambda: ami.connected, "not connected again")
        board.tell(hangup.format(3))
        await eventually(lambda: ami._inbox.qsize() == 1, "the event wasn't kept back")
        gate.set()
        await ear.hears(ChannelHungUp, 3)
        after = [SnapshotTaken, ChannelHungUp, ChannelHungUp, ConnectionLost]
        assert [type(e) for e in ear.events] == [*after, SnapshotTaken, ChannelHungUp]
        assert read == [False, False]
        board.tell(hangup.format(4))
        await ear.hears(ChannelHungUp, 4)
        assert read == [False, False, False]
        ear.task.cancel()
        await asyncio.wait({ear.task})
        board.tell(hangup.format(5))
        await eventually(lambda: ami._inbox.qsize() == 1, "the event wasn't kept")
        assert len(read) == 3


async def test_a_peer_that_stops_answering_is_left() -> None:
    """Trap 7: the Pong is watched; without one the link is dropped and made anew."""
    board = Switchboard()
    async with listening(board, ping_s=0.05, answer_s=0.2) as (_, ear, server):
        await ear.hears(SnapshotTaken)
        board.mute = True
        await ear.hears(ConnectionLost)
        board.mute = False
        await ear.hears(SnapshotTaken, 2)
        assert server.made > 2


async def test_an_inbox_that_runs_over_is_made_good_by_a_snapshot() -> None:
    """Memory is bounded; nothing is dropped in silence: the link begins anew."""
    board = Switchboard()
    async with listening(board, inbox_limit=10) as (_, ear, _):
        await ear.hears(SnapshotTaken)
        board.tell(*["Event: Hangup\r\nUniqueid: n-9.9\r\nChannel: x\r\nCause: 16"] * 200)
        await ear.hears(SnapshotTaken, 2)
        assert any(isinstance(e, ConnectionLost) for e in ear.events)


async def test_an_event_we_cannot_read_costs_only_itself() -> None:
    """A header twice makes a list of it: counted, the next event is told."""
    board = Switchboard()
    async with listening(board) as (_, ear, _):
        await ear.hears(SnapshotTaken)
        board.tell(
            "Event: Hangup\r\nCause: 1\r\nCause: 2\r\nUniqueid: n-1.1",
            "Event: Hangup\r\nUniqueid: n-1.2\r\nChannel: x\r\nCause: 16",
        )
        ended = (await ear.hears(ChannelHungUp))[0]
        assert isinstance(ended, ChannelHungUp)
        assert ended.call_id == "n-1.2"


async def test_actions_are_answered_refused_or_not_sent() -> None:
    """Three ends, each told apart."""
    board = Switchboard()
    async with listening(board) as (ami, ear, server):
        await ear.hears(SnapshotTaken)
        assert (await ami.action("Ping")).ping == "Pong"
        with pytest.raises(ActionFailed, match="no answer"):
            await ami.action("Originate", {"Channel": "PJSIP/x"}, timeout_s=0.1)
        board.mute = True
        server.cut()
        await ear.hears(ConnectionLost)
        with pytest.raises(NotConnected):
            await ami.action("Ping")


async def test_asterisk_may_come_later_than_we() -> None:
    """Nobody listens at first: tried again until it is there."""
    board = Switchboard()
    port = free_port()  # of this process's own: one just closed may be anybody's
    ami = Ami(host="127.0.0.1", port=port, secret="secret")
    await ami.start()
    ear = Ear(ami)
    await asyncio.sleep(0.3)
    assert not ami.connected
    late = ManagerServer(board.script)
    late.port = port
    async with late:
        await ear.hears(SnapshotTaken)
        await ami.close()
        ear.task.cancel()


async def test_a_refused_login_is_tried_again_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong secret is an error in the log that names manager.conf; not a crash."""
    board = Switchboard(secret="another")
    async with listening(board) as (ami, _, _):
        await eventually(lambda: board.asked.count("Login") >= 3, "not tried again")
        assert not ami.connected
    assert "manager.conf" in capsys.readouterr().out


def test_names_of_endpoints() -> None:
    """The channel's name without technology and number."""
    assert endpoint_of("PJSIP/seat-8-00000a2f") == "seat-8"
    assert endpoint_of("nonsense") == ""


def test_odd_messages_become_events_all_the_same() -> None:
    """A missing cause or duration is 0, one variable is a dict of one."""
    assert hung_up(message("Event: Hangup\r\nUniqueid: a"), NOW).cause == 0
    assert seat_answered(message("Event: DialEnd\r\nDialStatus: BUSY"), NOW) is None
    seen = channel_seen(message("Event: Status\r\nUniqueid: a\r\nVariable: HL_STAGE=x=y"))
    assert seen.variables == {"STAGE": "x=y"}
    assert not seen.bridged


@pytest.mark.parametrize(
    ("told", "flow"),
    [
        ("HL_MEDIA=1795286552.250000 250 300", (1795286552.25, 250, 300)),
        (["OTHER=1", "HL_MEDIA=1795286552.5 0 12"], (1795286552.5, 0, 12)),
        ("HL_MEDIA=", None),
        ("HL_MEDIA=1795286552.250000  ", None),
        ("HL_MEDIA=rubbish 1 2", None),
        ("", None),
    ],
)
def test_the_dialplans_word_on_a_calls_media(
    told: str | list[str], flow: tuple[float, int, int] | None
) -> None:
    """End and packets of a caller's channel; None for channels that have no such word."""
    read = media_flow(told)
    seen = read and (read.ended_at.timestamp(), read.packets_in, read.packets_out)
    assert seen == flow


async def test_keys_are_told_while_somebody_waits_for_one() -> None:
    """Asked for once, given back once, and asked for again by every new connection meanwhile."""
    board = Switchboard()
    async with listening(board) as (ami, ear, server):
        await ear.hears(SnapshotTaken)
        assert board.masks == []
        ami.hear_keys(True)
        ami.hear_keys(True)
        await eventually(lambda: board.masks == ["system,call,dtmf"], "never asked for")
        server.cut()
        await ear.hears(SnapshotTaken, times=2)
        await eventually(lambda: len(board.masks) == 2, "not asked for again")
        ami.hear_keys(False)
        await eventually(lambda: board.masks[2:] == ["system,call"], "not given back")
