"""Redis, written behind: a mirror of the queue's live state that never makes a call wait.

The engine's memory leads. What changes is marked, and a writer task sends the newest value of
each marked key, many in one round trip. After any failure, or when Redis turns out to have
forgotten us, everything is written again; so an outage needs no backlog, and memory is bounded by
the number of seats and waiting callers.

Keys, per tenant: `hotline:<tenant>:seats` (hash by seat id) and `hotline:<tenant>:waiting` (hash
by call id), JSON values; and a marker of this writer that tells whether Redis still has our data.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from uuid import uuid4

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import RedisError

from queue_manager.model import Seat, SeatState, SeatView, WaitingCaller
from storage.live_values import caller_text, seat_from, seat_text, settled_text
from storage.redis_wire import RedisWire, packed

log = structlog.get_logger(__name__)

_COALESCE_S = 0.25
_HEARTBEAT_S = 1.0
_CHUNK = 500
_MARKER_LIFE_S = 24 * 3600

_BY_PEOPLE = frozenset({SeatState.OFFLINE, SeatState.PAUSED})
"""What calls bring about by themselves is seen in Asterisk by the next engine; that somebody began
to work, or went for a meal, stands nowhere else."""

_OUTAGE = (RedisError, OSError, TimeoutError)


@dataclass(slots=True)
class _Mirror:
    """One tenant: what Redis should hold, and the ids whose value there may differ; of each seat
    the text of what seldom changes; `noted` are the callers that may stand in Redis: most are
    served before they are written, and need no deletion."""

    seats: dict[str, SeatView] = field(default_factory=dict)
    settled: dict[str, tuple[Seat, str]] = field(default_factory=dict)
    waiting: dict[str, WaitingCaller] = field(default_factory=dict)
    changed_seats: set[str] = field(default_factory=set)
    changed_waiting: set[str] = field(default_factory=set)
    noted: set[str] = field(default_factory=set)


class RedisLiveState:
    """Implements `queue_manager.ports.LiveState`.

    Call `start` once the loop runs and `load_seats` before the first `save_seat` of a tenant;
    `close` at the end. `timeout_s` bounds every exchange with Redis.
    """

    def __init__(self, url: str, *, timeout_s: float = 1.0, load_deadline_s: float = 3.0) -> None:
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),  # the writer has its own patience
        )
        self._wire = RedisWire(url, timeout_s=timeout_s)
        self._load_deadline_s = load_deadline_s
        self._marker = f"hotline:writer:{uuid4().hex}"
        self._mirrors: dict[str, _Mirror] = {}
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._backoff = ExponentialWithJitterBackoff(base=0.1, cap=2.0)
        self._rewrite = True
        self._closing = False
        self._healthy = False
        self._writer: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """True while Redis answers and holds everything but the latest moments."""
        return self._healthy

    def start(self) -> None:
        """Begin writing behind."""
        self._writer = asyncio.create_task(self._write_behind(), name="live-state-writer")

    async def abandon(self) -> None:
        """Stop at once and write nothing more: another engine's word counts from now on."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait({self._writer})
        await self._wire.close()
        await self._redis.aclose()

    async def close(self, deadline_s: float = 2.0) -> None:
        """Write what is still unwritten, if Redis takes it before the deadline, and disconnect."""
        self._closing = True
        self._wake.set()
        self._hurry.set()
        if self._writer is not None:
            done, _ = await asyncio.wait({self._writer}, timeout=deadline_s)
            if not done:
                log.warning("live_state_not_flushed", deadline_s=deadline_s)
                self._writer.cancel()
                await asyncio.wait({self._writer})
        await self._wire.close()
        await self._redis.aclose()

    # --- queue_manager.ports.LiveState

    async def load_seats(self, tenant: str) -> Sequence[SeatView]:
        """Seats as last known; empty when Redis has none or doesn't answer before a deadline."""
        try:
            async with asyncio.timeout(self._load_deadline_s):
                stored = await self._read(_seats_key(tenant))
        except _OUTAGE as error:
            log.warning("live_state_not_loaded", tenant=tenant, error=repr(error))
            return ()
        mirror = self._mirror(tenant)
        for value in stored.values():
            view = seat_from(tenant, value)
            if view is not None:
                mirror.seats.setdefault(view.seat.seat_id, view)
        return tuple(mirror.seats.values())

    def save_seat(self, view: SeatView) -> None:
        """Remember a seat's state; returns at once. What people decide isn't kept waiting for
        other changes: an engine killed a moment later must not have them decide it again."""
        mirror = self._mirror(view.seat.tenant)
        last = mirror.seats.get(view.seat.seat_id)
        mirror.seats[view.seat.seat_id] = view
        mirror.changed_seats.add(view.seat.seat_id)
        self._wake.set()
        if last is None or (last.state is not view.state and _BY_PEOPLE & {last.state, view.state}):
            self._hurry.set()

    def forget_seat(self, tenant: str, seat_id: str) -> None:
        """The seat was taken out of the tenant; returns at once."""
        mirror = self._mirror(tenant)
        mirror.seats.pop(seat_id, None)
        mirror.settled.pop(seat_id, None)
        mirror.changed_seats.add(seat_id)
        self._wake.set()

    def save_waiting(self, caller: WaitingCaller) -> None:
        """Remember a waiting caller; returns at once."""
        mirror = self._mirror(caller.tenant)
        mirror.waiting[caller.call_id] = caller
        mirror.changed_waiting.add(caller.call_id)
        self._wake.set()

    def forget_waiting(self, tenant: str, call_id: str) -> None:
        """The caller no longer waits; returns at once."""
        mirror = self._mirror(tenant)
        mirror.waiting.pop(call_id, None)
        mirror.changed_waiting.add(call_id)
        self._wake.set()

    # --- the writer

    async def _write_behind(self) -> None:
        failures = 0
        while True:
            last = self._closing
            self._wake.clear()
            self._hurry.clear()
            try:
                await self._write()
                failures = 0
                self._answers()
            except _OUTAGE as error:
                failures += 1
                self._is_away(repr(error))
            except Exception as error:
                failures += 1
                self._is_away(repr(error))
                log.exception("live_state_writer_failed")
            if last:
                return
            if failures:
                await self._pause(self._backoff.compute(failures))
            elif not self._rewrite:
                await self._for_work()

    async def _for_work(self) -> None:
        """Until something changed (and a moment more, so that one trip takes many changes), or
        until the next heartbeat."""
        try:
            async with asyncio.timeout(_HEARTBEAT_S):
                await self._wake.wait()
        except TimeoutError:
            return
        if self._closing:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_COALESCE_S):
                await self._hurry.wait()

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not while closing."""
        if not self._closing:
            await asyncio.sleep(seconds)

    async def _write(self) -> None:
        if self._rewrite:
            self._rewrite = False  # a failure, or a tenant new meanwhile, asks for it again
            await self._write_everything()
        elif not await self._write_changes():
            log.warning("live_state_was_wiped")
            self._rewrite = True

    async def _write_changes(self) -> bool:
        """Send the newest value of what changed; False when Redis lost what we had written."""
        commands = [packed("GETEX", self._marker, "EX", str(_MARKER_LIFE_S))]
        for tenant, mirror in self._mirrors.items():
            seats, mirror.changed_seats = mirror.changed_seats, set()
            waiting, mirror.changed_waiting = mirror.changed_waiting, set()
            commands += _put(_seats_key(tenant), _encoded_seats(mirror, seats), seats)
            callers = _encoded_waiting(mirror, waiting)
            gone = (mirror.noted & waiting) - callers.keys()
            mirror.noted.difference_update(gone)  # a failure now leads to writing everything
            mirror.noted.update(callers)
            commands += _put(_waiting_key(tenant), callers, gone)
        return (await self._wire.trip(commands))[0] is not None

    async def _write_everything(self) -> None:
        """Bring all of Redis in line, in chunks; at no moment is a known seat missing there.

        The marker goes first: whatever wipes what follows wipes it as well, and so is noticed.
        """
        await self._wire.trip([packed("SET", self._marker, "1", "EX", str(_MARKER_LIFE_S))])
        for tenant, mirror in list(self._mirrors.items()):
            mirror.changed_seats.clear()
            mirror.changed_waiting.clear()
            for ids in _chunks(mirror.seats):
                await self._send(_seats_key(tenant), _encoded_seats(mirror, ids), ids)
            for ids in _chunks(mirror.waiting):
                await self._send(_waiting_key(tenant), _encoded_waiting(mirror, ids), ids)
            for key, kept in (
                (_seats_key(tenant), mirror.seats),
                (_waiting_key(tenant), mirror.waiting),
            ):
                there = await self._fields(key)
                if kept is mirror.waiting:
                    mirror.noted = set(there)
                for ids in _chunks([id_ for id_ in there if id_ not in kept]):
                    await self._send(key, {}, ids)

    async def _send(self, key: str, values: dict[str, str], ids: Iterable[str]) -> None:
        if commands := _put(key, values, ids):
            await self._wire.trip(commands)

    async def _fields(self, key: str) -> list[str]:
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.hkeys(key)
            (names,) = await pipe.execute()
        return [name.decode() for name in names]

    async def _read(self, key: str) -> dict[bytes, bytes]:
        """A whole hash; tries again while Redis is away (it may just be starting)."""
        failures = 0
        while True:
            try:
                async with self._redis.pipeline(transaction=False) as pipe:
                    pipe.hgetall(key)
                    (found,) = await pipe.execute()
                return dict(found)
            except _OUTAGE:
                failures += 1
                await asyncio.sleep(self._backoff.compute(failures))

    def _answers(self) -> None:
        if not self._healthy:
            log.info("live_state_up")
        self._healthy = True

    def _is_away(self, error: str) -> None:
        if self._healthy:
            log.warning("live_state_away", error=error)
        self._healthy = False
        self._rewrite = True
        for mirror in self._mirrors.values():  # everything will be written: nothing piles up
            mirror.changed_seats.clear()
            mirror.changed_waiting.clear()

    def _mirror(self, tenant: str) -> _Mirror:
        found = self._mirrors.get(tenant)
        if found is None:
            found = self._mirrors[tenant] = _Mirror()
            self._rewrite = True  # an earlier engine may have left this tenant's callers there
            self._wake.set()
        return found


def _seats_key(tenant: str) -> str:
    return f"hotline:{tenant}:seats"


def _waiting_key(tenant: str) -> str:
    return f"hotline:{tenant}:waiting"


def _put(key: str, values: dict[str, str], ids: Iterable[str]) -> list[bytes]:
    """Set the fields that have a value, delete the others of these ids."""
    commands = []
    if values:
        commands.append(packed("HSET", key, *chain.from_iterable(values.items())))
    if gone := [id_ for id_ in ids if id_ not in values]:
        commands.append(packed("HDEL", key, *gone))
    return commands


def _chunks(ids: Iterable[str]) -> Iterable[list[str]]:
    every = list(ids)
    return (every[start : start + _CHUNK] for start in range(0, len(every), _CHUNK))


def _encoded_seats(mirror: _Mirror, ids: Iterable[str]) -> dict[str, str]:
    written = {}
    for id_ in ids:
        if (view := mirror.seats.get(id_)) is not None:
            settled = mirror.settled.get(id_)
            if settled is None or settled[0] is not view.seat:
                settled = mirror.settled[id_] = (view.seat, settled_text(view.seat))
            written[id_] = seat_text(view, settled[1])
    return written


def _encoded_waiting(mirror: _Mirror, ids: Iterable[str]) -> dict[str, str]:
    return {id_: caller_text(mirror.waiting[id_]) for id_ in ids if id_ in mirror.waiting}
