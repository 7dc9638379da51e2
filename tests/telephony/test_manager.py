"""panoramisk's AMI traps: each guarded, and shown in plain panoramisk where that has the fault."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from telephony import counters
from telephony.errors import ActionFailed, NotConnected, UnsafeValue
from telephony.manager import MESSAGE_LIMIT_BYTES, GuardedManager
from tests.telephony.peers import (
    BOOTED,
    LOGIN_OK,
    AmiPeer,
    ManagerServer,
    Script,
    Switchboard,
    eventually,
)

LOGIN: dict[str, Any] = {"host": "127.0.0.1", "username": "hotline", "secret": "secret"}


def bad(reason: str) -> float:
    return float(counters.AMI_BAD_MESSAGES.labels(reason)._value.get())


@asynccontextmanager
async def connected(script: Script) -> AsyncIterator[tuple[GuardedManager, list[Message]]]:
    """A guarded manager logged in at a scripted server, and the events it was told."""
    heard: list[Message] = []
    async with ManagerServer(script) as server:
        manager = GuardedManager(heard.append, port=server.port, **LOGIN)
        try:
            await manager.connect_once(40)
            yield manager, heard
        finally:
            manager.close()


async def login(peer: AmiPeer) -> None:
    """Take the login and accept it."""
    peer.send(LOGIN_OK, action=await peer.action())


async def until_closed(peer: AmiPeer) -> None:
    while await peer.action():
        pass


def split_name(peer: AmiPeer) -> tuple[bytes, bytes]:
    """An event with 张伟 in it, cut inside the first character."""
    event = "Event: Hangup\r\nCallerIDName: 张伟\r\nUniqueid: a-1\r\n\r\n".encode()
    cut = event.index("张".encode()) + 1
    return event[:cut], event[cut:]


async def test_a_character_split_over_two_reads_is_whole() -> None:
    """Trap 4: bytes are framed before they are decoded."""

    async def script(peer: AmiPeer) -> None:
        await login(peer)
        first, second = split_name(peer)
        peer.writer.write(first)
        await peer.writer.drain()
        await asyncio.sleep(0.05)
        peer.writer.write(second)
        await until_closed(peer)

    async with connected(script) as (_, heard):
        await eventually(lambda: bool(heard), "no event")
        assert heard[0].calleridname == "张伟"


class Dispatched:
    """What a plain panoramisk protocol hands on."""

    save_stream = None

    def __init__(self, fail: bool = False) -> None:
        self.heard: list[Message] = []
        self._fail = fail

    def dispatch(self, event: Message) -> None:
        self.heard.append(event)
        if self._fail:
            raise ValueError("a callback's mistake")


def plain_protocol(factory: Dispatched) -> AMIProtocol:
    protocol = AMIProtocol()
    protocol.connection_made(None)
    protocol.factory, protocol.encoding = factory, "utf8"
    return protocol


def test_plain_panoramisk_loses_the_split_character() -> None:
    """The fault guarded above: 张伟 arrives as 伟."""
    factory = Dispatched()
    protocol = plain_protocol(factory)
    for piece in split_name(None):
        protocol.data_received(piece)
    assert factory.heard[0].calleridname == "伟"


async def test_a_failing_callback_costs_one_message() -> None:
    """Trap 5: the rest of the chunk and the connection live on; it is counted."""
    heard: list[str] = []

    def take(event: Message) -> None:
        heard.append(event.uniqueid)
        if event.uniqueid == "a-1":
            raise ValueError("a callback's mistake")

    async def script(peer: AmiPeer) -> None:
        await login(peer)
        peer.send("Event: Hangup\r\nUniqueid: a-1", "Event: Hangup\r\nUniqueid: a-2")
        peer.send("Response: Success", action=await peer.action())
        await until_closed(peer)

    before = bad("unreadable")
    async with ManagerServer(script) as server:
        manager = GuardedManager(take, port=server.port, **LOGIN)
        await manager.connect_once(40)
        await manager.act("Ping", {}, timeout_s=5, as_list=False)
        manager.close()
    assert heard == ["a-1", "a-2"]
    assert bad("unreadable") == before + 1


def test_plain_panoramisk_drops_the_rest_of_the_chunk() -> None:
    """The fault guarded above: the exception goes through, the second event is never seen."""
    factory = Dispatched(fail=True)
    protocol = plain_protocol(factory)
    two = b"Event: Hangup\r\nUniqueid: a-1\r\n\r\nEvent: Hangup\r\nUniqueid: a-2\r\n\r\n"
    with pytest.raises(ValueError, match="mistake"):
        protocol.data_received(two)
    assert [m.uniqueid for m in factory.heard] == ["a-1"]


async def test_unanswered_actions_fail_and_are_never_sent_again() -> None:
    """Trap 6: a lost connection fails the action; the next connection doesn't carry it."""
    got: list[list[str]] = []

    async def script(peer: AmiPeer) -> None:
        mine: list[str] = []
        got.append(mine)
        await login(peer)
        peer.send(BOOTED)
        while action := await peer.action():
            mine.append(action["action"])
            if action["action"] == "Originate":
                peer.writer.transport.abort()
            else:
                peer.send("Response: Success", action=action)

    async with ManagerServer(script) as server:
        manager = GuardedManager(lambda event: None, port=server.port, **LOGIN)
        await manager.connect_once(40)
        with pytest.raises(ActionFailed, match="lost"):
            await manager.act("Originate", {"Channel": "PJSIP/x"}, timeout_s=5, as_list=False)
        with pytest.raises(NotConnected):
            await manager.act("Ping", {}, timeout_s=5, as_list=False)
        again = GuardedManager(lambda event: None, port=server.port, **LOGIN)
        await again.connect_once(40)
        await again.act("Ping", {}, timeout_s=5, as_list=False)
        again.close()
        manager.close()
    assert got == [["Originate"], ["Ping"]]


async def test_plain_panoramisk_dials_late() -> None:
    """The fault guarded above: the Originate of before goes out on the new connection."""
    got: list[str] = []
    dialled_late = asyncio.Event()

    async def script(peer: AmiPeer) -> None:
        await login(peer)
        peer.send(BOOTED)
        while action := await peer.action():
            got.append(action["action"])
            if got.count("Originate") == 1:
                peer.writer.transport.abort()
            else:
                dialled_late.set()

    async with ManagerServer(script) as server:
        manager = Manager(
            loop=asyncio.get_running_loop(), port=server.port, reconnect_timeout=0, **LOGIN
        )
        await manager.connect()
        await asyncio.sleep(0.1)
        manager.send_action({"Action": "Originate", "Channel": "PJSIP/x"})
        async with asyncio.timeout(40):
            await dialled_late.wait()
        manager.close()
    assert got == ["Originate", "Originate"]


async def test_an_action_without_an_answer_ends_in_time() -> None:
    """Trap 7: each action has a deadline; a late answer afterwards is harmless."""
    late: list[dict[str, str]] = []

    async def script(peer: AmiPeer) -> None:
        await login(peer)
        late.append(await peer.action())
        ping = await peer.action()
        peer.send("Response: Success\r\nMessage: late", action=late[0])
        peer.send("Response: Success\r\nPing: Pong", action=ping)
        await until_closed(peer)

    async with connected(script) as (manager, _):
        with pytest.raises(ActionFailed, match="no answer"):
            await manager.act("Status", {}, timeout_s=0.1, as_list=False)
        assert manager.protocol.responses == {}
        pong = await manager.act("Ping", {}, timeout_s=5, as_list=False)
        assert pong.ping == "Pong"


async def test_a_refused_list_action_ends_at_once() -> None:
    """`Error` instead of a list is an answer (plain panoramisk would wait for the list's end)."""

    async def script(peer: AmiPeer) -> None:
        await login(peer)
        peer.send("Response: Error\r\nMessage: Permission denied", action=await peer.action())
        await until_closed(peer)

    async with connected(script) as (manager, _):
        with pytest.raises(ActionFailed, match="Permission denied"):
            await manager.act("Status", {}, timeout_s=5, as_list=True)


async def test_sending_before_connecting_is_told() -> None:
    """Trap 8: NotConnected, and nothing waits to be sent."""
    manager = GuardedManager(lambda event: None, port=1, **LOGIN)
    with pytest.raises(NotConnected):
        await manager.act("Ping", {}, timeout_s=1, as_list=False)


async def test_plain_panoramisk_breaks_when_it_sends_before_connecting() -> None:
    """The fault guarded above: an AttributeError of its own."""
    with pytest.raises(AttributeError):
        Manager(loop=asyncio.get_running_loop()).send_action({"Action": "Ping"})


@pytest.mark.parametrize(
    "fields",
    [
        {"Channel": "x\r\nAction: Originate"},
        {"Channel": "a\nb"},
        {"Channel": "a\0b"},
        {"Chan\r\nnel": "x"},
        {"A: b": "x"},
    ],
)
async def test_line_breaks_never_reach_the_wire(fields: dict[str, str]) -> None:
    """Trap 9: CR and LF would inject headers and actions."""
    asked: list[dict[str, str]] = []

    async def script(peer: AmiPeer) -> None:
        await login(peer)
        while action := await peer.action():
            asked.append(action)
            peer.send("Response: Success", action=action)

    async with connected(script) as (manager, _):
        with pytest.raises(UnsafeValue):
            await manager.act("Setvar", fields, timeout_s=5, as_list=False)
        await manager.act("Ping", {}, timeout_s=5, as_list=False)
    assert [a["action"] for a in asked] == ["Ping"]


async def test_a_wrong_secret_is_told_as_such() -> None:
    """A refused login isn't a network trouble: the error says where to look."""
    async with ManagerServer(Switchboard(secret="other").script) as server:
        manager = GuardedManager(lambda event: None, port=server.port, **LOGIN)
        with pytest.raises(ActionFailed, match=r"manager\.conf"):
            await manager.connect_once(40)
        manager.close()


async def test_a_login_without_an_answer_ends_in_time() -> None:
    """A peer that takes the connection and says nothing."""
    async with ManagerServer(until_closed) as server:
        manager = GuardedManager(lambda event: None, port=server.port, **LOGIN)
        with pytest.raises(NotConnected, match="no answer"):
            await manager.connect_once(0.1)
        manager.close()


@pytest.mark.parametrize(
    ("reason", "rubbish"),
    [
        ("message_too_long", b"Event: X\r\nY: " + b"z" * (MESSAGE_LIMIT_BYTES + 10)),
        ("not_a_manager", b""),
    ],
)
async def test_a_peer_that_is_no_manager_is_dropped_and_counted(
    reason: str, rubbish: bytes
) -> None:
    """Endless bytes without a message's end, or another protocol on that port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if rubbish:
            writer.write(b"Asterisk Call Manager/11.0.0\r\n" + rubbish)
        else:
            writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await reader.read()
        writer.close()

    before = bad(reason)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    manager = GuardedManager(lambda event: None, port=server.sockets[0].getsockname()[1], **LOGIN)
    with pytest.raises(NotConnected):
        await manager.connect_once(40)
    assert bad(reason) == before + 1
    manager.close()
    server.close()
    await server.wait_closed()


async def test_nothing_reconnects_after_close() -> None:
    """A closed manager stays closed (plain panoramisk's timer may connect again)."""
    switchboard = Switchboard()
    async with ManagerServer(switchboard.script) as server:
        manager = GuardedManager(lambda event: None, port=server.port, reconnect_timeout=0, **LOGIN)
        await manager.connect_once(40)
        server.cut()
        await asyncio.wait_for(manager.lost, 40)
        manager.close()
        await asyncio.sleep(0.1)
        assert server.made == 1
