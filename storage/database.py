"""The store's front: group commit, deadlines, and knowing whether the database is there.

One task writes. It takes whatever waits, runs it in one transaction and gives each caller the
result of its own operation; with nothing waiting a write starts at once. An operation that fails
doesn't harm its neighbours: the batch is rolled back and each runs alone.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.engine import make_url

from storage.link import Bulk, Link, Operation, T
from storage.sqlite_link import SqliteLink
from tickets.errors import StoreAway

log = structlog.get_logger(__name__)

BATCH = 200
PROBE_S = 0.5
PATIENCE_S = 0.1


@dataclass(slots=True)
class _Write:
    """`work` is an `Operation`, or a `Bulk` that is given `item`."""

    work: Any
    item: Any
    order: tuple[str, str]
    patient: bool
    repeatable: bool
    result: asyncio.Future[Any]


@dataclass(slots=True)
class _Failure:
    error: Exception


@dataclass(slots=True)
class Counts:
    """What the writer did since its start."""

    commits: int = 0
    operations: int = 0
    outages: int = 0


class Database:
    """A SQLite file or a PostgreSQL database, by SQLAlchemy URL."""

    def __init__(self, url: str, *, deadline_s: float = 2.0) -> None:
        self._deadline_s = deadline_s
        self._link = _link_to(url, deadline_s)
        self._waiting: deque[_Write] = deque()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._there = asyncio.Event()
        self._closing = False
        self._writer: asyncio.Task[None] | None = None
        self.counts = Counts()

    async def start(self) -> None:
        """Migrate and begin to write. A database that is away isn't an error: `healthy` is
        False until it is back, then it is migrated and written to."""
        try:
            await self._link.migrate()
            self._there.set()
        except StoreAway as error:
            log.error("database_away", reason=str(error))
            self._wake.set()
        self._writer = asyncio.create_task(self._write_forever(), name="sql-writer")

    async def close(self) -> None:
        """Finish what waits (while the database is there), then let go of it."""
        self._closing = True
        if self._writer is not None:
            self._wake.set()
            await asyncio.wait({self._writer}, timeout=self._deadline_s if self.healthy else 0)
            self._writer.cancel()
            await asyncio.wait({self._writer})
            self._writer = None
        self._fail_waiting(StoreAway("the store was closed"))
        await self._link.close()

    @property
    def healthy(self) -> bool:
        """Whether the last thing tried went well."""
        return self._there.is_set()

    async def wait_healthy(self) -> None:
        """Return as soon as the database is there."""
        await self._there.wait()

    async def write(
        self,
        operation: Operation[T],
        *,
        order: str = "",
        patient: bool = False,
        repeatable: bool = False,
    ) -> T:
        """Run an operation durably with others; its result, or its own exception.

        Within a commit operations run sorted by `order` (a tenant), then as they came: engines
        that share a database lock the tenants' counters in one order and can't block each other.
        A `patient` one waits up to 0.1 s for others to share its commit with. A `repeatable` one
        has a commit of its own, after what waits with it, which isn't waited for until it is on
        the disk: after a crash its caller does it again. Whoever is told of a later commit finds
        it durable, too.
        Raises `StoreAway` at once while the database is known to be away, else when a commit
        has taken longer than the deadline.
        """
        result: T = await self._written(operation, None, (order, ""), patient, repeatable)
        return result

    async def write_together(
        self, bulk: Bulk, item: Any, *, name: str, order: str = "", patient: bool = False
    ) -> Any:
        """As `write`, for what is cheaper done for many at once: items of one bulk (its `name`)
        that share a commit are given to it together, after the operations of the same `order`.

        When one of them raises, the commit is made again with each alone.
        """
        return await self._written(bulk, item, (order, name), patient)

    async def _written(
        self,
        work: Any,
        item: Any,
        order: tuple[str, str],
        patient: bool,
        repeatable: bool = False,
    ) -> Any:
        if not self._there.is_set() or self._closing:
            raise StoreAway("the database is away")
        result = asyncio.get_running_loop().create_future()
        self._waiting.append(_Write(work, item, order, patient, repeatable, result))
        self._call_writer(patient)
        return await result

    async def read(self, operation: Operation[T]) -> T:
        """Run an operation that only reads; `StoreAway` at the deadline."""
        return await self._link.read(operation)

    def _call_writer(self, patient: bool) -> None:
        if not patient:
            self._wake.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, self._wake.set)

    async def _write_forever(self) -> None:
        while not self._closing or (self._waiting and self.healthy):
            await self._wake.wait()
            self._wake.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            try:
                await self._write_what_waits()
            except Exception:  # whatever it was: without a writer nothing is ever stored again
                log.exception("writer_failed")

    async def _write_what_waits(self) -> None:
        if not self.healthy:
            await self._come_back()
        while self._waiting and self.healthy:
            await self._commit(self._next_batch())
            if not self.healthy:
                await self._come_back()
            elif self._waiting and all(entry.patient for entry in self._waiting):
                self._call_writer(patient=True)
                return

    def _next_batch(self) -> list[_Write]:
        """Whatever waits but what is repeatable: that comes next, alone, so that nobody who waits
        already waits for it, too."""
        taken = [self._waiting.popleft()]
        if not taken[0].repeatable:
            passed: list[_Write] = []
            while self._waiting and len(taken) < BATCH:
                entry = self._waiting.popleft()
                (passed if entry.repeatable else taken).append(entry)
            self._waiting.extendleft(reversed(passed))
        return sorted(
            (entry for entry in taken if not entry.result.done()), key=attrgetter("order")
        )

    async def _commit(self, batch: Sequence[_Write]) -> None:
        """All in one transaction; when that fails for a reason of one's own, one by one."""
        if not batch:
            return
        try:
            async with asyncio.timeout(self._deadline_s):
                results = await self._link.write(
                    lambda connection: _run_all(connection, batch),
                    durable=not batch[0].repeatable,
                )
        except TimeoutError:
            self._lost(reason := f"no commit within {self._deadline_s} s")
            _settle(batch, [_Failure(StoreAway(reason))] * len(batch))
        except asyncio.CancelledError:
            _settle(batch, [_Failure(StoreAway("the store was closed"))] * len(batch))
            raise
        except StoreAway as error:
            self._lost(str(error))
            _settle(batch, [_Failure(error)] * len(batch))
        except Exception as error:
            if len(batch) == 1:
                _settle(batch, [_Failure(error)])
                return
            for entry in batch:
                await self._commit([entry])
        else:
            self.counts.commits += 1
            self.counts.operations += len(batch)
            _settle(batch, results)

    def _lost(self, reason: str) -> None:
        if self._there.is_set():
            self._there.clear()
            self._wake.set()
            self.counts.outages += 1
            log.error("database_away", reason=reason)

    async def _come_back(self) -> None:
        """Fail what waits, then ask until the database answers."""
        while not self._closing:
            self._fail_waiting(StoreAway("the database is away"))
            try:
                await self._link.write(_probe)
                await self._link.migrate()
            except StoreAway:
                await asyncio.sleep(PROBE_S)
            except Exception:
                log.exception("database_unusable")
                await asyncio.sleep(PROBE_S)
            else:
                self._there.set()
                log.info("database_back")
                return

    def _fail_waiting(self, error: StoreAway) -> None:
        while self._waiting:
            _settle([self._waiting.popleft()], [_Failure(error)])


def _link_to(url: str, deadline_s: float) -> Link:
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteLink(parsed, deadline_s)
        case "postgresql":
            from storage.postgres_link import PostgresLink  # 9 MB for those who have it only

            return PostgresLink(parsed, deadline_s)
        case other:
            raise ValueError(f"database {other!r}: use a sqlite or a postgresql URL")


def _probe(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


def _run_all(connection: Connection, batch: Sequence[_Write]) -> list[Any]:
    results: list[Any] = []
    for (order, work), group in groupby(batch, key=attrgetter("order", "work")):
        entries = list(group)
        if order[1]:
            results += work(connection, [entry.item for entry in entries])
        else:
            results += [work(connection) for _ in entries]
    return results


def _settle(batch: Sequence[_Write], results: Sequence[Any]) -> None:
    for entry, result in zip(batch, results, strict=True):
        if entry.result.done():
            continue  # its caller gave up meanwhile
        if isinstance(result, _Failure):
            entry.result.set_exception(result.error)
        else:
            entry.result.set_result(result)


async def migrate(url: str) -> None:
    """Bring a database's schema up to date; raises `StoreAway` or `StoreRefused`."""
    link = _link_to(url, 10.0)
    try:
        await link.migrate()
    finally:
        await link.close()
