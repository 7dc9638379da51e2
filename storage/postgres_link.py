"""PostgreSQL over asyncpg: one connection writes, a small pool reads."""

import asyncio
import contextlib
from collections.abc import Awaitable
from functools import partial

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from storage.errors import translated
from storage.json_text import dump_json
from storage.link import READERS, Operation, T
from storage.migrate import PATIENCE_S, upgrade
from storage.sent_together import send_kept, sends_first, wait_for_ahead
from tickets.errors import StoreAway


class PostgresLink:
    """A connection that breaks is cut at once, never waited for, and replaced by a fresh one."""

    def __init__(self, url: URL, deadline_s: float) -> None:
        command_s = deadline_s * 0.75  # the driver gives up first: its error names the reason
        self._url = url.set(drivername="postgresql+asyncpg")
        self._engine = create_async_engine(
            self._url, pool_size=READERS + 1, max_overflow=0, pool_timeout=deadline_s,
            hide_parameters=True, json_serializer=dump_json,
            connect_args={"timeout": command_s, "command_timeout": command_s},
        )  # fmt: skip
        sends_first(self._engine.sync_engine)
        self._writer: AsyncConnection | None = None
        self._deadline_s = deadline_s

    async def write(self, operation: Operation[T], *, durable: bool = True) -> T:
        work = operation if durable else partial(_unwaited, operation=operation)
        return await _within(self._deadline_s, self._write(work))

    async def _write(self, operation: Operation[T]) -> T:
        if self._writer is not None and not self._writer.closed:
            try:
                return await _run(self._writer, operation)
            except StoreAway:
                pass  # the server may have been restarted meanwhile: once more, afresh
        self._writer = await self._engine.connect()
        return await _run(self._writer, operation)

    async def read(self, operation: Operation[T]) -> T:
        return await _within(self._deadline_s, self._read(operation))

    async def _read(self, operation: Operation[T]) -> T:
        try:
            return await self._read_once(operation)
        except StoreAway:
            return await self._read_once(operation)  # the pool's connections may be older

    async def _read_once(self, operation: Operation[T]) -> T:
        connection = await self._engine.connect()
        try:
            return await _run(connection, operation)
        finally:
            if not connection.closed:
                await connection.close()

    async def migrate(self) -> None:
        await _within(PATIENCE_S, self._migrate())

    async def _migrate(self) -> None:
        engine = create_async_engine(
            self._url, poolclass=NullPool, connect_args={"timeout": self._deadline_s}
        )
        async with engine.connect() as connection:
            await _run(connection, upgrade)

    async def close(self) -> None:
        if self._writer is not None and not self._writer.closed:
            await self._writer.close()
        await self._engine.dispose()


def _unwaited(connection: Connection, operation: Operation[T]) -> T:
    """Its commit doesn't wait for the disk."""
    connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
    return operation(connection)


async def _within(seconds: float, work: Awaitable[T]) -> T:
    """Bound the work; whatever the database did wrong comes out as a `TicketError`."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except Exception as error:
        problem = translated(error)
        if problem is None or problem is error:
            raise
        raise problem from error


async def _run(connection: AsyncConnection, operation: Operation[T]) -> T:
    """One transaction. A connection in doubt is cut; only a refused fact leaves it usable."""
    try:
        result = await connection.run_sync(_whole, operation)
        await connection.commit()
    except Exception as error:
        problem = translated(error)
        if isinstance(problem, StoreAway):
            await _cut(connection)
        else:
            await connection.rollback()
        raise (problem or error) from error
    except asyncio.CancelledError:
        await _cut(connection)
        raise
    return result


def _whole(connection: Connection, operation: Operation[T]) -> T:
    try:
        result = operation(connection)
        send_kept(connection)
    except Exception:
        with contextlib.suppress(DBAPIError):  # that it failed as well is nobody's news
            wait_for_ahead(connection)  # the connection can't be told to undo it before
        raise
    return result


async def _cut(connection: AsyncConnection) -> None:
    """End it without a word: a polite goodbye would wait on a server that hangs."""
    if not connection.invalidated:
        pooled = await connection.get_raw_connection()
        if pooled.driver_connection is not None:
            pooled.driver_connection.terminate()
        await connection.invalidate()
    await connection.close()
