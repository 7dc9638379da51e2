"""This engine among the others: it seeks a leader, follows or leads, and goes on alone at worst.

Wiring around pure parts: `queue_manager.cluster.election` decides what we are, `Lead` serves all
nodes while we lead, each tenant's `ClusterQueue` keeps what is this node's; here are the lease in
Redis, the links to other engines, and the order in which one takes over from the other.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from hotline.cluster_lead import Lead, Mirror, tenant_of
from hotline.cluster_link import Greeting, Link, LinkBroken, LinkServer, connect
from queue_manager.cluster.election import (
    Event,
    FollowerCame,
    FollowerLost,
    Heard,
    Joined,
    LeaderLost,
    Patience,
    Renewed,
    Role,
    Standing,
    TimePassed,
    Won,
    decide,
)
from queue_manager.cluster.messages import Beat, Changed, Known, Message, Reported
from queue_manager.cluster.queue import ClusterQueue
from queue_manager.ports import Clock, LiveState
from queue_manager.service import QueueService
from storage.lease import LeaseAway, RedisLease

READY_S = 3.0
"""How long Asterisk's first word is waited for before this node reports what it knows."""
RENEW_S = 0.5
LOOK_S = 1.0
SEEK_S = 0.2
TICK_S = 0.1
GATHER_S = 1.0
"""How long a new leader waits for the nodes that the old one had, before it offers seats."""
BOARD_TICKS = 2
PLACES_TICKS = 20
FROZEN_S = 1.0
AWAKE_S = 3.0
"""An engine that stood still may have lost its lease without knowing: so long after it wakes the
others have had the time to say so."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """This engine's node, where it listens, where the other nodes' engines do, and the key that
    all share."""

    node: str
    listen: tuple[str, int]
    others: Mapping[str, tuple[str, int]]
    key: bytes

    @property
    def address(self) -> str:
        """Where we are reached, as the lease tells it."""
        return f"{self.listen[0]} {self.listen[1]}"


@dataclass(frozen=True, slots=True)
class Works:
    """What the engine lends: `mirror` and `serve` make what a leader works with, `changed` reads a
    tenant's seats and hours from SQL again, `figures` is a tenant's day as boards show it."""

    mirror: Callable[[], Mirror]
    serve: Callable[[str, LiveState], QueueService]
    changed: Callable[[str], Awaitable[None]]
    figures: Callable[[str], Mapping[str, Any]]


class Cluster:
    """One engine of many; `start`, then `ready` once Asterisk has told what is alive, `close`."""

    def __init__(
        self,
        where: Whereabouts,
        queues: Mapping[str, ClusterQueue],
        lease: RedisLease,
        clock: Clock,
        works: Works,
        patience: Patience | None = None,
    ) -> None:
        self.standing = Standing()
        self.redis_answers = False
        self._where = where
        self._queues = queues
        self._lease = lease
        self._clock = clock
        self._works = works
        self._patience = patience or Patience()
        self._life = secrets.token_hex(8)
        self._ready = asyncio.Event()
        self._moved = asyncio.Event()
        self._leader: Link | None = None
        self._followers: dict[str, Link] = {}
        self._peers: frozenset[str] = frozenset()
        self._reported: set[str] = set()
        self._report_came = asyncio.Event()
        self._lead: Lead | None = None
        self._mirror: Mirror | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ticked_s = self._woke_s = 0.0
        self._server = LinkServer(where.listen, where.key, self._greeted, self._serve_follower)

    # --- life

    async def start(self) -> None:
        """Listen, and begin to seek a leader; raises OSError when the link's address is taken.

        Redis is looked at while Asterisk's word is waited for: later, callers come back all at
        once, and each turn of the loop that a new connection takes is theirs to wait for.
        """
        self.standing = Standing(since_s=_now_s())
        await self._server.start()
        for work in (self._look(), self._live(), self._renew_for_ever(), self._tick_for_ever()):
            self._spawn(work)

    def ready(self) -> None:
        """This node knows its talks and telephones: it may report them."""
        self._ready.set()

    async def close(self) -> None:
        """Hand over: give the lease up, let the others know by closing the links. Calls live on."""
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        leads, term = self.standing.role is Role.LEADING, self.standing.term
        lead, self._lead = self._lead, None
        if lead is not None:
            lead.stop()
        await self._leave_mirror()
        if leads:
            with contextlib.suppress(LeaseAway):
                await self._lease.release(term)
        for link in (*self._followers.values(), self._leader):
            if link is not None:
                link.close("engine_stops")
        await self._lease.close()
        await self._server.close()

    @property
    def leader_name(self) -> str:
        """The node we follow; "" while we follow none."""
        return self._leader.peer.node if self._leader is not None else ""

    @property
    def awake(self) -> bool:
        """False while this engine may have stood still, and for a moment after: who leads now,
        others may know better."""
        now_s = _now_s()
        return now_s - self._ticked_s < FROZEN_S and now_s - self._woke_s >= AWAKE_S

    def tell(self, message: Message) -> None:
        """What a queue of this node has to say to whoever leads."""
        if self._lead is not None:
            self._lead.take(self._where.node, message)
        elif self._leader is not None:
            self._leader.send(message)

    def announce(self, tenant: str) -> None:
        """A tenant's seats or hours were changed here: the others read them again."""
        if self._leader is not None:
            self._leader.send(Changed(tenant))
        for link in self._followers.values():
            link.send(Changed(tenant))

    # --- what we are

    def hear(self, event: Event) -> None:
        """Let the rules decide what we are now, and act on it."""
        before = self.standing
        after = self.standing = decide(before, event, _now_s(), self._patience)
        if (after.role, after.term) == (before.role, before.term):
            return
        if after.role is not before.role:
            log.info("cluster_role", node=self._where.node, role=str(after.role), term=after.term)
        if before.role is Role.FOLLOWING:
            self._part_from_leader()
        if before.role is Role.LEADING:
            for link in tuple(self._followers.values()):
                link.close("leads_no_more")
        if self._lead is not None and after.role is Role.ALONE:
            self._lead.forget_others()
        elif self._lead is not None and after.role is not Role.LEADING:
            lead, self._lead = self._lead, None
            lead.stop()  # at once: not one offer more
        self._moved.set()

    async def _live(self) -> None:
        """Do what our role asks for, until it is another."""
        await _within(READY_S, self._ready)
        while True:
            self._moved.clear()
            role = self.standing.role
            try:
                if role in (Role.LEADING, Role.ALONE) and self._lead is None:
                    await self._begin_to_lead()
                elif role in (Role.SEEKING, Role.ALONE):
                    await self._leave_mirror()
                    await self._seek()
                elif role is Role.FOLLOWING:
                    await self._leave_mirror()
                    await self._look()
            except Exception:
                log.exception("cluster_step_failed", role=str(role))
            waits_s = SEEK_S if self.standing.role in (Role.SEEKING, Role.ALONE) else LOOK_S
            await _within(waits_s, self._moved)

    # --- seeking

    async def _seek(self) -> None:
        """Join who leads; lead when nobody does."""
        addresses = tuple(self._where.others.values())
        asked_s = _now_s()
        try:
            held = await self._lease.look()
            if held is None or held.node == self._where.node:
                held = await self._lease.take(self.standing.term)
            self.redis_answers = True
        except LeaseAway as error:
            self._redis_away(error)
        else:
            if held.node == self._where.node:
                self.hear(Won(held.token, asked_s))
                return
            self.hear(Heard(held.token))
            addresses = (_address(held.address),)
        for address in addresses:
            if await self._join(address):
                return

    async def _join(self, address: tuple[str, int]) -> bool:
        me = Greeting(self._where.node, self._life, self.standing.term)
        try:
            peer, link = await connect(address, self._where.key, me)
        except LinkBroken as error:
            log.debug("cluster_peer_away", reason=str(error))
            return False
        self.hear(Heard(peer.term))
        if not peer.leads or peer.node not in self._where.others:
            link.close("does_not_lead")
            return False
        self.hear(Joined(peer.term))
        if self.standing.role is not Role.FOLLOWING:
            link.close("not_joined")
            return False
        self._leader = link
        self._spawn(self._follow(link))
        for queue in self._queues.values():
            for part in queue.report():
                link.send(part)
        link.send(Reported())
        for queue in self._queues.values():
            queue.reported()
        log.info("cluster_joined", leader=peer.node, term=peer.term)
        return True

    async def _look(self) -> None:
        """A follower's glance at the lease: a larger term than its leader's may be out."""
        try:
            held = await self._lease.look()
            self.redis_answers = True
        except LeaseAway as error:
            self._redis_away(error)
        else:
            if held is not None:
                self.hear(Heard(held.token))

    # --- following

    async def _follow(self, link: Link) -> None:
        why = await link.run(lambda message: self._from_leader(link, message))
        if self._leader is link:
            log.warning("cluster_leader_lost", leader=link.peer.node, reason=why)
            self.hear(LeaderLost())

    def _from_leader(self, link: Link, message: Message) -> None:
        if self._leader is not link:
            return
        match message:
            case Beat():
                self._peers = frozenset(message.nodes)
            case Changed():
                self._spawn(self._read_again(message.tenant))
            case _:
                self._to_queue(message)

    def _part_from_leader(self) -> None:
        link, self._leader = self._leader, None
        if link is not None:
            link.close("parted")
        for queue in self._queues.values():
            queue.parted()

    def _to_queue(self, message: Message) -> None:
        queue = self._queues.get(tenant_of(message))
        if queue is not None:
            queue.hear_from_leader(message)

    # --- leading

    async def _begin_to_lead(self) -> None:
        """Take over: what this node knows, then what the old leader's other nodes report, and
        only then is a seat offered."""
        began_s = _now_s()
        await self._leave_mirror()
        self._mirror = self._works.mirror()
        self._mirror.start()
        services = {tenant: self._works.serve(tenant, self._mirror) for tenant in self._queues}
        lead = Lead(
            self._where.node,
            self._life,
            self._queues,
            self._clock,
            self._tell_node,
            self._works.figures,
        )
        await lead.start(services, above=self.standing.term)
        self._lead = lead
        expected = self._peers - {self._where.node}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GATHER_S):
                while self.standing.role is Role.LEADING and not expected <= self._reported:
                    self._report_came.clear()
                    await self._report_came.wait()
        if self._lead is not lead:
            return  # somebody else leads by now
        lead.begin()
        log.info("cluster_leads", term=self.standing.term, took_s=round(_now_s() - began_s, 3))

    async def _leave_mirror(self) -> None:
        """Where we don't lead the whole, Redis is another's to write."""
        if self._lead is None and self._mirror is not None:
            mirror, self._mirror = self._mirror, None
            await mirror.abandon()

    def _tell_node(self, node: str, message: Message) -> None:
        if node == self._where.node:
            self._to_queue(message)
        elif (link := self._followers.get(node)) is not None:
            link.send(message)

    def _greeted(self, peer: Greeting) -> Greeting:
        """Another engine greets us: each hears the other's term."""
        self.hear(Heard(peer.term))
        leads = (
            self.standing.role is Role.LEADING
            and self._lead is not None
            and peer.node in self._where.others
        )
        return Greeting(self._where.node, self._life, self.standing.term, leads)

    async def _serve_follower(self, link: Link) -> None:
        node = link.peer.node
        before = self._followers.get(node)
        if before is not None:
            before.close("joined_anew")
            self._follower_lost(node)
        if self.standing.role is not Role.LEADING:
            link.close("leads_no_more")
            return
        self._followers[node] = link
        self.hear(FollowerCame(node))
        self._name_followers()
        parts: dict[str, list[Known]] = {}
        why = await link.run(lambda message: self._from_follower(link, parts, message))
        log.warning("cluster_follower_lost", node=node, reason=why)
        if self._followers.get(node) is link:
            self._follower_lost(node)

    def _from_follower(self, link: Link, parts: dict[str, list[Known]], message: Message) -> None:
        node = link.peer.node
        if self._lead is None or self._followers.get(node) is not link:
            return
        match message:
            case Beat():
                return
            case Known():
                parts.setdefault(message.tenant, []).append(message)
            case Reported():
                self._lead.joined(node, link.peer.life, parts)
                parts.clear()
                self._reported.add(node)
                self._report_came.set()
            case Changed():
                self._spawn(self._read_again(message.tenant))
                for name, other in self._followers.items():
                    if name != node:
                        other.send(message)
            case _:
                self._lead.take(node, message)

    def _follower_lost(self, node: str) -> None:
        del self._followers[node]
        self._reported.discard(node)
        self._name_followers()
        if self._lead is not None:
            self._lead.lost(node)
        self.hear(FollowerLost(node))

    def _name_followers(self) -> None:
        names = tuple(self._followers)
        self._peers = frozenset(names)
        for link in self._followers.values():
            link.joined = names
            link.send(Beat(self._clock.now(), names))

    # --- always

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            if self.standing.role is not Role.LEADING:
                continue
            term, asked_s = self.standing.term, _now_s()
            try:
                held = await self._lease.renew(term)
                self.redis_answers = True
            except LeaseAway as error:
                self._redis_away(error)
                continue
            mine = held.node == self._where.node and held.token == term
            if self.standing.term == term:
                self.hear(Renewed(asked_s) if mine else Heard(held.token))

    async def _tick_for_ever(self) -> None:
        ticks = 0
        while True:
            await asyncio.sleep(TICK_S)
            ticks += 1
            try:
                self._tick(ticks)
            except Exception:
                log.exception("cluster_tick_failed")

    def _tick(self, ticks: int) -> None:
        now_s = _now_s()
        if now_s - self._ticked_s >= FROZEN_S:
            self._woke_s = now_s
        self._ticked_s = now_s
        self.hear(TimePassed())
        if self._lead is not None:
            self._lead.time_passed()
            if ticks % BOARD_TICKS == 0 and self._reported:
                self._lead.tell_boards(tuple(self._reported))
        elif ticks % PLACES_TICKS == 0:
            for queue in self._queues.values():
                queue.ask_places()

    async def _read_again(self, tenant: str) -> None:
        if tenant in self._queues:
            await self._works.changed(tenant)

    def _redis_away(self, error: LeaseAway) -> None:
        if self.redis_answers:
            log.warning("cluster_lease_away", error=str(error))
        self.redis_answers = False

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("cluster_task_failed", exc_info=task.exception())


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait for it, but no longer. (Not wait_for: that may swallow a cancellation.)"""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(" ")
    return host, int(port)
