"""Writes that PostgreSQL is told together: nobody who asks sees that they were kept back."""

from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, event, func, insert, select, update
from sqlalchemy.engine import Engine

from storage.database import Database
from storage.life_tables import ticket_lives, ticket_texts
from storage.prepared import Prepared
from storage.rows import DIALECTS
from storage.sent_together import keep_back, send_ahead
from storage.tables import recordings
from tests.storage.facts import NOON, opened
from tickets.errors import StoreAway, StoreRefused

_TEXTS = Prepared(dict.fromkeys(DIALECTS, insert(ticket_texts)))
_RENAMED = Prepared(
    dict.fromkeys(
        DIALECTS,
        update(ticket_texts)
        .where(ticket_texts.c.number == bindparam("of_number"))
        .values(title=bindparam("to_title")),
    )
)
_LIVES = Prepared({name: i(ticket_lives).on_conflict_do_nothing() for name, i in DIALECTS.items()})
_RECORDINGS = Prepared(dict.fromkeys(DIALECTS, insert(recordings)))
_TITLES = select(ticket_texts.c.title).order_by(ticket_texts.c.number)


def _text(number: str, title: str = "") -> dict[str, Any]:
    return {
        "tenant": "t", "number": number, "unit": "", "title": title, "plain": "", "grams": None,
    }  # fmt: skip


def _life(number: str) -> dict[str, Any]:
    return {"tenant": "t", "number": number, "life": {}}


def _recording(path: str) -> dict[str, Any]:
    return {
        "tenant": "t", "path": path, "call_id": "c", "expected_s": 1.0, "status": "pending",
        "ended_at": NOON,
    }  # fmt: skip


def _titles(connection: Connection) -> list[str]:
    return list(connection.execute(_TITLES).scalars())


async def test_what_is_kept_back_is_there_for_whoever_asks_next(sql_url: str) -> None:
    def run(connection: Connection) -> list[str]:
        _TEXTS.run_many(connection, [_text("1", "a")])
        _LIVES.run_many(connection, [_life("1")])
        return _titles(connection)

    async with opened(sql_url) as database:
        assert await database.write(run) == ["a"]


async def test_what_nobody_asks_for_is_there_after_the_commit(sql_url: str) -> None:
    def run(connection: Connection) -> None:
        connection.execute(select(func.count()).select_from(ticket_texts))  # it has begun
        _TEXTS.run_many(connection, [_text("1", "a"), _text("2", "b")])
        _LIVES.run_many(connection, [_life("1")])
        _RECORDINGS.run_many(connection, [_recording("x")])

    async with opened(sql_url) as database:
        await database.write(run)
        assert await database.read(_titles) == ["a", "b"]
        for table in (ticket_lives, recordings):
            count = select(func.count()).select_from(table)
            assert await database.read(lambda c, q=count: c.execute(q).scalar()) == 1  # type: ignore[misc]


async def test_a_row_written_twice_is_as_it_was_written_last(sql_url: str) -> None:
    def run(connection: Connection) -> None:
        connection.execute(select(func.count()).select_from(ticket_texts))
        _TEXTS.run_many(connection, [_text("1", "a")])
        _RENAMED.run_many(connection, [{"of_number": "1", "to_title": "b"}])
        _LIVES.run_many(connection, [_life("1")])
        _RENAMED.run_many(connection, [{"of_number": "1", "to_title": "c"}])

    async with opened(sql_url) as database:
        await database.write(run)
        assert await database.read(_titles) == ["c"]


async def test_other_rows_of_a_table_go_along(sql_url: str) -> None:
    def run(connection: Connection) -> None:
        connection.execute(select(func.count()).select_from(ticket_texts))
        _TEXTS.run_many(connection, [_text("2", "new")])
        _RENAMED.run_many(connection, [{"of_number": "1", "to_title": "b"}], beside=True)

    async with opened(sql_url) as database:
        await database.write(lambda c: _TEXTS.run_many(c, [_text("1", "a")]))
        await database.write(run)
        assert await database.read(_titles) == ["b", "new"]


async def test_an_operation_that_fails_takes_what_it_kept_back_with_it(sql_url: str) -> None:
    def fails(connection: Connection) -> None:
        connection.execute(select(func.count()).select_from(ticket_texts))
        _TEXTS.run_many(connection, [_text("1", "a")])
        raise LookupError

    async with opened(sql_url) as database:
        with pytest.raises(LookupError):
            await database.write(fails)
        await database.write(lambda c: _TEXTS.run_many(c, [_text("2", "b")]))
        assert await database.read(_titles) == ["b"]


async def test_what_the_server_refuses_is_its_own_operations_alone(sql_url: str) -> None:
    """The refusal comes late, with the next statement or the commit: the neighbours are written."""

    def named(*paths: str) -> Any:
        def run(connection: Connection) -> None:
            connection.execute(select(func.count()).select_from(ticket_texts))
            _RECORDINGS.run_many(connection, [_recording(path) for path in paths])
            _LIVES.run_many(connection, [_life(path) for path in paths])

        return run

    async with opened(sql_url) as database:
        await database.write(named("there"))
        with pytest.raises(StoreRefused):
            await database.write(named("there"))
        await database.write(named("other"))
        paths = select(recordings.c.path).order_by(recordings.c.path)
        found = await database.read(lambda c: c.execute(paths).scalars().all())
        assert found == ["other", "there"]


async def test_a_savepoint_undoes_its_own_writes_and_no_others(sql_url: str) -> None:
    def run(connection: Connection) -> None:
        connection.execute(select(func.count()).select_from(ticket_texts))
        _TEXTS.run_many(connection, [_text("1", "before")])
        inner = connection.begin_nested()
        _RENAMED.run_many(connection, [{"of_number": "1", "to_title": "undone"}])
        _TEXTS.run_many(connection, [_text("2", "undone")])
        inner.rollback()
        _TEXTS.run_many(connection, [_text("3", "after")])

    async with opened(sql_url) as database:
        await database.write(run)
        assert await database.read(_titles) == ["before", "after"]


async def test_writes_to_three_tables_are_one_statement(postgres_url: str) -> None:
    told: list[str] = []

    def told_of(connection: Any, cursor: Any, statement: str, *_: object) -> None:
        told.append(statement)

    def run(connection: Connection) -> None:
        connection.execute(select(func.count()).select_from(ticket_texts))
        event.listen(Engine, "after_cursor_execute", told_of)
        _TEXTS.run_many(connection, [_text("1")])
        _LIVES.run_many(connection, [_life("1")])
        _RECORDINGS.run_many(connection, [_recording("x")])

    async with opened(postgres_url) as database:
        try:
            await database.write(run)
        finally:
            event.remove(Engine, "after_cursor_execute", told_of)
    (one,) = told
    assert one.startswith("WITH w1 AS (INSERT INTO ticket_texts")
    assert "$9" in one


def _written(*numbers: str) -> Any:
    """Sends two tables' rows ahead and computes."""

    def run(connection: Connection) -> int:
        connection.execute(select(func.count()).select_from(ticket_texts))  # it has begun
        _RECORDINGS.run_many(connection, [_recording(number) for number in numbers])
        _LIVES.run_many(connection, [_life(number) for number in numbers])
        send_ahead(connection)
        return sum(range(1000))

    return run


async def _paths(database: Database) -> list[str]:
    paths = select(recordings.c.path).order_by(recordings.c.path)
    return list(await database.read(lambda c: c.execute(paths).scalars().all()))


async def test_what_was_sent_ahead_is_there_for_whoever_asks_next(sql_url: str) -> None:
    def run(connection: Connection) -> list[str]:
        _TEXTS.run_many(connection, [_text("1", "a")])
        send_ahead(connection)
        _RENAMED.run_many(connection, [{"of_number": "1", "to_title": "b"}])
        send_ahead(connection)
        return _titles(connection)

    async with opened(sql_url) as database:
        assert await database.write(run) == ["b"]


async def test_what_was_sent_ahead_is_durable_with_the_commit(sql_url: str) -> None:
    async with opened(sql_url) as database:
        assert await database.write(_written("1", "2")) == 499500
        assert await _paths(database) == ["1", "2"]


async def test_of_what_was_sent_ahead_and_refused_nothing_is_kept(sql_url: str) -> None:
    """The refusal comes to who sent it, and the connection goes on."""
    async with opened(sql_url) as database:
        await database.write(_written("there"))
        with pytest.raises(StoreRefused):
            await database.write(_written("other", "there"))
        await database.write(_written("third"))
        assert await _paths(database) == ["there", "third"]
        assert database.healthy


async def test_an_operation_that_fails_while_its_rows_are_written_undoes_them(
    sql_url: str,
) -> None:
    def fails(connection: Connection) -> None:
        _written("1", *map(str, range(1000, 3000)))(connection)
        raise LookupError

    async with opened(sql_url) as database:
        with pytest.raises(LookupError):
            await database.write(fails)
        await database.write(_written("2"))
        assert await _paths(database) == ["2"]
        assert database.counts.outages == 0


async def test_a_failure_beside_a_refusal_is_told_as_the_failure_it_is(postgres_url: str) -> None:
    def fails(connection: Connection) -> None:
        _written("there")(connection)
        raise LookupError

    async with opened(postgres_url) as database:
        await database.write(_written("there"))
        with pytest.raises(LookupError):
            await database.write(fails)
        await database.write(_written("other"))
        assert await _paths(database) == ["other", "there"]


async def test_a_server_that_stops_while_it_is_told_ahead_is_away(postgres_url: str) -> None:
    """The deadline holds: the connection is cut, and a new one writes."""

    def sleeps(connection: Connection) -> None:
        connection.execute(select(func.count()).select_from(ticket_texts))
        keep_back(connection, "none", "SELECT pg_sleep($1)", (60.0,))
        send_ahead(connection)

    async with opened(postgres_url, deadline_s=2.0) as database:
        with pytest.raises(StoreAway):
            await database.write(sleeps)
        await database.wait_healthy()
        await database.write(_written("1"))
        assert await _paths(database) == ["1"]
