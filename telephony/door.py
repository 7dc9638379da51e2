"""`Telephony`: FastAGI server, manager links and answer registry as one door to one Asterisk."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace

import structlog

from telephony import agi, counters, entry
from telephony.ami import Ami
from telephony.answers import AnswerRegistry
from telephony.audiosocket_server import AudioSocketServer
from telephony.call import CallInfo
from telephony.connection import AgiConnection
from telephony.errors import ActionFailed, NotConnected
from telephony.events import Event, KeyPressed, SeatAnswered, SnapshotTaken
from telephony.fastagi import FastAgiServer
from telephony.keys import Keys
from telephony.originate import Originator
from telephony.session import ANSWER_S
from telephony.talking import TalkingCall, read_leg

OnCall = Callable[[TalkingCall], Awaitable[None]]
OnHangup = Callable[[CallInfo], Awaitable[None]]
OnEvent = Callable[[Event], None]

log = structlog.get_logger(__name__)


class Telephony:
    """The door. `on_call` leads one call in its own task; `on_hangup` takes in the end of a call
    that no engine finished; `on_event` gets Asterisk's events in order and must return at once;
    `on_leg` leads a leg that has come to the desk (telephony.talking).

    A conversation that raises is logged; its socket closes and the dialplan comes back with it.
    """

    def __init__(
        self,
        *,
        host: str,
        agi_port: int,
        ami_port: int,
        ami_secret: str,
        on_call: OnCall,
        on_hangup: OnHangup,
        on_event: OnEvent,
        on_leg: OnCall | None = None,
        sweep_s: float = 60.0,
    ) -> None:
        self._on_call = on_call
        self._on_hangup = on_hangup
        self._on_event = on_event
        self._on_leg = on_leg
        self._sweep_s = sweep_s
        self._answers = AnswerRegistry()
        self._calls: dict[str, AgiConnection] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.ami = Ami(host=host, port=ami_port, secret=ami_secret)
        self.originator = Originator(self.ami)
        self._keys = Keys(self.ami)
        self.audio = AudioSocketServer(host=host)
        self._server = FastAgiServer(
            {"call": self._call, "hangup": self._hangup, "leg": self._leg}, host=host, port=agi_port
        )

    async def start(self) -> None:
        """Listen and begin to connect; raises OSError when the AGI port is taken."""
        await self._server.start()
        await self.audio.start()
        await self.ami.start()
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._sweep())]

    async def close(self) -> None:
        """Stop. Calls live on: sessions are cancelled, and Asterisk's dialplan comes back."""
        await self._server.close()
        await self.audio.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self.ami.close()

    @property
    def agi_port(self) -> int:
        return self._server.port

    @property
    def listening(self) -> bool:
        """Calls can reach us."""
        return self._server.listening

    @property
    def ready(self) -> bool:
        """Calls can be taken and Asterisk's events are heard."""
        return self._server.listening and self.ami.connected

    def active_calls(self) -> Collection[str]:
        """The call_ids being led right now."""
        return self._calls.keys()

    async def _call(self, connection: AgiConnection, header: dict[str, str]) -> None:
        info = entry.read_entry(header)
        structlog.contextvars.bind_contextvars(call_id=info.call_id)
        if info.reentry:
            info = await _with_rest(info, connection)
        self.ami.track(info.call_id, info.channel)
        self._calls[info.call_id] = connection
        try:
            await self._on_call(self._talking(info, connection))
        finally:
            if self._calls.get(info.call_id) is connection:
                del self._calls[info.call_id]
                self._keys.forget(info.call_id)

    def _talking(self, info: CallInfo, connection: AgiConnection) -> TalkingCall:
        return TalkingCall(info, connection, self._answers, self._keys, self.audio)

    async def _leg(self, connection: AgiConnection, header: dict[str, str]) -> None:
        """A leg of a talk has come to the desk; when its leading is over it is hung up."""
        info = read_leg(header)
        structlog.contextvars.bind_contextvars(call_id=info.variables["TALK"])
        self.ami.track(info.call_id, info.channel)
        call = TalkingCall(info, connection, self._answers, self._keys)
        if self._on_leg is not None:
            await self._on_leg(call)
        await call.finish()

    async def _hangup(self, connection: AgiConnection, header: dict[str, str]) -> None:
        info = await _with_rest(entry.read_entry(header), connection)
        structlog.contextvars.bind_contextvars(call_id=info.call_id)
        await self._on_hangup(info)
        done = agi.command("SET VARIABLE", "HL_DONE", "1")
        agi.parse_reply(await connection.command(done, ANSWER_S))

    async def _listen(self) -> None:
        self.ami.tell_at_once(self._heard)
        async for event in self.ami.events():
            self._heard(event)

    def _heard(self, event: Event) -> None:
        if isinstance(event, SeatAnswered):
            self._answers.tell(event)
        elif isinstance(event, KeyPressed):
            self._keys.tell(event)
            return
        elif isinstance(event, SnapshotTaken):
            self._answers.take(event)
        self.originator.take(event)
        try:
            self._on_event(event)
        except Exception:
            log.exception("event_not_taken", event_type=type(event).__name__)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._sweep_s)
            try:
                await self.sweep()
            except (NotConnected, ActionFailed) as error:
                log.info("sweep_left_out", error=str(error))

    async def sweep(self) -> None:
        """End the sessions whose channel Asterisk doesn't know: ghost calls.

        Raises NotConnected or ActionFailed when Asterisk can't be asked; nothing is ended then.
        """
        before = dict(self._calls)
        if not before:
            return
        living = {channel.call_id for channel in await self.ami.channels()}
        for call_id, connection in before.items():
            if call_id not in living and not connection.ended_by:
                counters.GHOST_CALLS.inc()
                log.error("ghost_call_ended", call_id=call_id)
                connection.end("ghost")


async def _with_rest(info: CallInfo, connection: AgiConnection) -> CallInfo:
    line = agi.command("GET FULL VARIABLE", entry.REST)
    rest = entry.read_rest(agi.parse_value(await connection.command(line, ANSWER_S)))
    return replace(info, variables={**info.variables, **rest})
