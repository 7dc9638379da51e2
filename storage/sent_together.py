"""Writes of a PostgreSQL transaction that go to the server together, see docs/decisions/0389.

What nobody waits for is kept back until the transaction asks for something, writes to the same
table again, or commits; then all of it is one statement: `WITH w1 AS (INSERT …), w2 AS (UPDATE …)
INSERT …`. Its parts can't see each other's rows, so no two may be about the same row.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import RootTransaction

_PLACE = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class _Kept:
    table: str
    text: str
    values: tuple[Any, ...]


_kept: WeakKeyDictionary[RootTransaction, list[_Kept]] = WeakKeyDictionary()
"""A transaction that is rolled back takes what it kept back with it."""


def keep_back(
    connection: Connection, table: str, text: str, values: Sequence[Any], *, beside: bool = False
) -> None:
    """Have a statement that only writes executed before whatever comes next. `beside`: its rows
    are none of those that are kept back for this table.

    The driver's errors come when it is sent: with the next statement, or the commit.
    """
    transaction = connection.get_transaction()
    if transaction is None or connection.in_nested_transaction():  # may be undone by itself
        connection.exec_driver_sql(text, tuple(values))
        return
    waiting = _kept.setdefault(transaction, [])
    if not beside and any(one.table == table for one in waiting):
        send_kept(connection)
        waiting = _kept.setdefault(transaction, [])
    waiting.append(_Kept(table, text, tuple(values)))


def send_kept(connection: Connection) -> None:
    """Execute what is kept back. Raises SQLAlchemy's errors."""
    transaction = connection.get_transaction()
    if transaction is None or not (waiting := _kept.pop(transaction, None)):
        return
    values = tuple(value for one in waiting for value in one.values)
    connection.exec_driver_sql(_one_of(tuple(one.text for one in waiting)), values)


def sends_first(engine: Engine) -> None:
    """From now on this engine's transactions send what they kept back before anything else."""

    @event.listens_for(engine, "before_cursor_execute")
    def before(connection: Connection, *_: object) -> None:
        if _kept:
            send_kept(connection)


@lru_cache(maxsize=512)
def _one_of(texts: tuple[str, ...]) -> str:
    """These statements as one, their places numbered through."""
    found, before = [], 0
    for text in texts:
        found.append(_PLACE.sub(lambda place, n=before: f"${int(place[1]) + n}", text))  # type: ignore[misc] # bound now
        before += max((int(number) for number in _PLACE.findall(text)), default=0)
    *first, last = found
    if not first:
        return last
    named = ", ".join(f"w{n} AS ({text})" for n, text in enumerate(first, 1))
    return f"WITH {named} {last}"
