"""SQLite in a thread of its own: one connection writes, a few read beside it (WAL)."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from storage.errors import translated
from storage.json_text import dump_json
from storage.link import READERS, Operation, T
from storage.migrate import upgrade
from storage.sqlite_log import LONGEST_PAGES, Between, LogKeeper
from tickets.errors import StoreAway

_WRITER = ("cache_size=-8192", f"wal_autocheckpoint={LONGEST_PAGES}")
"""8 MB of pages: what else is read lies in the system's own cache. The log is taken over in time
by another thread: pages that many tickets share are written back once for hundreds of commits."""


_SYNCED, _UNSYNCED = "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"
"""NORMAL doesn't sync the log at a commit: the next commit that does syncs it all."""


class SqliteLink:
    """A batch of operations costs one hop between threads, where aiosqlite makes one a statement
    (measured: 0.53 against 1.04 ms of CPU a ticket). Locks are waited for a little less than
    the caller's deadline, so that the error names them."""

    def __init__(self, url: URL, deadline_s: float) -> None:
        wait = f"busy_timeout={int(deadline_s * 750)}"
        self._writing = _engine(
            url, size=1, begin="BEGIN IMMEDIATE",
            pragmas=(wait, "journal_mode=WAL", "synchronous=FULL", *_WRITER),
        )  # fmt: skip
        self._reading = _engine(url, size=READERS, begin="BEGIN", pragmas=(wait, "query_only=ON"))
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sql-write")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sql-read")
        self._log = LogKeeper(url.database or "", self._between_commits)
        self._connection: Connection | None = None
        self._durable = True
        self._deadline_s = deadline_s

    async def write(self, operation: Operation[T], *, durable: bool = True) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer, self._write, operation, durable)

    def _write(self, operation: Operation[T], durable: bool) -> T:
        try:
            if self._connection is None:
                self._connection, self._durable = self._writing.connect(), True
            raw = _raw(self._connection)
            if self._durable != durable:
                raw.execute(_SYNCED if durable else _UNSYNCED)
                self._durable = durable
            result = _transaction(self._connection, operation)
            self._log.committed(raw)
            return result
        except Exception as error:
            problem = translated(error)
            if isinstance(problem, StoreAway):
                self._drop()
            if problem is None or problem is error:
                raise
            raise problem from error

    def _between_commits(self, work: Between) -> None:
        self._writer.submit(self._with_writer, work)

    def _with_writer(self, work: Between) -> None:
        work(None if self._connection is None else _raw(self._connection))

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    async def read(self, operation: Operation[T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._deadline_s):
                return await loop.run_in_executor(self._readers, self._read, operation)
        except TimeoutError as error:
            raise StoreAway(f"SQLite didn't answer within {self._deadline_s} s") from error

    def _read(self, operation: Operation[T]) -> T:
        try:
            with self._reading.begin() as connection:
                return operation(connection)
        except Exception as error:
            problem = translated(error)
            if problem is None or problem is error:
                raise
            raise problem from error

    async def migrate(self) -> None:
        await self.write(upgrade)

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._drop)
        await loop.run_in_executor(None, self._end)

    def _end(self) -> None:
        self._log.close()
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._writing.dispose()
        self._reading.dispose()


def _transaction(connection: Connection, operation: Operation[T]) -> T:
    """Begun and ended by the driver: SQLAlchemy's own way costs a small write as much again. It
    joins in when an operation asks it for something."""
    raw = _raw(connection)
    try:
        raw.execute("BEGIN IMMEDIATE")
        result = operation(connection)
        if connection.in_transaction():
            connection.commit()
        else:
            raw.commit()
    except BaseException as error:
        if connection.in_transaction():
            connection.rollback()
        elif raw.in_transaction:
            raw.rollback()
        if isinstance(error, sqlite3.Error):
            raise DBAPIError.instance("transaction", None, error, sqlite3.Error) from error
        raise
    return result


def _raw(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _engine(url: URL, *, size: int, begin: str, pragmas: tuple[str, ...]) -> Engine:
    """Transactions are begun by us: sqlite3 by itself begins late and commits around DDL."""
    engine = create_engine(
        url.set(drivername="sqlite"), poolclass=QueuePool, pool_size=size, max_overflow=0,
        hide_parameters=True, json_serializer=dump_json,
        connect_args={"check_same_thread": False, "isolation_level": None},
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in ("foreign_keys=ON", *pragmas):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        raw: Any = connection.connection.driver_connection
        if not raw.in_transaction:
            raw.execute(begin)

    return engine
