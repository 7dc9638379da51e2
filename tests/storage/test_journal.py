"""The journal: what SQL couldn't take is written when it is back, each fact exactly once."""

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from storage.calls import SqlCalls
from storage.database import Database
from storage.drain import Drain
from storage.journal import Journal
from storage.tables import calls, tickets
from storage.tickets import SqlTickets
from tests.servers import PostgresServer
from tests.storage.facts import ZONES, call_facts, call_record, new_ticket, opened, until
from tickets.errors import StoreAway, StoreRefused
from tickets.merge import merged
from tickets.model import CallRecord, NewTicket, Ticket
from tickets.service import Intake


class FakeSql:
    """Both store ports in memory; `away` and `refuses` make it misbehave."""

    def __init__(self) -> None:
        self.facts: list[NewTicket] = []
        self.records: list[CallRecord] = []
        self.away = False
        self.refuses: Callable[[str], bool] = lambda call_id: False
        self.away_after: int | None = None

    @property
    def told(self) -> list[str]:
        return [new.facts.call_id for new in self.facts]

    def _ask(self, call_id: str) -> None:
        if self.away_after is not None and len(self.facts) >= self.away_after:
            self.away = True
        if self.away:
            raise StoreAway("away")
        if self.refuses(call_id):
            raise StoreRefused("poison")

    async def create(self, new: NewTicket) -> Ticket:
        self._ask(new.facts.call_id)
        if new not in self.facts:
            self.facts.append(new)
        return merged("261121000001", [new])

    async def record(self, record: CallRecord) -> None:
        self._ask(record.facts.call_id)
        self.records.append(record)

    async def get(self, tenant: str, number: str) -> Ticket:
        raise StoreAway(number)

    async def list(
        self, tenant: str, *, limit: int = 50, before: str = "", since: datetime | None = None
    ) -> Sequence[Ticket]:
        raise StoreAway(tenant)


async def test_facts_come_out_in_order_and_as_they_went_in(tmp_path: Path) -> None:
    journal, sql = Journal(tmp_path), FakeSql()
    facts = [
        new_ticket(f"c{n}", facts=call_facts(f"c{n}", caller_raw="张\ud800")) for n in range(250)
    ]
    for fact in facts:
        await journal.keep_ticket(fact)
    await journal.keep_call(call_record("c0"))
    assert journal.waiting == 251
    assert await Drain(journal, sql, sql).drain() == 251
    assert sql.facts == facts
    assert sql.records == [call_record("c0")]
    assert journal.waiting == 0
    assert list(tmp_path.iterdir()) == []


async def test_a_new_process_finds_what_the_last_one_kept(tmp_path: Path) -> None:
    await Journal(tmp_path).keep_ticket(new_ticket("old"))
    journal, sql = Journal(tmp_path), FakeSql()
    assert journal.waiting == 1
    assert journal.changed.is_set()
    await journal.keep_ticket(new_ticket("new"))
    await Drain(journal, sql, sql).drain()
    assert sql.told == ["old", "new"]


async def test_an_outage_in_the_middle_repeats_and_loses_nothing(tmp_path: Path) -> None:
    journal, sql = Journal(tmp_path), FakeSql()
    for n in range(10):
        await journal.keep_ticket(new_ticket(f"c{n}"))
    sql.away_after = 4
    drain = Drain(journal, sql, sql)
    with pytest.raises(StoreAway):
        await drain.drain()
    assert journal.waiting == 10
    assert journal.changed.is_set()
    sql.away_after, sql.away = None, False
    await drain.drain()
    assert sql.told == [f"c{n}" for n in range(10)]


async def test_a_torn_last_line_is_moved_aside_and_the_rest_is_written(tmp_path: Path) -> None:
    await Journal(tmp_path).keep_ticket(new_ticket("whole"))
    segment = next(tmp_path.glob("*.jsonl"))
    with segment.open("ab") as stream:
        stream.write(b'{"kind": "ticket", "data": {"fac')
    journal, sql = Journal(tmp_path), FakeSql()
    await Drain(journal, sql, sql).drain()
    assert sql.told == ["whole"]
    assert journal.rejected == 1
    assert not list(tmp_path.glob("*.jsonl"))


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00rubbish", b"[]", b"null", b'{"kind": "ticket"}', b"{}",
        b'{"kind": "ticket", "data": {}}', b'{"kind": "spell", "data": {}}', b"[" * 100_000,
    ],
)  # fmt: skip
async def test_a_poisoned_line_blocks_nobody_and_keeps_its_reason(
    tmp_path: Path, line: bytes
) -> None:
    (tmp_path / "00000000000000000001-1.jsonl").write_bytes(line + b"\n")
    journal, sql = Journal(tmp_path), FakeSql()
    await journal.keep_ticket(new_ticket("good"))
    await Drain(journal, sql, sql).drain()
    assert sql.told == ["good"]
    aside = json.loads(next((tmp_path / "rejected").glob("*.json")).read_text())
    assert aside["reason"]
    assert aside["line"] == line.decode(errors="backslashreplace")


async def test_a_fact_that_sql_refuses_is_moved_aside_once(tmp_path: Path) -> None:
    journal, sql = Journal(tmp_path), FakeSql()
    sql.refuses = lambda call_id: call_id == "bad"
    for call_id in ("a", "bad", "b", "bad"):
        await journal.keep_ticket(new_ticket(call_id))
    await Drain(journal, sql, sql).drain()
    assert sql.told == ["a", "b"]
    assert journal.rejected == 1
    assert journal.waiting == 0


async def test_a_full_disk_leaves_facts_in_memory_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, sql = Journal(tmp_path), FakeSql()
    await journal.keep_ticket(new_ticket("before"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _half_then_full())
        await journal.keep_ticket(new_ticket("during"))
        assert not journal.healthy
        assert journal.waiting >= 2
        drain = Drain(journal, sql, sql)
        await drain.drain()
    assert sorted(sql.told) == ["before", "during"]
    assert journal.healthy
    assert journal.waiting == 0


def _half_then_full() -> Callable[[int, bytes], int]:
    """Half a journal line is written, then the disk is full, every time."""
    real, pieces = os.write, [0]

    def write(handle: int, data: bytes) -> int:
        if b"call_id" not in data and pieces[0] % 2 == 0:
            return real(handle, data)
        pieces[0] += 1
        if pieces[0] % 2:
            return real(handle, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    return write


async def test_a_disk_that_recovers_gets_the_lines_from_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", _half_then_full())
        await journal.keep_ticket(new_ticket("a"))
        assert not journal.healthy
    await journal.keep_ticket(new_ticket("b"))
    assert journal.healthy
    sql = FakeSql()
    await Drain(Journal(tmp_path), sql, sql).drain()
    assert sql.told == ["a", "b"]


@asynccontextmanager
async def working(url: str, folder: Path) -> AsyncIterator[tuple[Intake, Database, Journal]]:
    """Intake and drain over a real database, as the engine wires them."""
    async with opened(url, deadline_s=0.6) as database:
        store, log = SqlTickets(database, ZONES), SqlCalls(database)
        journal = Journal(folder)
        intake = Intake(store, log, journal)
        draining = asyncio.create_task(Drain(journal, store, log).run(database.wait_healthy))
        try:
            yield intake, database, journal
        finally:
            draining.cancel()
            await asyncio.gather(draining, return_exceptions=True)
            await intake.close()


async def _many(intake: Intake, first: int, last: int) -> list[str]:
    """Tickets and call rows of some calls, made at once."""
    numbers = await asyncio.gather(
        *(intake.create(new_ticket(f"c{n}")) for n in range(first, last)),
    )
    await asyncio.gather(*(intake.record(call_record(f"c{n}")) for n in range(first, last)))
    return list(numbers)


async def _stored(database: Database) -> tuple[list[str], int]:
    ids = await database.read(lambda c: c.execute(select(tickets.c.call_id)).scalars().all())
    rows = await database.read(
        lambda c: c.execute(select(func.count()).select_from(calls)).scalar()
    )
    return sorted(ids), rows or 0


async def _through_an_outage(
    url: str, folder: Path, away: Callable[[], Any], back: Callable[[], Any]
) -> None:
    async with working(url, folder) as (intake, database, journal):
        assert all(await _many(intake, 0, 5))
        away()
        assert await _many(intake, 5, 30) == [""] * 25
        assert not database.healthy
        assert journal.waiting == 50
        back()
        await until(lambda: database.healthy and journal.waiting == 0)
        assert all(await _many(intake, 30, 35))
        ids, rows = await _stored(database)
        assert ids == sorted(f"c{n}" for n in range(35))
        assert rows == 35
        assert journal.rejected == 0


async def test_postgres_stopped_and_started_loses_and_doubles_nothing(
    postgres_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    await _through_an_outage(
        postgres_url, tmp_path / "journal", postgres_server.kill, postgres_server.start
    )


async def test_postgres_frozen_and_thawed_loses_and_doubles_nothing(
    postgres_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """Writes that were on their way when it froze are committed by it and journalled by us."""
    await _through_an_outage(
        postgres_url, tmp_path / "journal", postgres_server.freeze, postgres_server.thaw
    )


async def test_sqlite_locked_by_another_process_loses_and_doubles_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    locker = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        await _through_an_outage(
            sqlite_url, tmp_path / "journal",
            lambda: locker.execute("BEGIN EXCLUSIVE"), lambda: locker.execute("COMMIT"),
        )  # fmt: skip
    finally:
        locker.close()


async def test_an_engine_that_starts_without_its_database_takes_tickets(
    postgres_url: str, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    postgres_server.stop()
    async with working(postgres_url, tmp_path / "journal") as (intake, database, journal):
        assert await intake.create(new_ticket("c0")) == ""
        postgres_server.start()
        await until(lambda: database.healthy and journal.waiting == 0)
        assert (await _stored(database))[0] == ["c0"]


async def test_a_caller_who_hangs_up_in_mid_write_leaves_his_ticket(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with working(sqlite_url, tmp_path / "journal") as (intake, database, _journal):
        conversation = asyncio.create_task(intake.create(new_ticket("gone")))
        await asyncio.sleep(0)
        conversation.cancel()
        with pytest.raises(asyncio.CancelledError):
            await conversation
        await intake.close()
        assert (await _stored(database))[0] == ["gone"]


async def test_a_fact_that_sql_refuses_lands_beside_the_journal(
    postgres_url: str, tmp_path: Path
) -> None:
    """PostgreSQL has no NUL in texts: such a ticket is kept for a person to look at."""
    async with working(postgres_url, tmp_path / "journal") as (intake, database, journal):
        poison = new_ticket(facts=call_facts("bad", caller_raw="\0"))
        assert await asyncio.gather(intake.create(poison), intake.create(new_ticket("good"))) == [
            "", "261121000001",
        ]  # fmt: skip
        await until(lambda: journal.rejected == 1 and journal.waiting == 0)
        assert database.healthy
        assert (await _stored(database))[0] == ["good"]
