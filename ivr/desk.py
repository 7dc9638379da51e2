"""Everything a conversation leans on, in one frozen bundle; the wiring fills it with real parts."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from asterisk_conf.model import Trunk
from ivr.flow import Flows
from ivr.hours import Override
from ivr.lines import Lines
from ivr.ports import CallLog, Clock, Queue, Tickets
from ivr.tenants import Tenant


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """Where a spoken request lies: `inside` as Asterisk sees it, without extension, `stored`
    relative to the home, with `.wav`."""

    inside: str
    stored: str


class VoiceFiles(Protocol):
    """The places of spoken requests."""

    def place(self, call_id: str, started_at: datetime, take: int) -> VoiceFile:
        """Where the caller's `take`-th attempt (from 1) belongs; the same answer every time."""
        ...

    async def seconds(self, stored: str) -> float:
        """Length of the audio that lies there; 0.0 when there is none."""
        ...


class Live:
    """The conversations this engine is leading, and those it has just brought to an end.

    When a caller leaves, his conversation notices and so does the dialplan's `/hangup`: only one
    of them may finish the books, and the other must know that it was done.
    """

    REMEMBERED = 4096

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Future[bool]] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()

    def begin(self, call_id: str) -> None:
        """A conversation starts."""
        self._running[call_id] = asyncio.get_running_loop().create_future()

    def end(self, call_id: str, *, settled: bool) -> None:
        """A conversation is over; `settled` when its ticket and its row have been written."""
        if settled:
            self._settled[call_id] = None
            if len(self._settled) > self.REMEMBERED:
                self._settled.popitem(last=False)
        running = self._running.pop(call_id, None)
        if running is not None and not running.done():
            running.set_result(settled)

    async def settled(self, call_id: str) -> bool:
        """Wait for a running conversation to end; True when nothing is left to be written."""
        running = self._running.get(call_id)
        if running is not None:
            return await asyncio.shield(running)
        return call_id in self._settled

    def __len__(self) -> int:
        return len(self._running)


@dataclass(frozen=True, slots=True)
class Desk:
    """The ports and settings of all conversations.

    `override(tenant, line_id)` is the supervisor's word for a line, with line_id "" for the whole
    tenant. `queues` has one queue per tenant, `trunks` is by trunk id.
    """

    clock: Clock
    tenants: Sequence[Tenant]
    trunks: Mapping[str, Trunk]
    lines: Lines
    flows: Flows
    queues: Mapping[str, Queue]
    tickets: Tickets
    call_log: CallLog
    voice: VoiceFiles
    override: Callable[[str, str], Override]
    voice_offer_after_s: float = 60.0
    announce_every_s: float = 30.0
    voice_request_max_s: float = 180.0
    live: Live = field(default_factory=Live)
