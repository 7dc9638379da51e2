"""The store's front: group commit, deadlines, schema, durability; on both stores."""

import asyncio
import signal
import sqlite3
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, select, text
from structlog.testing import capture_logs

from storage.database import BATCH, Database, migrate
from storage.migrate import FOLDER, HEAD, revision
from storage.tables import hours_overrides, metadata, ticket_counters
from storage.tickets import SqlTickets
from tests.servers import PostgresServer
from tests.storage.facts import NOON, ZONES, new_ticket, opened, until
from tickets.errors import StoreAway, StoreRefused

FROZEN_S = 20.0
"""Without a deadline of ours it would be for ever."""


def _count(day: str) -> Any:
    def operation(connection: Connection) -> str:
        connection.execute(ticket_counters.insert(), {"tenant": "default", "day": day, "n": 1})
        return day

    return operation


async def _days(database: Database) -> list[str]:
    query = select(ticket_counters.c.day).order_by(ticket_counters.c.day)
    return list(await database.read(lambda c: c.execute(query).scalars().all()))


def _is_ours(name: str | None, kind: str, parents: object) -> bool:
    """Search is the databases' own: FTS5's tables here, indexes of PostgreSQL's there."""
    return not (name or "").startswith(("ticket_grams", "ix_ticket_texts_"))


async def test_the_migrations_build_what_the_program_knows(empty_sql_url: str) -> None:
    def compare(connection: Connection) -> tuple[list[Any], str]:
        opts = {"compare_type": True, "include_name": _is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        return compare_metadata(context, metadata), revision(connection)

    await migrate(empty_sql_url)
    await migrate(empty_sql_url)
    async with opened(empty_sql_url) as database:
        differences, found = await database.read(compare)
        assert differences == []
        assert found == HEAD


def test_the_newest_migration_is_the_one_expected() -> None:
    files = sorted(file.name for file in (FOLDER / "versions").glob("[0-9]*.py"))
    assert files[-1].startswith(f"{HEAD}_")


def test_every_table_of_the_house_has_a_tenant() -> None:
    assert all("tenant" in table.c for table in metadata.tables.values())


async def test_a_schema_from_the_future_is_refused_by_name(sql_url: str) -> None:
    async with opened(sql_url) as database:
        await database.write(
            lambda c: c.execute(text("UPDATE alembic_version SET version_num='9'"))
        )
    with pytest.raises(StoreRefused, match="schema 9"):
        await migrate(sql_url)


async def test_sqlite_is_opened_for_durability(sqlite_url: str) -> None:
    def pragmas(connection: Connection) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.execute(text(f"PRAGMA {name}")).scalar() for name in names]

    async with opened(sqlite_url, deadline_s=2.0) as database:
        assert await database.write(pragmas) == ["wal", 2, 1, 1500]


async def test_many_operations_share_a_commit(sql_url: str) -> None:
    async with opened(sql_url) as database:
        before = database.counts.commits
        results = await asyncio.gather(*(database.write(_count(f"{n:03}")) for n in range(150)))
        assert results == [f"{n:03}" for n in range(150)]
        assert await _days(database) == results
        assert database.counts.commits - before <= 2
        assert BATCH >= 150


async def test_an_idle_store_commits_at_once(sqlite_url: str) -> None:
    async with opened(sqlite_url) as database:
        before = database.counts.commits
        for n in range(20):
            writing = asyncio.create_task(database.write(_count(str(n))))
            await asyncio.sleep(0)
            assert database._wake.is_set(), "the writer is called without a wait for others"
            await writing
        assert database.counts.commits - before == 20


async def test_an_operation_that_fails_harms_no_neighbour(sql_url: str) -> None:
    def fails(connection: Connection) -> None:
        _count("half")(connection)
        raise RuntimeError("a mistake of its own")

    async with opened(sql_url) as database:
        results = await asyncio.gather(
            database.write(_count("a")), database.write(fails), database.write(_count("a")),
            database.write(_count("b")), return_exceptions=True,
        )  # fmt: skip
        assert results[0] == "a"
        assert isinstance(results[1], RuntimeError)
        assert isinstance(results[2], StoreRefused)
        assert results[3] == "b"
        assert await _days(database) == ["a", "b"]
        assert database.healthy


async def test_what_can_be_repeated_shares_its_commit_with_nobody_and_nobody_waits_for_it(
    sql_url: str,
) -> None:
    async with opened(sql_url) as database:
        before = database.counts.commits
        order: list[str] = []

        async def written(day: str, *, repeatable: bool = False) -> str:
            order.append(await database.write(_count(day), repeatable=repeatable))
            return day

        results = await asyncio.gather(
            written("a"), written("b"), written("c", repeatable=True),
            written("d", repeatable=True), written("e"), written("f"),
        )  # fmt: skip
        assert [*results] == ["a", "b", "c", "d", "e", "f"]
        assert order == ["a", "b", "e", "f", "c", "d"]
        assert database.counts.commits - before == 3


async def test_only_what_can_be_repeated_is_told_before_it_is_on_the_disk(sql_url: str) -> None:
    def waits(connection: Connection) -> bool:
        sqlite = connection.dialect.name == "sqlite"
        asked = "PRAGMA synchronous" if sqlite else "SHOW synchronous_commit"
        return connection.execute(text(asked)).scalar() in (2, "on")

    def fails(connection: Connection) -> None:
        raise RuntimeError("a mistake of its own")

    async with opened(sql_url) as database:
        assert await database.write(waits)
        assert not await database.write(waits, repeatable=True)
        assert await database.write(waits)
        with pytest.raises(RuntimeError):
            await database.write(fails, repeatable=True)
        assert await database.write(waits)


async def test_a_time_without_zone_is_refused(sql_url: str) -> None:
    row = {"tenant": "t", "line_id": "", "mode": "open", "set_by": "test"}
    naive = datetime(2026, 11, 21, 12, 0)  # noqa: DTZ001  the very thing to be refused
    async with opened(sql_url) as database:
        with pytest.raises(StoreRefused, match="without zone"):
            await database.write(
                lambda c: c.execute(hours_overrides.insert(), row | {"set_at": naive})
            )
        with pytest.raises(StoreRefused, match="without zone"):
            await database.read(
                lambda c: c.execute(select(hours_overrides).where(hours_overrides.c.set_at < naive))
            )


async def test_times_come_back_in_utc_whatever_the_zone_of_server_and_writer(sql_url: str) -> None:
    told = NOON.astimezone(timezone(timedelta(hours=8))) + timedelta(microseconds=7)
    row = {"tenant": "t", "line_id": "", "mode": "open", "set_by": "test", "set_at": told}
    async with opened(sql_url) as database:
        await database.write(lambda c: c.execute(hours_overrides.insert(), row))
        query = select(hours_overrides.c.set_at)
        found = await database.read(lambda c: c.execute(query).scalar_one())
        assert found == told
        assert found.tzinfo is UTC


async def test_reading_connections_cannot_write_sqlite(sqlite_url: str) -> None:
    async with opened(sqlite_url) as database:
        with pytest.raises(StoreAway, match="readonly"):
            await database.read(_count("x"))


async def test_an_unknown_kind_of_database_is_named() -> None:
    with pytest.raises(ValueError, match="mysql"):
        Database("mysql://nobody@nowhere/none")


async def test_a_frozen_server_never_holds_a_caller_beyond_the_deadline(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    async with opened(postgres_url, deadline_s=0.5) as database:
        await database.write(_count("before"))
        postgres_server.freeze()
        async with asyncio.timeout(FROZEN_S):
            with pytest.raises(StoreAway, match=r"within 0\.5 s"):
                await database.write(_count("during"))
            assert not database.healthy
            with pytest.raises(StoreAway, match="the database is away"):  # not asked at all
                await database.write(_count("during"))
            with pytest.raises(StoreAway):
                await database.read(lambda c: c.execute(text("SELECT 1")).scalar())
        postgres_server.thaw()
        await asyncio.wait_for(database.wait_healthy(), 20)
        await database.write(_count("z"))
        assert (await _days(database))[-1] == "z"


async def test_a_restarted_server_costs_no_write_and_no_read(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    async with opened(postgres_url) as database:
        await database.write(_count("a"))
        assert await _days(database) == ["a"]
        postgres_server.stop()
        postgres_server.start()
        assert await _days(database) == ["a"]
        await database.write(_count("b"))
        assert await _days(database) == ["a", "b"]


async def test_a_locked_file_is_an_outage_that_ends(sqlite_url: str) -> None:
    async with opened(sqlite_url, deadline_s=3.0) as database:
        locker = sqlite3.connect(_file(sqlite_url), isolation_level=None)
        locker.execute("BEGIN EXCLUSIVE")
        async with asyncio.timeout(FROZEN_S):
            with pytest.raises(StoreAway, match="locked"):
                await database.write(_count("during"))
        assert await _days(database) == []
        locker.execute("COMMIT")
        locker.close()
        await asyncio.wait_for(database.wait_healthy(), 20)
        await database.write(_count("after"))
        assert await _days(database) == ["after"]


async def test_a_store_that_cannot_be_opened_is_away_not_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "missing"
    async with opened(f"sqlite:///{folder}/x.db", deadline_s=0.4) as database:
        assert not database.healthy
        with pytest.raises(StoreAway):
            await database.write(_count("a"))
        with pytest.raises(StoreAway):
            await _days(database)
        folder.mkdir()
        await asyncio.wait_for(database.wait_healthy(), 20)
        await database.write(_count("a"))


async def test_what_waits_at_the_close_is_still_written(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    await database.start()
    writes = [asyncio.create_task(database.write(_count(f"{n:02}"))) for n in range(50)]
    await asyncio.sleep(0)
    await database.close()
    assert len(await asyncio.gather(*writes)) == 50
    async with opened(sqlite_url) as again:
        assert len(await _days(again)) == 50


async def test_an_answer_that_comes_after_the_deadline_disturbs_nobody(sqlite_url: str) -> None:
    def slow(connection: Connection) -> None:
        _count("slow")(connection)
        time.sleep(0.4)

    with capture_logs() as logs:
        async with opened(sqlite_url, deadline_s=0.2) as database:
            with pytest.raises(StoreAway, match="within"):
                await database.write(slow)
            await asyncio.wait_for(database.wait_healthy(), 20)
            await database.write(_count("z"))
            assert await _days(database) == ["slow", "z"]
    assert [entry["event"] for entry in logs] == ["database_away", "database_back"]


async def test_a_caller_who_is_gone_before_the_commit_is_not_written(sqlite_url: str) -> None:
    async with opened(sqlite_url) as database:
        write = asyncio.create_task(database.write(_count("gone")))
        await asyncio.sleep(0)
        write.cancel()
        await asyncio.gather(write, return_exceptions=True)
        await database.write(_count("here"))
        assert await _days(database) == ["here"]


WRITER = """
import asyncio, sys
from storage.tickets import SqlTickets
from tests.storage.facts import ZONES, new_ticket, opened

async def main(url):
    async with opened(url) as database:
        store = SqlTickets(database, ZONES)
        async def one(n):
            ticket = await store.create(new_ticket(f"c{n}"))
            sys.stdout.write(f"c{n} {ticket.number}\\n")
            sys.stdout.flush()
        for first in range(0, 100000, 8):
            await asyncio.gather(*(one(first + n) for n in range(8)))

asyncio.run(main(sys.argv[1]))
"""


async def test_a_number_that_was_told_survives_the_death_of_its_writer(sql_url: str) -> None:
    """SIGKILL in the middle of the work: every ticket whose number came out is stored."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, sql_url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    told = [await asyncio.wait_for(process.stdout.readline(), 30) for _ in range(60)]
    process.send_signal(signal.SIGKILL)
    told += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    async with opened(sql_url) as database:
        store = SqlTickets(database, ZONES)
        for line in told:
            if line.endswith(b"\n"):
                call_id, number = line.decode().split()
                assert (await store.get("default", number)).call_id == call_id


def _file(url: str) -> str:
    return url.removeprefix("sqlite:///")


async def test_two_writers_of_one_sqlite_file_wait_for_each_other(sqlite_url: str) -> None:
    async with opened(sqlite_url) as one, opened(sqlite_url) as two:
        await asyncio.gather(
            *(SqlTickets(d, ZONES).create(new_ticket(f"{i}{n}")) for n in range(40)
              for i, d in enumerate((one, two)))
        )  # fmt: skip
        await until(lambda: one.healthy and two.healthy)
        assert len(await SqlTickets(one, ZONES).list("default", limit=100)) == 80


async def test_the_schema_of_an_empty_database_is_made_by_start(empty_sql_url: str) -> None:
    async with opened(empty_sql_url) as database:
        names = await database.read(lambda c: inspect(c).get_table_names())
        assert set(metadata.tables) <= set(names)
