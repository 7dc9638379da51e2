"""Engines of a cluster in one process: real Redis, real sockets, the real matching service.

A `Member` is what an engine is to the others: its queue, its telephones, its callers. `crash` is
its SIGKILL: nothing is said to anybody.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hotline.cluster import Cluster, Whereabouts, Works
from queue_manager.cluster.election import Patience, Role
from queue_manager.cluster.queue import ClusterQueue
from queue_manager.model import Need, Offer, QueueSettings, Requirement, Seat, WaitingCaller
from queue_manager.place import Place
from queue_manager.ports import LiveState
from queue_manager.service import QueueService
from storage.lease import RedisLease
from tests.queue_manager.builders import Memory
from tests.servers import free_port

TENANT = "nanning"
KEY = b"k" * 32
MANDARIN = Requirement.of(Need("lang:cmn"))
SETTINGS = QueueSettings(TENANT, wrap_up_s=0.0, cool_down_s=0.3, reach_grace_s=0.0)
PATIENCE = Patience(lease_s=0.8, alone_after_s=4.0)
SOON_S = 20.0


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class QuietMirror(Memory):
    """The live state of a leader, in memory."""

    def start(self) -> None:
        """Nothing runs."""

    async def abandon(self) -> None:
        """Nothing runs."""


def seat(seat_id: str) -> Seat:
    return Seat(TENANT, seat_id, seat_id, f"sip-{seat_id}", {"lang:cmn": 5})


@dataclass(eq=False)
class Ring:
    """A seat that a caller's engine lets ring, as its telephone sees it."""

    offer: Offer
    place: Place
    by: "Member"


@dataclass(eq=False)
class House:
    """What really happens outside: which seat rings or talks for whom. A seat that is rung while
    it rings or talks already is the double offer that must never be."""

    rings: dict[str, Ring] = field(default_factory=dict)
    talks: dict[str, str] = field(default_factory=dict)
    doubles: list[str] = field(default_factory=list)
    served: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self, ring: Ring) -> None:
        seat_id, call_id = ring.offer.seat.seat_id, ring.offer.caller.call_id
        held = self.rings.get(seat_id)
        if held is not None and held.offer.caller.call_id != call_id:
            self.doubles.append(f"{seat_id} rings for {held.offer.caller.call_id} and {call_id}")
        if self.talks.get(seat_id, call_id) != call_id:
            self.doubles.append(f"{seat_id} talks with {self.talks[seat_id]}, rung for {call_id}")
        self.rings[seat_id] = ring
        self.news.set()

    def answer(self, seat_id: str) -> str:
        """The seat picks up: who he is. An engine that is dead is told nothing."""
        ring = self.rings.pop(seat_id)
        call_id = ring.offer.caller.call_id
        self.talks[seat_id] = call_id
        self.served.append(call_id)
        if ring.by.alive:
            ring.place.answered(ring.offer)
        return call_id

    def hang_up(self, seat_id: str, *, by: "Member") -> None:
        """The talk is over, and the caller's engine notices."""
        call_id = self.talks.pop(seat_id)
        by.queue.came_back(call_id)


@dataclass(eq=False)
class Member:
    """One engine and its node."""

    name: str
    house: House
    url: str
    address: tuple[str, int]
    others: dict[str, tuple[str, int]]
    seats: tuple[Seat, ...]
    patience: Patience = PATIENCE
    queue: ClusterQueue = field(init=False)
    cluster: Cluster = field(init=False)
    alive: bool = False
    reread: list[str] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.queue = ClusterQueue(SETTINGS, self.name, WallClock(), lambda m: self.cluster.tell(m))
        lease = RedisLease(
            self.url, node=self.name, address=f"{self.address[0]} {self.address[1]}",
            life_s=self.patience.lease_s, timeout_s=0.3,
        )  # fmt: skip
        self.cluster = Cluster(
            Whereabouts(self.name, self.address, self.others, KEY),
            {TENANT: self.queue},
            lease,
            WallClock(),
            Works(QuietMirror, self._serve, self._changed, self._figures),
            self.patience,
        )

    def _serve(self, tenant: str, live: LiveState) -> QueueService:
        return QueueService(SETTINGS, live, WallClock())

    def _figures(self, tenant: str) -> dict[str, object]:
        near = self.queue.near
        return {"total": {"offered": near.waiting().count if near is not None else 0}}

    async def _changed(self, tenant: str) -> None:
        self.reread.append(tenant)

    async def start(self, phones: Iterable[str] = ()) -> "Member":
        await self.queue.start(self.seats, ())
        for seat_id in phones:
            self.queue.endpoint_reachable(f"sip-{seat_id}", True)
        await self.cluster.start()
        self.alive = True
        self.cluster.ready()
        return self

    async def stop(self) -> None:
        if self.alive:
            self.alive = False
            await self._end_tasks()
            await self.cluster.close()
            self.queue.close()

    async def crash(self) -> None:
        """SIGKILL: sockets close, the lease stays, memory is gone."""
        self.alive = False
        await self._end_tasks()
        cluster = self.cluster
        for task in tuple(cluster._tasks):
            task.cancel()
        for link in (*cluster._followers.values(), cluster._leader):
            if link is not None:
                link._writer.transport.abort()
        await asyncio.wait(cluster._tasks)
        await cluster._lease.close()
        await cluster._server.close()
        self.queue.near = None

    async def _end_tasks(self) -> None:
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)

    @property
    def role(self) -> Role:
        return self.cluster.standing.role

    def call(self, call_id: str, *, waited_s: float = 0.0) -> Place:
        """A citizen of this node waits for a person, led by a conversation as simple as can be."""
        queued_at = datetime.now(UTC) - timedelta(seconds=waited_s)
        caller = WaitingCaller(TENANT, call_id, "12345", MANDARIN, queued_at)
        place = self.queue.enter(caller)
        task = asyncio.create_task(self._lead(place))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return place

    async def _lead(self, place: Place) -> None:
        """Rings what is offered, once each; whoever answers is told by `House.answer`."""
        offer = await place.next_offer()
        self.house.ring(Ring(offer, place, self))

    def state(self, seat_id: str) -> str:
        return self.queue.seat(seat_id).state.value


@contextlib.asynccontextmanager
async def members(
    url: str, *names: str, seats: Iterable[str], patience: Patience = PATIENCE
) -> AsyncIterator[list[Member]]:
    """Engines that aren't started yet; those that still live are stopped in the end."""
    house = House()
    at = {name: ("127.0.0.1", free_port()) for name in names}
    known = tuple(seat(seat_id) for seat_id in seats)
    made = [
        Member(
            name, house, url, at[name], {n: a for n, a in at.items() if n != name}, known, patience
        )
        for name in names
    ]
    try:
        yield made
    finally:
        for member in made:
            await member.stop()


def again(member: Member) -> Member:
    """The node's next engine, after a crash."""
    return Member(
        member.name, member.house, member.url, member.address, member.others, member.seats,
        member.patience,
    )  # fmt: skip


async def until(ready: Callable[[], object], what: str, seconds: float = SOON_S) -> None:
    """Poll what has no event."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not ready():
        assert asyncio.get_running_loop().time() < deadline, f"{what} didn't come"
        await asyncio.sleep(0.01)
