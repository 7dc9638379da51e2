"""Writes of a PostgreSQL transaction that go to the server together, see docs/decisions/0389.

What nobody waits for is kept back until the transaction asks for something, writes to the same
table again, or commits; then all of it is one statement: `WITH w1 AS (INSERT …), w2 AS (UPDATE …)
INSERT …`. Its parts can't see each other's rows, so no two may be about the same row.

Who has computing to do meanwhile sends it ahead, and doesn't wait: whatever is asked next does.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import RootTransaction
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_

_PLACE = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class _Kept:
    table: str
    text: str
    values: tuple[Any, ...]


_kept: WeakKeyDictionary[RootTransaction, list[_Kept]] = WeakKeyDictionary()
"""A transaction that is rolled back takes what it kept back with it."""
_ahead: WeakKeyDictionary[RootTransaction, tuple[str, asyncio.Task[object]]] = WeakKeyDictionary()
"""What the server is executing while its transaction computes."""


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
    """Execute what is kept back; what was sent ahead is done then. Raises SQLAlchemy's errors."""
    transaction = connection.get_transaction()
    if transaction is None:
        return
    wait_for_ahead(connection)
    if waiting := _kept.pop(transaction, None):
        connection.exec_driver_sql(*_as_one(waiting))


def send_ahead(connection: Connection) -> None:
    """Let the server execute what is kept back while we compute: the next statement of this
    transaction, or its end, waits for it and raises its errors."""
    transaction = connection.get_transaction()
    if transaction is None or transaction not in _kept:
        return
    wait_for_ahead(connection)
    text, values = _as_one(_kept.pop(transaction))
    _ahead[transaction] = (
        text,
        await_(_begun(connection.connection.driver_connection, text, values)),
    )


def wait_for_ahead(connection: Connection) -> None:
    """Return when the server has nothing to do for this transaction. Raises SQLAlchemy's errors."""
    transaction = connection.get_transaction()
    if transaction is None or (sent := _ahead.pop(transaction, None)) is None:
        return
    text, task = sent
    try:
        await_(task)
    except Exception as error:
        raise DBAPIError(text, None, error, hide_parameters=True) from error


async def _begun(driver: Any, text: str, values: Sequence[Any]) -> asyncio.Task[object]:
    """A statement that is on its way."""
    task = asyncio.create_task(driver.fetch(text, *values))
    task.add_done_callback(_seen)
    for _ in range(2):  # the driver writes in its turn, the loop sends at that turn's end
        await asyncio.sleep(0)
    return task


def _seen(task: asyncio.Task[object]) -> None:
    """Its error is told to who waits; of a connection that was cut nobody does."""
    if not task.cancelled():
        task.exception()


def sends_first(engine: Engine) -> None:
    """From now on this engine's transactions send what they kept back before anything else."""

    @event.listens_for(engine, "before_cursor_execute")
    def before(connection: Connection, *_: object) -> None:
        if _kept or _ahead:
            send_kept(connection)


def _as_one(waiting: Sequence[_Kept]) -> tuple[str, tuple[Any, ...]]:
    values = tuple(value for one in waiting for value in one.values)
    return _one_of(tuple(one.text for one in waiting)), values


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
