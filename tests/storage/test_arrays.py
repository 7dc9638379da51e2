"""Many rows in one statement: what comes back is what was given, on both stores."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, select, update

from storage.life_tables import ticket_lives, ticket_texts
from storage.prepared import Prepared
from storage.rows import DIALECTS
from storage.tables import recordings
from tests.storage.facts import NOON, opened
from tickets.errors import StoreRefused

_TEXTS = Prepared(dict.fromkeys(DIALECTS, insert(ticket_texts)))
_NAMED = Prepared(
    dict.fromkeys(
        DIALECTS,
        update(ticket_texts)
        .where(ticket_texts.c.number == bindparam("of_number"))
        .values(title=bindparam("to_title"), grams=bindparam("to_grams")),
    )
)
_LIVES = Prepared({name: i(ticket_lives).on_conflict_do_nothing() for name, i in DIALECTS.items()})
_RECORDINGS = Prepared(dict.fromkeys(DIALECTS, insert(recordings)))


def _text(number: str, **changed: Any) -> dict[str, Any]:
    row = {"tenant": "t", "number": number, "unit": "", "title": "", "plain": "", "grams": None}
    return row | changed


_ORDINARY = (
    _text("1", title="'); DROP TABLE tickets; --", grams=["路灯", "灯不"]),
    _text("2", title='{a,"b"}\n%s %(x)s', grams=[]),
    _text("3", title="NULL"),
)
_SEPARATED = (_text("1", title="a\x1eb"), _text("2", title="\x1d"), _text("3", grams=["c"]))
"""With the signs that stand between texts on their way, and for none."""


@pytest.mark.parametrize("rows", [_ORDINARY, _SEPARATED, (_text("1"),), (_text("1"), _text("2"))])
async def test_texts_and_arrays_of_any_length_come_back(
    postgres_url: str, rows: Sequence[dict[str, Any]]
) -> None:
    query = select(ticket_texts.c.number, ticket_texts.c.title, ticket_texts.c.grams).order_by(
        ticket_texts.c.id
    )
    async with opened(postgres_url) as database:
        await database.write(lambda c: _TEXTS.run_many(c, rows))
        found = await database.read(lambda c: c.execute(query).all())
        assert [tuple(row) for row in found] == [
            (row["number"], row["title"], row["grams"]) for row in rows
        ]


async def test_each_row_is_changed_by_its_own_values(sql_url: str) -> None:
    changes = [{"of_number": n, "to_title": f"{n}!", "to_grams": None} for n in ("2", "1", "9")]
    query = select(ticket_texts.c.title).order_by(ticket_texts.c.number)
    async with opened(sql_url) as database:
        await database.write(lambda c: _TEXTS.run_many(c, [_text(n) for n in ("1", "2", "3")]))
        await database.write(lambda c: _NAMED.run_many(c, changes))
        assert await database.read(lambda c: c.execute(query).scalars().all()) == ["1!", "2!", ""]


async def test_a_row_that_is_there_is_left_alone(sql_url: str) -> None:
    def lives(*values: str) -> list[dict[str, Any]]:
        return [{"tenant": "t", "number": "1", "life": {"state": value}} for value in values]

    query = select(ticket_lives.c.life)
    async with opened(sql_url) as database:
        await database.write(lambda c: _LIVES.run_many(c, lives("a", "b")))
        await database.write(lambda c: _LIVES.run_many(c, lives("c")))
        assert await database.read(lambda c: c.execute(query).scalars().all()) == [{"state": "a"}]


async def test_times_and_nothing_come_back_and_a_time_without_zone_is_refused(sql_url: str) -> None:
    def row(path: str, ended_at: datetime, length_s: float | None) -> dict[str, Any]:
        return {
            "tenant": "t", "path": path, "call_id": "c", "expected_s": 1.5, "length_s": length_s,
            "status": "pending", "ended_at": ended_at, "checked_at": None,
        }  # fmt: skip

    told = NOON.astimezone(timezone(timedelta(hours=8))) + timedelta(microseconds=7)
    naive = NOON.replace(tzinfo=None)
    query = select(recordings.c.ended_at, recordings.c.length_s, recordings.c.checked_at)
    async with opened(sql_url) as database:
        await database.write(
            lambda c: _RECORDINGS.run_many(c, [row("a", told, None), row("b", NOON, 2.0)])
        )
        with pytest.raises(StoreRefused, match="without zone"):
            await database.write(lambda c: _RECORDINGS.run_many(c, [row("c", naive, None)]))
        found = await database.read(lambda c: c.execute(query.order_by(recordings.c.path)).all())
        assert [tuple(one) for one in found] == [(told, None, None), (NOON, 2.0, None)]
        assert found[0].ended_at.tzinfo is UTC
