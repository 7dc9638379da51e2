"""The other ends of our sockets: an Asterisk that speaks AGI, and one that speaks AMI."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from panoramisk.message import Message

WAIT_S = 40.0
CALL_ID = "node-1795285829.7"
ENTRY = {
    "TRUNK": "city",
    "CALLED": "12345",
    "FIRST_CALLED": "12333",
    "ASSERTED": "",
    "CALLER": "13800138000",
    "RECORDING": "/hotline/recordings/2026/11/21/a.wav",
    "ANSWERED_AT": "1795285829.250000",
    "STAGE": "",
    "CALLER_NAME": "",
}
LOGIN_OK = "Response: Success\r\nMessage: Authentication accepted"
BOOTED = "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted"


def header(
    route: str = "call",
    call_id: str = CALL_ID,
    channel: str = "PJSIP/trunk-city-00000001",
    **entry: str,
) -> bytes:
    """What Asterisk 22 sends before the first command."""
    values = {**ENTRY, **entry}
    lines = [
        f"agi_network_script: {route}",
        f"agi_request: agi://127.0.0.1:4573/{route}",
        f"agi_channel: {channel}",
        f"agi_uniqueid: {call_id}",
        "agi_callerid: 13800138000",
        *(f"agi_arg_{n}: {quote(v, safe='')}" for n, v in enumerate(values.values(), 1)),
    ]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n"


@dataclass
class AgiPeer:
    """One FastAGI connection from Asterisk's side."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def command(self) -> str:
        """The engine's next command, without its line feed; "" when it closed."""
        async with asyncio.timeout(WAIT_S):
            return (await self.reader.readline()).decode().removesuffix("\n")

    def send(self, line: str | bytes) -> None:
        self.writer.write((line.encode() if isinstance(line, str) else line) + b"\n")

    async def expect(self, start: str, answer: str = "200 result=0") -> str:
        """Take a command that begins so, and answer it."""
        command = await self.expect_only(start)
        self.send(answer)
        return command

    async def expect_only(self, start: str) -> str:
        """Take a command that begins so, and leave it unanswered."""
        command = await self.command()
        assert command.startswith(start), f"{command!r} instead of {start!r}"
        return command

    async def closed(self) -> bytes:
        """Wait until the engine closes; what it still sent."""
        async with asyncio.timeout(WAIT_S):
            with contextlib.suppress(ConnectionError):
                return await self.reader.read()
            return b""

    async def leave(self) -> None:
        """Close, as Asterisk does when the caller has gone."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def agi_peer(port: int, first: bytes = b"") -> AsyncIterator[AgiPeer]:
    """Connect to a FastAGI port and send something first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    peer = AgiPeer(reader, writer)
    try:
        yield peer
    finally:
        await peer.leave()


@dataclass
class AmiPeer:
    """One manager connection from Asterisk's side."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    fields: dict[str, str] = field(default_factory=dict)

    async def action(self) -> dict[str, str]:
        """The next action's fields, names in lower case; empty when the engine closed."""
        try:
            block = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            return {}
        pairs = (line.partition(": ") for line in block.splitlines() if line)
        return {name.lower(): value for name, _, value in pairs}

    def send(self, *blocks: str, action: Mapping[str, str] | None = None) -> None:
        """Send messages; with `action` they carry its id."""
        mark = f"\r\nActionID: {action['actionid']}" if action else ""
        self.writer.write("".join(f"{b}{mark}\r\n\r\n" for b in blocks).encode())


Script = Callable[[AmiPeer], Awaitable[None]]


class ManagerServer:
    """A manager port whose every connection follows a script, given by the test."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.connections = itertools.count()
        self.made = 0

    async def __aenter__(self) -> "ManagerServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Cut all connections, as a killed Asterisk does."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made += 1
        self._writers.add(writer)
        try:
            writer.write(b"Asterisk Call Manager/11.0.0\r\n")
            await self._script(AmiPeer(reader, writer))
        except ConnectionError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


@dataclass
class Switchboard:
    """A small Asterisk for `ManagerServer`: logs in, lists channels and contacts, tells events."""

    channels: list[str] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)
    secret: str = "secret"
    listeners: list[AmiPeer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    mute: bool = False

    async def script(self, peer: AmiPeer) -> None:
        while action := await peer.action():
            self.asked.append(action["action"])
            if not self.mute:
                self._answer(peer, action)

    def tell(self, *events: str) -> None:
        for listener in self.listeners:
            listener.send(*events)

    def _answer(self, peer: AmiPeer, action: dict[str, str]) -> None:
        match action["action"]:
            case "Login" if action["secret"] != self.secret:
                peer.send("Response: Error\r\nMessage: Authentication failed", action=action)
                peer.writer.close()
            case "Login":
                peer.send(LOGIN_OK, action=action)
                peer.send(BOOTED)
                if action["events"] != "off":
                    self.listeners = [peer]
            case "Events":
                self.masks.append(action["eventmask"])
                peer.send("Response: Success\r\nEvents: On", action=action)
            case "Ping":
                peer.send("Response: Success\r\nPing: Pong", action=action)
            case "Status":
                peer.send("Response: Success\r\nEventList: start", action=action)
                peer.send(*(f"Event: Status\r\n{c}" for c in self.channels), action=action)
                peer.send("Event: StatusComplete\r\nItems: 1", action=action)
            case "PJSIPShowContacts" if not self.contacts:
                peer.send("Response: Error\r\nMessage: No Contacts found", action=action)
            case "PJSIPShowContacts":
                peer.send("Response: Success\r\nEventList: start", action=action)
                peer.send(*(f"Event: ContactList\r\n{c}" for c in self.contacts), action=action)
                peer.send("Event: ContactListComplete", action=action)


async def eventually(condition: Callable[[], bool], what: str, *, within_s: float = WAIT_S) -> None:
    """Wait for something that has no event of its own."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)
    assert condition(), what


def message(text: str) -> Message:
    """An AMI message from its lines."""
    parsed = Message.from_line(text)
    assert parsed is not None
    return parsed
