"""A house that calls people back, in virtual time: the real queue, runner and books; SQL, journal
and Asterisk as what outlives an engine. `Engine.kill` is a SIGKILL: nothing it does counts after.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from hotline.callback_books import CallbackBooks
from hotline.callback_runner import Outside
from hotline.callbacks import Callbacks
from ivr.ports import CallbackRequest
from queue_manager.callback import CallbackEvent, asked_in
from queue_manager.errors import PlaceGone
from queue_manager.model import LeaveReason, Need, Requirement, Verdict, WaitingCaller
from queue_manager.rules import CallbackOrder, CallbackRules
from queue_manager.service import QueueService
from storage.callbacks import KeptCallback
from telephony.events import ChannelHungUp, ChannelSeen, SnapshotTaken
from telephony.originate import Answer, Leg
from tests.queue_manager.builders import SETTINGS, Memory, seat
from tests.queue_manager.virtual_time import LoopClock
from tests.storage.facts import call_facts
from tickets.errors import StoreAway
from tickets.model import NewTicket

T = TypeVar("T")
TENANT = "nanning"
MANDARIN = Requirement.of(Need("lang:cmn"))
RULES = CallbackRules(tries=3, retry_s=300, expires_s=7200)


class Sql:
    """The table and the journal, which brings its lines when SQL is back."""

    def __init__(self) -> None:
        self.rows: dict[str, KeptCallback] = {}
        self.lines: list[KeptCallback] = []
        self.tickets: list[NewTicket] = []
        self.away = False
        self.healthy = True

    def put(self, kept: KeptCallback) -> bool:
        known = self.rows.get(kept.callback.call_id)
        if known is not None and known.callback.version >= kept.callback.version:
            return False
        self.rows[kept.callback.call_id] = kept
        return True

    def back(self) -> None:
        """SQL is there again, and the journal is drained."""
        self.away = False
        for kept in self.lines:
            self.put(kept)
        self.lines = []


@dataclass
class LegSeen:
    """A call that rings somebody, or is talked in."""

    leg: Leg
    number: str
    ended: "asyncio.Future[Answer]"
    answered: bool = False
    talked: bool = False


class Switch:
    """Asterisk and the telephones behind it. Legs outlive engines."""

    def __init__(self) -> None:
        self.legs: dict[str, LegSeen] = {}
        self.on_line: set[str] = set()
        self.made: list[str] = []
        self.faults: list[str] = []
        self.engine: Engine | None = None

    def ring(self, number: str, leg: Leg) -> "asyncio.Future[Answer]":
        if leg.leg_id in self.made:
            self.faults.append(f"{leg.leg_id} is used twice")
        if number and number in [seen.number for seen in self.legs.values()]:
            self.faults.append(f"{number} is rung twice at a time")
        self.made.append(leg.leg_id)
        ended: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.legs[leg.leg_id] = LegSeen(leg, number, ended)
        asyncio.get_running_loop().call_later(leg.ring_s, self._rang_enough, leg.leg_id)
        return ended

    def _rang_enough(self, leg_id: str) -> None:
        if leg_id in self.legs and not self.legs[leg_id].answered:
            self.end(leg_id, Answer.NO_ANSWER)

    def end(self, leg_id: str, how: Answer) -> None:
        """It rings in vain, or is hung up."""
        seen = self.legs.pop(leg_id)
        if not seen.ended.done():
            seen.ended.set_result(how)
        if self.engine is not None:
            gone = ChannelHungUp(leg_id, f"PJSIP/trunk-x-{leg_id}", 17, datetime.now().astimezone())
            self.engine.callbacks.take_event(gone)

    def answer(self, leg_id: str) -> None:
        """Somebody picks up: the dialplan brings the call to the engine that is there."""
        seen = self.legs[leg_id]
        seen.answered = True
        seen.ended.set_result(Answer.ANSWERED)
        if self.engine is not None:
            self.engine.led(leg_id)

    def snapshot(self) -> SnapshotTaken:
        channels = tuple(
            ChannelSeen(
                leg_id, leg_id, f"PJSIP/trunk-x-{leg_id}", False, 0.0,
                {**seen.leg.variables, **({"ANSWERED_AT": "1.0"} if seen.answered else {})},
            )
            for leg_id, seen in self.legs.items()
        )  # fmt: skip
        return SnapshotTaken(channels, frozenset(), datetime.now().astimezone())


@dataclass
class Engine:
    """One engine's life. `presses`: whether citizens press the key."""

    sql: Sql
    switch: Switch
    seats: Sequence[str] = ("8001",)
    presses: bool = True
    talk_s: float = 60.0
    order: CallbackOrder = CallbackOrder.CUSTOMER_FIRST
    rules: CallbackRules = RULES
    node: str = ""
    alive: bool = True
    served: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    seats_rung: list[str] = field(default_factory=list)
    tasks: set["asyncio.Task[Any]"] = field(default_factory=set)

    # --- life

    async def start(self, *, later: bool = False) -> "Engine":
        """Begin as the wiring does: queues, callbacks, then Asterisk's snapshot, then seats."""
        self.clock = LoopClock()
        self.queue = QueueService(SETTINGS, Memory(), self.clock)
        await self.queue.start([seat(one) for one in self.seats], ())
        books = CallbackBooks(self, self, self, self.clock, self)
        queues = {TENANT: self.queue}
        outside = Outside(queues, lambda tenant: 20.0, self._trunk, self, self.clock)
        self.callbacks = Callbacks(
            books, outside, lambda tenant: self.rules, self.spawn, node=self.node
        )
        if later:
            self.spawn(self.callbacks.start_later(self._healthy, lambda: len(self.sql.lines)))
        else:
            await self.callbacks.start()
        self.switch.engine = self
        self.callbacks.take_event(self.switch.snapshot())
        for leg_id, seen in list(self.switch.legs.items()):
            if seen.answered:
                self.led(leg_id)
        return self

    def work(self, seat_id: str = "8001") -> None:
        """The seat's telephone is there: it is ready."""
        self.queue.endpoint_reachable(f"sip-{seat_id}", True)

    def rest(self, seat_id: str = "8001") -> None:
        self.queue.pause(seat_id, "meal")

    async def kill(self) -> None:
        """SIGKILL: what it was doing is never finished. Nothing forbidden may have happened."""
        assert not self.switch.faults
        self.alive = False
        self.switch.engine = None
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.queue.close()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self._passed)

    def _passed(self, task: "asyncio.Task[Any]") -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.switch.faults.append(repr(task.exception()))

    async def _living(self) -> None:
        """The dead do nothing."""
        await asyncio.sleep(0.001)
        if not self.alive:
            await asyncio.Event().wait()

    async def _healthy(self) -> None:
        while self.sql.away:
            await asyncio.sleep(0.5)

    @staticmethod
    def _trunk(number: str) -> str:
        return "carrier" if number.startswith("139") else ""

    # --- SQL, journal, tickets, counter

    @property
    def healthy(self) -> bool:
        return self.sql.healthy

    async def save(self, kept: KeptCallback) -> bool:
        await self._living()
        if self.sql.away:
            raise StoreAway
        return self.sql.put(kept)

    async def open(self) -> Sequence[KeptCallback]:
        if self.sql.away:
            raise StoreAway
        kept = [k for k in self.sql.rows.values() if not k.callback.over]
        return sorted(kept, key=lambda k: k.callback.queued_at)

    async def find(self, tenant: str, call_id: str) -> KeptCallback | None:
        if self.sql.away:
            raise StoreAway
        return self.sql.rows.get(call_id)

    async def list(self, tenant: str, *, limit: int = 100) -> Sequence[KeptCallback]:
        if self.sql.away:
            raise StoreAway
        return list(self.sql.rows.values())

    async def keep_callback(self, kept: KeptCallback) -> None:
        await self._living()
        self.sql.lines.append(kept)
        if not self.sql.away:  # it is drained as soon as SQL is there
            self.sql.back()

    async def create(self, new: NewTicket) -> str:
        await self._living()
        self.sql.tickets.append(new)
        return "261121000001"

    def callback_taken(self, tenant: str) -> None:
        self.ends.append("taken")

    def callback_ended(self, tenant: str, outcome: str) -> None:
        self.ends.append(outcome)

    # --- Asterisk

    async def ring_number(self, number: str, trunk: str, leg: Leg) -> Answer:
        await self._living()
        return await asyncio.shield(self.switch.ring(number, leg))

    async def ring_seat(self, endpoint: str, leg: Leg) -> Answer:
        self.seats_rung.append(endpoint)
        return await self.ring_number("", "", leg)

    async def outcome(self, leg_id: str, *, within_s: float) -> Answer:
        await self._living()
        seen = self.switch.legs.get(leg_id)
        if seen is None:
            return Answer.LOST
        return await asyncio.shield(seen.ended)

    async def lives(self, call_id: str) -> bool:
        await self._living()
        return call_id in self.switch.legs or call_id in self.switch.on_line

    async def hang_up(self, call_id: str) -> None:
        await self._living()
        if call_id in self.switch.legs:
            self.switch.end(call_id, Answer.NO_ANSWER)

    # --- people

    async def asks(
        self, call_id: str, number: str = "+8613900000001", waited_s: float = 60
    ) -> bool:
        """Somebody who has waited so long asks to be called back."""
        now = self.clock.now()
        request = CallbackRequest(
            tenant=TENANT, call_id=call_id, line_id="12345", queue_id="main", needs=MANDARIN,
            language="cmn", priority=0,
            queued_at=datetime.fromtimestamp(now.timestamp() - waited_s, now.tzinfo),
            number_e164=number, order=self.order, facts=call_facts(call_id, TENANT),
        )  # fmt: skip
        return await self.callbacks.take(request)

    def waits(self, call_id: str, waited_s: float = 0) -> None:
        """A caller on the line, who talks when a seat is his."""
        now = self.clock.now()
        queued_at = datetime.fromtimestamp(now.timestamp() - waited_s, now.tzinfo)
        self.spawn(self._served(call_id, queued_at, ""))

    def led(self, leg_id: str) -> None:
        """The conversation of a call that was answered."""
        self.spawn(self._greeted(leg_id))

    async def _greeted(self, leg_id: str) -> None:
        callbacks, seen = self.callbacks, self.switch.legs.get(leg_id)
        if seen is None:
            return  # called off in the moment of the answer
        over = CallbackEvent.TALK_ENDED if seen.talked else CallbackEvent.NOT_REACHED
        if not seen.talked:
            await callbacks.happened(leg_id, CallbackEvent.PICKED_UP)
        await asyncio.sleep(10)
        if self.presses and not seen.talked and leg_id in self.switch.legs:
            queued_at = float(seen.leg.variables["QUEUED_AT"])
            await self._served(leg_id, datetime.fromtimestamp(queued_at).astimezone(), leg_id)
            over = CallbackEvent.TALK_ENDED
        await self._living()
        self.switch.legs.pop(leg_id, None)
        await callbacks.happened(leg_id, over)

    async def _served(self, call_id: str, queued_at: datetime, leg_id: str) -> None:
        caller = WaitingCaller(TENANT, call_id, "12345", MANDARIN, queued_at)
        place = self.queue.enter(caller)
        try:
            offer = await place.next_offer()
        except PlaceGone:
            return
        assert place.answered(offer) is Verdict.TALK
        self.served.append(asked_in(call_id) or call_id)
        if leg_id in self.switch.legs:
            self.switch.legs[leg_id].talked = True
            await self.callbacks.happened(leg_id, CallbackEvent.SEAT_ANSWERED, seat_id="8001")
        await asyncio.sleep(self.talk_s)
        await self._living()
        place.talk_ended(offer)
        place.leave(LeaveReason.ANSWERED)
