"""Nodes of a cluster in virtual time: Asterisks that live on, engines that die, wires that break.

The world knows what really happens at the telephones. Engines know only what they are told, and
messages arrive when the test lets them. `doubles` is what must stay empty: a seat that was rung
while it rang for, or talked with, somebody else.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from queue_manager.cluster.guests import Report
from queue_manager.cluster.leadership import Leadership
from queue_manager.cluster.messages import Known, Message, Reported
from queue_manager.cluster.queue import ClusterQueue
from queue_manager.errors import PlaceGone
from queue_manager.model import (
    LeaveReason,
    MissReason,
    Offer,
    QueueSettings,
    Seat,
    Verdict,
    WaitingCaller,
)
from queue_manager.place import Place
from queue_manager.service import QueueService
from tests.queue_manager.builders import MANDARIN, SETTINGS, Memory, seat
from tests.queue_manager.virtual_time import LoopClock


@dataclass(eq=False)
class Citizen:
    """A call at a node's Asterisk. `seat` rings for him, or (`talks`) talks with him."""

    call_id: str
    node: str
    queued_at: datetime
    seat: str = ""
    talks: bool = False
    gone: bool = False
    place: Place | None = None
    offer: Offer | None = None
    led: asyncio.Task[None] | None = None


@dataclass(eq=False)
class Engine:
    """One life of a node's engine."""

    node: str
    life: str
    queue: ClusterQueue
    up: deque[Message] = field(default_factory=deque)
    down: deque[Message] = field(default_factory=deque)
    joined: bool = False
    parts: list[Known] = field(default_factory=list)


class World:
    """`homes` tells at which node each seat's telephone is."""

    def __init__(self, nodes: Iterable[str], homes: dict[str, str]) -> None:
        self.clock = LoopClock()
        self.homes = homes
        self.seats: tuple[Seat, ...] = tuple(seat(seat_id) for seat_id in homes)
        self.engines: dict[str, Engine | None] = dict.fromkeys(nodes)
        self.citizens: dict[str, Citizen] = {}
        self.held: dict[str, Citizen] = {}
        self.doubles: list[str] = []
        self.served: list[str] = []
        self.lead: Leadership | None = None
        self.leader = ""
        # a telephone here rings until somebody decides: no offer is too old
        self.settings: QueueSettings = replace(SETTINGS, ring_s=1e7, reach_grace_s=0)
        self._count = 0
        self._term = 10**18

    # --- engines

    async def start(self, node: str) -> None:
        """A node's engine starts: it sees what its Asterisk shows, and takes up who comes back."""
        self._count += 1
        engine: Engine
        queue = ClusterQueue(self.settings, node, self.clock, lambda m: self._tell(engine, m))
        engine = self.engines[node] = Engine(node, f"life-{self._count}", queue)
        await queue.start(self.seats, ())
        for citizen in self._at(node):
            if citizen.seat:
                queue.restore_talk(citizen.seat, citizen.call_id)
        legs = {
            f"sip-{seat_id}": citizen.call_id
            for seat_id, citizen in self.held.items()
            if self.homes[seat_id] == node and citizen.node != node
        }
        queue.legs.seen(legs)
        for seat_id, home in self.homes.items():
            if home == node:
                queue.endpoint_reachable(f"sip-{seat_id}", True)
        for citizen in self._at(node):
            if not citizen.seat:
                self._comes_back(citizen)

    def crash(self, node: str) -> None:
        """SIGKILL. What it has sent arrives or not; its calls live on."""
        engine = self.engines[node]
        if engine is None:
            return
        self.engines[node] = None
        for citizen in self._at(node):
            citizen.place = citizen.offer = None
            if citizen.led is not None:
                citizen.led.cancel()
        if self.leader == node:
            self._end_lead()
        elif self.lead is not None:
            while engine.up:  # sent before it died
                self._arrive_up(engine)
            self.lead.lost(node)

    async def elect(self, node: str) -> None:
        """This node's engine takes over; what its followers report decides what it knows."""
        engine = self.engines[node]
        if engine is None or self.lead is not None:
            return
        service = QueueService(self.settings, Memory(), self.clock)
        self._term += 10**9  # as the lease gives terms: each is larger than all tokens before
        await service.start(engine.queue.seat_list, engine.queue.seats(), above=self._term)
        self.leader = node
        self.lead = Leadership(service, self.clock, self._told_by_leader)
        self.lead.joined(Report(node, engine.life, tuple(engine.queue.report())))
        engine.joined = True
        engine.queue.near, engine.queue.ask_near = service, self.lead.places

    def begin(self) -> None:
        if self.lead is not None and self.lead._early is not None:
            self.lead.begin()
            engine = self.engines[self.leader]
            assert engine is not None
            engine.queue.reported()

    def join(self, node: str) -> None:
        """The node finds the leader and reports."""
        engine = self.engines[node]
        if engine is None or self.lead is None or engine.joined:
            return
        engine.joined = True
        engine.up.extend(engine.queue.report())
        engine.up.append(Reported())
        engine.queue.reported()

    def part(self, node: str) -> None:
        """The wire breaks: what is on its way is lost."""
        engine = self.engines[node]
        if engine is None or not engine.joined or node == self.leader:
            return
        self._parted(engine)
        if self.lead is not None:
            self.lead.lost(node)

    def deliver(self, count: int) -> None:
        """Some messages arrive, each wire in its own order."""
        for _ in range(count):
            for engine in tuple(self.engines.values()):
                if engine is None:
                    continue
                if engine.up:
                    self._arrive_up(engine)
                if engine.down:
                    engine.queue.hear_from_leader(engine.down.popleft())

    # --- calls

    def call(self, node: str) -> None:
        self._count += 1
        citizen = Citizen(f"{node}-{self._count}", node, self.clock.now())
        self.citizens[citizen.call_id] = citizen
        if self.engines[node] is not None:
            self._comes_back(citizen)

    def answer(self, seat_id: str) -> None:
        """The telephone that rings is picked up."""
        citizen = self.held.get(seat_id)
        if citizen is None or citizen.talks:
            return
        place, offer = citizen.place, citizen.offer
        if place is not None and offer is not None and place.answered(offer) is Verdict.REFUSED:
            self._release(citizen)
            self._lead(citizen, place)
            return
        citizen.talks = True
        self.served.append(citizen.call_id)

    def miss(self, seat_id: str) -> None:
        """Nobody picks up; he is led on, or held by the dialplan until there is an engine."""
        citizen = self.held.get(seat_id)
        if citizen is None or citizen.talks:
            return
        self._release(citizen)
        if citizen.place is not None and citizen.offer is not None:
            offer, citizen.offer = citizen.offer, None
            citizen.place.missed(offer, MissReason.NO_ANSWER)
            self._lead(citizen, citizen.place)
        elif self.engines[citizen.node] is not None:
            self._comes_back(citizen)

    def hang_up(self, citizen: Citizen) -> None:
        """He leaves, wherever he stands."""
        citizen.gone = True
        if citizen.led is not None:
            citizen.led.cancel()
        talked = citizen.talks
        self._release(citizen)
        engine = self.engines[citizen.node]
        if engine is None:
            return
        if citizen.place is not None and not talked:
            citizen.place.leave(LeaveReason.ABANDONED)
        elif citizen.place is not None and citizen.offer is not None:
            citizen.place.talk_ended(citizen.offer)
        else:
            engine.queue.talk_ended_by_call(citizen.call_id)

    # --- what the test looks at

    def waiting(self) -> list[Citizen]:
        return [c for c in self.citizens.values() if not c.gone and not c.seat]

    async def settle(self, seconds: float = 0.0) -> None:
        """Let everything arrive, and time pass."""
        still = 0
        while still < 4:
            still = 0 if any(e and (e.up or e.down) for e in self.engines.values()) else still + 1
            self.deliver(50)
            await asyncio.sleep(0)
        if self.lead is not None:
            self.lead.time_passed()
        if seconds:
            await asyncio.sleep(seconds)
            await self.settle()

    # --- inside

    def _comes_back(self, citizen: Citizen) -> None:
        """The dialplan brings him (again): nobody asks him twice, his place is his."""
        engine = self.engines[citizen.node]
        assert engine is not None
        engine.queue.came_back(citizen.call_id)
        caller = WaitingCaller("nanning", citizen.call_id, "12345", MANDARIN, citizen.queued_at)
        citizen.place = engine.queue.enter(caller)
        self._lead(citizen, citizen.place)

    def _lead(self, citizen: Citizen, place: Place) -> None:
        if citizen.led is not None:
            citizen.led.cancel()
        citizen.led = asyncio.create_task(self._conversation(citizen, place))

    async def _conversation(self, citizen: Citizen, place: Place) -> None:
        while True:
            offer = await place.next_offer()
            if citizen.place is not place or citizen.gone:
                return
            citizen.offer = offer
            self._ring(citizen, offer.seat.seat_id)
            with contextlib.suppress(PlaceGone):
                await place.taken_back(offer)
            if citizen.talks or citizen.place is not place or citizen.offer is not offer:
                return
            citizen.offer = None
            self._release(citizen)

    def _ring(self, citizen: Citizen, seat_id: str) -> None:
        holder = self.held.get(seat_id)
        if holder is not None and holder is not citizen:
            self.doubles.append(f"{seat_id}: {holder.call_id} and {citizen.call_id}")
        if citizen.seat and citizen.seat != seat_id:
            self.doubles.append(f"{citizen.call_id}: {citizen.seat} and {seat_id}")
        citizen.seat = seat_id
        self.held[seat_id] = citizen
        home = self.engines[self.homes[seat_id]]
        if home is not None and home.node != citizen.node:
            home.queue.legs.begun(f"sip-{seat_id}", citizen.call_id)

    def _release(self, citizen: Citizen) -> None:
        seat_id, citizen.seat, citizen.talks = citizen.seat, "", False
        if not seat_id:
            return
        if self.held.get(seat_id) is citizen:
            del self.held[seat_id]
        home = self.engines[self.homes[seat_id]]
        if home is not None and home.node != citizen.node:
            home.queue.legs.hung_up(f"sip-{seat_id}", citizen.call_id)

    def _at(self, node: str) -> list[Citizen]:
        return [c for c in self.citizens.values() if c.node == node and not c.gone]

    def _tell(self, engine: Engine, message: Message) -> None:
        if not engine.joined or self.engines[engine.node] is not engine:
            return
        if engine.node == self.leader and self.lead is not None:
            self.lead.take(engine.node, message)
        else:
            engine.up.append(message)

    def _told_by_leader(self, node: str, message: Message) -> None:
        engine = self.engines[node]
        if engine is None or not engine.joined:
            return
        if node == self.leader:
            engine.queue.hear_from_leader(message)
        else:
            engine.down.append(message)

    def _arrive_up(self, engine: Engine) -> None:
        message = engine.up.popleft()
        if self.lead is None:
            return
        if isinstance(message, Known):
            engine.parts.append(message)
        elif isinstance(message, Reported):
            self.lead.joined(Report(engine.node, engine.life, tuple(engine.parts)))
            engine.parts.clear()
        else:
            self.lead.take(engine.node, message)

    def _end_lead(self) -> None:
        """The leader is dead: its last words to each node have arrived, or some of them."""
        assert self.lead is not None
        self.lead.service.close()
        self.lead, self.leader = None, ""
        for engine in self.engines.values():
            if engine is not None and engine.joined:
                while engine.down:
                    engine.queue.hear_from_leader(engine.down.popleft())
                self._parted(engine)

    def _parted(self, engine: Engine) -> None:
        engine.joined = False
        engine.up.clear()
        engine.down.clear()
        engine.parts.clear()
        engine.queue.near = engine.queue.ask_near = None
        engine.queue.parted()
