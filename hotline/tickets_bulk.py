"""Puts a million tickets into an empty store for `hotline bench tickets`, thousands a second.

Two processes make the rows (`hotline/tickets_filling.py`), this one hands them to the database's
driver, a chunk a transaction, each sealed as it comes. What background jobs of a full store have
done long ago (statistics, visibility) is done at the end.
"""

import asyncio
import multiprocessing
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

import asyncpg  # type: ignore[import-untyped] # it has no types
from sqlalchemy import Boolean, Connection, make_url

from hotline.tickets_filling import FILLED, TENANT, Chunk, chunks, made
from storage.database import Database
from storage.life_tables import ticket_texts
from storage.parts import count_up
from storage.seals import seal
from storage.tables import UtcDateTime
from storage.ticket_search import joined_grams, merge_index, text_row
from tickets.number import day_key, format_number

CHUNK = 2_000
MAKERS = 2
SAY_EVERY = 100_000

Rows = Mapping[str, tuple[Sequence[str], Sequence[tuple[Any, ...]]]]
"""By table: the names of its columns, and rows of these."""


class _Bulk(Protocol):
    """One kind of database, given many rows at once."""

    postgres: bool

    async def open(self) -> None:
        """A connection of its own."""
        ...

    async def put(self, rows: Rows) -> None:
        """A chunk, in one transaction."""
        ...

    async def finish(self) -> None:
        """What was left out for speed, statistics; the connection is closed."""
        ...


async def fill(
    database: Database, url: str, stored: int, seed: int, say: Callable[[str], None]
) -> Sequence[str]:
    """Put `stored` tickets of three events each in; their numbers, in order."""
    bulk: _Bulk = _Postgres(url) if url.startswith("postgresql") else _Sqlite(url)
    began, numbers = time.monotonic(), []
    await bulk.open()
    waiting = deque(chunks(stored, CHUNK, seed))
    making: deque[tuple[Chunk, asyncio.Future[Rows]]] = deque()
    with ProcessPoolExecutor(MAKERS, mp_context=multiprocessing.get_context("spawn")) as makers:
        loop = asyncio.get_running_loop()
        while waiting or making:
            while waiting and len(making) < 2 * MAKERS:
                chunk = waiting.popleft()
                rows = loop.run_in_executor(makers, partial(_made, chunk, postgres=bulk.postgres))
                making.append((chunk, rows))
            chunk, coming = making.popleft()
            await bulk.put(await coming)
            await database.write(partial(_sealed, chunk=chunk))
            numbers += [format_number(chunk.day, chunk.number + n) for n in range(chunk.count)]
            if len(numbers) % SAY_EVERY < chunk.count:
                say(f"{len(numbers)} stored in {time.monotonic() - began:.0f} s")
    await bulk.finish()
    say(f"full, with statistics, after {time.monotonic() - began:.0f} s")
    return numbers


def _sealed(connection: Connection, chunk: Chunk) -> None:
    count_up(connection, TENANT, day_key(chunk.day), chunk.count)
    seal(connection, datetime.combine(chunk.day + timedelta(days=1), datetime.min.time(), UTC))


def _made(chunk: Chunk, *, postgres: bool) -> Rows:
    """Runs in a maker: a chunk's rows as the database's driver takes them."""
    rows, words = made(chunk)
    found: dict[str, tuple[Sequence[str], Sequence[tuple[Any, ...]]]] = {}
    for table in FILLED:
        columns = list(table.columns)
        filled = rows[table.name]
        if table.name == "ticket_unsealed":  # its ids are the database's own
            columns, filled = columns[1:], [row[1:] for row in filled]
        if postgres:
            filled = _for_postgres([column.type for column in columns], filled)
        found[table.name] = [column.name for column in columns], filled
    texts = [text_row(TENANT, one, with_grams=postgres) for one in words]
    names = [c.name for c in ticket_texts.columns]
    found["ticket_texts"] = (
        names,
        [(chunk.first + n, *(row[name] for name in names[1:])) for n, row in enumerate(texts, 1)],
    )
    if not postgres:
        grams = [joined_grams(TENANT, one.unit, one.plain) for one in words]
        found["ticket_grams"] = ("rowid", "grams"), list(enumerate(grams, chunk.first + 1))
    return found


def _for_postgres(types: Sequence[Any], rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows as SQLite keeps them, in asyncpg's types."""
    reads: dict[int, Callable[[Any], Any]] = {
        place: bool if isinstance(kind, Boolean) else _moment
        for place, kind in enumerate(types)
        if isinstance(kind, Boolean | UtcDateTime)
    }
    return [
        tuple(reads[n](value) if n in reads else value for n, value in enumerate(row))
        for row in rows
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class _Sqlite:
    """Rows by `executemany`; nothing is synced before the end."""

    postgres = False

    def __init__(self, url: str) -> None:
        self._file = make_url(url).database or ""

    async def open(self) -> None:
        """As `_Bulk`."""
        self._connection = sqlite3.connect(
            self._file, isolation_level=None, check_same_thread=False
        )
        for pragma in ("synchronous=OFF", "cache_size=-500000", "wal_autocheckpoint=50000"):
            self._connection.execute(f"PRAGMA {pragma}")

    async def put(self, rows: Rows) -> None:
        """As `_Bulk`."""
        await asyncio.to_thread(self._put, rows)

    def _put(self, rows: Rows) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for table, (names, filled) in rows.items():
            marks = ", ".join("?" * len(names))
            self._connection.executemany(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608 - our own names
                filled,
            )
        merge_index(self._connection, CHUNK)  # as it grows in a running hotline, level by level
        self._connection.execute("COMMIT")

    async def finish(self) -> None:
        """As `_Bulk`."""
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        self._connection.execute("ANALYZE")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()


class _Postgres:
    """Rows by COPY; the index of grams is made at the end, at a third of the cost."""

    postgres = True
    _INDEX = "ix_ticket_texts_grams"

    def __init__(self, url: str) -> None:
        self._url = make_url(url)

    async def open(self) -> None:
        """As `_Bulk`."""
        asked = self._url.query.get("host", "")
        self._connection = await asyncpg.connect(
            host=str(asked) or self._url.host, user=self._url.username,
            database=self._url.database,
        )  # fmt: skip
        self._made: str = await self._connection.fetchval(
            "SELECT indexdef FROM pg_indexes WHERE indexname = $1", self._INDEX
        )
        await self._connection.execute(f"DROP INDEX {self._INDEX}")

    async def put(self, rows: Rows) -> None:
        """As `_Bulk`."""
        async with self._connection.transaction():
            for table, (names, filled) in rows.items():
                await self._connection.copy_records_to_table(table, records=filled, columns=names)

    async def finish(self) -> None:
        """As `_Bulk`."""
        ask = self._connection
        await ask.execute("SET maintenance_work_mem = '512MB'")
        await ask.execute(self._made)
        await ask.execute(
            "SELECT setval(pg_get_serial_sequence('ticket_texts', 'id'), max(id)) FROM ticket_texts"
        )
        await ask.execute("VACUUM ANALYZE")
        await ask.execute("CREATE EXTENSION pg_prewarm")  # a service that has run for days is warm
        await ask.execute(
            "SELECT pg_prewarm(oid) FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')"
        )
        await ask.execute("CHECKPOINT")
        await ask.close()
