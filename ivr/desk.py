"""Everything a conversation leans on, in one frozen bundle; the wiring fills it with real parts."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ivr.handed_on import TellHandedOn, nobody_is_told
from ivr.intake_house import SpokenHouse
from ivr.known_callers import KnownCallers
from ivr.ports import Callbacks, CallLog, Clock, NoCallbacks, Queue, Tickets
from ivr.self_service_ports import OwnTickets
from ivr.story import Directory, Story
from ivr.talks import Talks
from ivr.voice_files import VoiceFiles
from queue_manager.opening import HoursMode
from telephony.call import CallInfo


class Session:
    """One conversation being led; `over` tells whether it has written the call's books."""

    __slots__ = ("over", "word")

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.over: asyncio.Future[bool] = loop.create_future()
        self.word: asyncio.Future[CallInfo | None] = loop.create_future()

    async def last_word(self, timeout_s: float) -> CallInfo | None:
        """What the dialplan says of the end: the call as `/hangup` tells it, None when nothing
        came in time. Raises `TakenOver` when the caller is back in a newer conversation."""
        done, _ = await asyncio.wait({self.word}, timeout=timeout_s)
        if not done:
            return None
        word = self.word.result()
        if word is None:
            raise TakenOver
        return word


class TakenOver(Exception):
    """Only our session had ended: the caller is still there, and led by a newer one."""


class Live:
    """The conversations this engine is leading, and those it has just brought to an end.

    A session's end is not yet a caller's end (Asterisk may have moved the channel, the wire may
    have broken): the dialplan's `/hangup` proves that he is gone, a new `/call` that he isn't.
    Here the two meet the conversation they belong to, so that the books are written once.
    """

    REMEMBERED = 4096

    def __init__(self) -> None:
        self._running: dict[str, Session] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()

    def begin(self, call_id: str) -> Session:
        """A conversation starts; one that was there before is told that it is replaced."""
        before = self._running.get(call_id)
        if before is not None and not before.word.done():
            before.word.set_result(None)
        session = self._running[call_id] = Session()
        return session

    def end(self, call_id: str, session: Session, *, settled: bool) -> None:
        """A conversation is over; `settled` when its ticket and its row have been written."""
        if settled:
            self._settled[call_id] = None
            if len(self._settled) > self.REMEMBERED:
                self._settled.popitem(last=False)
        if self._running.get(call_id) is session:
            del self._running[call_id]
        session.over.set_result(settled)

    async def hung_up(self, info: CallInfo) -> bool:
        """The dialplan says that the caller is gone: tell the conversation and wait until it has
        wound up. True when nothing is left to be written."""
        session = self._running.get(info.call_id)
        if session is None:
            return info.call_id in self._settled
        if not session.word.done():
            session.word.set_result(info)
        return await asyncio.shield(session.over)

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._running


@dataclass(frozen=True, slots=True)
class Desk:
    """The ports and settings of all conversations.

    `override(tenant, line_id)` is the supervisor's word for a line, with line_id "" for the whole
    tenant. `queues` has one queue per tenant. `hangup_word_s` is how long
    after a session's end the dialplan's word of it is awaited. Without a `spoken` house requests
    are recorded plainly. `waiting` are the stories of those on hold, by call. Without `own` nobody
    can serve himself. `handed_on` tells a ticket that somebody outside has its citizen.
    """

    clock: Clock
    directory: Directory
    queues: Mapping[str, Queue]
    tickets: Tickets
    call_log: CallLog
    voice: VoiceFiles
    override: Callable[[str, str], HoursMode]
    voice_offer_after_s: float = 60.0
    announce_every_s: float = 30.0
    voice_request_max_s: float = 180.0
    hangup_word_s: float = 5.0
    callbacks: Callbacks = field(default_factory=NoCallbacks)
    callers: KnownCallers = field(default_factory=KnownCallers)
    live: Live = field(default_factory=Live)
    talks: Talks = field(default_factory=Talks)
    spoken: SpokenHouse | None = None
    waiting: dict[str, Story] = field(default_factory=dict)
    own: OwnTickets | None = None
    handed_on: TellHandedOn = nobody_is_told
