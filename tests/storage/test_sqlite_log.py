"""SQLite's log is written back into the file beside the writer, and begins anew."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from storage.database import Database
from storage.sqlite_log import LITTLE_PAGES, ROWS, LogKeeper
from storage.tables import ticket_counters
from tests.storage.facts import opened, until


async def _write(database: Database, first: int) -> None:
    rows = [{"tenant": "t", "day": f"{first + n:08}", "n": 1} for n in range(ROWS)]

    def operation(connection: Connection) -> None:
        connection.execute(ticket_counters.insert(), rows)

    await database.write(operation)


def _in_file(file: Path) -> int:
    """How many rows are in the file itself, its log left out."""
    with closing(sqlite3.connect(f"file:{file}?immutable=1", uri=True)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM ticket_counters").fetchone()[0])
        except sqlite3.DatabaseError:
            return 0  # nothing of it yet, or it is being written at this moment


async def test_what_was_committed_comes_into_the_file_and_the_log_stays_short(
    tmp_path: Path,
) -> None:
    file = tmp_path / "hotline.db"
    async with opened(f"sqlite:///{file}", deadline_s=20.0) as database:
        await _write(database, 0)
        await until(lambda: _in_file(file) == ROWS)
        once = (tmp_path / "hotline.db-wal").stat().st_size
        for n in range(1, 9):
            await _write(database, n * ROWS)
            await until(lambda: _in_file(file) == (n + 1) * ROWS)  # noqa: B023 - awaited here
        assert (tmp_path / "hotline.db-wal").stat().st_size < 5 * once


async def test_a_reader_who_stays_long_keeps_nobody_from_writing(tmp_path: Path) -> None:
    file = tmp_path / "hotline.db"
    async with opened(f"sqlite:///{file}", deadline_s=20.0) as database:
        await _write(database, 0)
        with closing(sqlite3.connect(file, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM ticket_counters").fetchone()
            for n in range(1, 4):
                await _write(database, n * ROWS)
            found = reader.execute("SELECT count(*) FROM ticket_counters").fetchone()[0]
            assert found == ROWS
        await _write(database, 4 * ROWS)
        await until(lambda: _in_file(file) == 5 * ROWS)


async def test_what_comes_meanwhile_is_taken_over_too_until_the_writer_has_little_left(
    tmp_path: Path,
) -> None:
    file = tmp_path / "some.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("PRAGMA wal_autocheckpoint=0")
        writer.execute("CREATE TABLE ticket_counters (page BLOB)")
        coming = [3 * LITTLE_PAGES, 2 * LITTLE_PAGES, 1, 1, 1]

        class Beside:
            """Commits pages whenever the log was gone through."""

            def __init__(self, connection: sqlite3.Connection) -> None:
                self._connection = connection

            def execute(self, statement: str) -> Any:
                found = self._connection.execute(statement).fetchall()
                _pages(writer, coming.pop(0))
                return self._connection.execute("SELECT ?, ?, ?", found[0])

        _pages(writer, 5 * LITTLE_PAGES)
        keeper = LogKeeper(str(file), lambda work: None)
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            keeper._catch_up(Beside(connection))  # type: ignore[arg-type] # as a connection does
            assert coming == [1], "not for a page"
            assert _in_file(file) == 10 * LITTLE_PAGES + 1
        keeper.close()


def _pages(writer: sqlite3.Connection, count: int) -> None:
    """A row fills a page, so that it is one of the log, too."""
    writer.execute("BEGIN")
    writer.executemany("INSERT INTO ticket_counters VALUES (zeroblob(4000))", [()] * count)
    writer.execute("COMMIT")
