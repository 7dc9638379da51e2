"""Writes what counting due dates changes, many clocks at once.

PostgreSQL is given arrays, one statement a chunk; SQLite a statement a row, which costs it least.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select, text, update

from storage.clock_tables import ticket_clocks
from storage.sent_together import keep_back
from tickets.clocks import TicketClock
from tickets.effects import ClockName

IS_PART = text("ticket_clocks.parent <> ''")
"""In these words the index of parts is found: without them a million clocks are looked through."""
LEVELS = 8
"""Parts of parts at most: hand-downs go over four levels, joint work adds some."""
Counted = tuple[str, str, int, int, int, int, int]
"""What counting changes: number, clock, seq; cap, fired, due, next_at."""

_COUNT_ONE = (
    "UPDATE ticket_clocks SET cap = ?, fired = ?, due = ?, next_at = ?"
    " WHERE tenant = ? AND number = ? AND clock = ? AND seq = ?"
)
_COUNT_ALL = (
    "UPDATE ticket_clocks AS c SET cap = v.cap, fired = v.fired, due = v.due, next_at = v.next_at"
    " FROM unnest($2::text::text[], $3::text::text[], $4::text::int[], $5::text::bigint[],"
    " $6::text::int[], $7::text::bigint[], $8::text::bigint[])"
    " AS v (number, clock, seq, cap, fired, due, next_at)"
    " WHERE c.tenant = $1 AND c.number = v.number AND c.clock = v.clock AND c.seq = v.seq"
)
"""Arrays as texts: neither a number nor the name of a clock has a sign that means more there. The
driver would look at each element twice."""


def save_counted(connection: Connection, tenant: str, counted: Sequence[Counted]) -> None:
    """Write what counting changes: due dates, the next mark, the marks given. PostgreSQL is told
    with what comes next."""
    if not counted:
        return
    if connection.dialect.name == "sqlite":
        _many(connection, _COUNT_ONE, [(*row[3:], tenant, *row[:3]) for row in counted])
        return
    columns = map(_array, zip(*counted, strict=True))
    keep_back(connection, ticket_clocks.name, _COUNT_ALL, (tenant, *columns))


def counted(clock: TicketClock) -> Counted:
    """A clock's row for `save_counted`."""
    return (
        clock.number, clock.name.value, clock.seq,
        clock.cap, clock.fired, clock.due, clock.next_at,
    )  # fmt: skip


def bring_forward(connection: Connection, clock: TicketClock | None) -> None:
    """A finish clock has become due earlier: so do its open parts, and theirs.

    Their `next_at` is brought forward, too: the watcher counts their marks anew.
    """
    levels, parents = 0, {clock.number} if clock else set()
    while clock and parents and levels < LEVELS:
        clocks, levels = ticket_clocks.c, levels + 1
        later = (
            IS_PART, clocks.tenant == clock.tenant, clocks.parent.in_(parents),
            clocks.stopped_at == 0, clocks.clock == ClockName.FINISH.value,
            clocks.due > clock.due,
        )  # fmt: skip
        parents = set(connection.execute(select(clocks.number).where(*later)).scalars())
        if parents:
            connection.execute(
                update(ticket_clocks)
                .where(*later)
                .values(cap=clock.due, due=clock.due, next_at=clock.started_at)
            )


def _array(values: Iterable[object]) -> str:
    return "{" + ",".join(map(str, values)) + "}"


def _many(connection: Connection, statement: str, rows: Sequence[Sequence[object]]) -> None:
    raw: Any = connection.connection.driver_connection
    raw.executemany(statement, rows)
