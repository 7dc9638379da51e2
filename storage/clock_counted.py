"""Writes what counting due dates changes, many clocks at once.

PostgreSQL is given arrays, one statement a chunk; SQLite a statement a row, which costs it least.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Integer, Text, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from storage.clock_rows import KEY
from storage.clock_tables import ticket_clocks
from storage.life_tables import ticket_states
from storage.prepared import Prepared
from tickets.clocks import TicketClock
from tickets.effects import ClockName

LEVELS = 8
"""Parts of parts at most: hand-downs go over four levels, joint work adds some."""
_COUNTED = ("cap", "fired", "due", "next_at")
_COUNT_ONE = Prepared(
    {
        "sqlite": update(ticket_clocks)
        .where(*(ticket_clocks.c[name] == bindparam(f"k_{name}") for name in KEY))
        .values({name: bindparam(name) for name in _COUNTED})
    }
)
_COUNT_ALL = text(
    "UPDATE ticket_clocks AS c SET cap = v.cap, fired = v.fired, due = v.due, next_at = v.next_at"
    " FROM unnest(:numbers, :clocks, :seqs, :caps, :fireds, :dues, :nexts)"
    " AS v (number, clock, seq, cap, fired, due, next_at)"
    " WHERE c.tenant = :tenant AND c.number = v.number AND c.clock = v.clock AND c.seq = v.seq"
).bindparams(
    bindparam("numbers", type_=ARRAY(Text)), bindparam("clocks", type_=ARRAY(Text)),
    bindparam("seqs", type_=ARRAY(Integer)), bindparam("caps", type_=ARRAY(BigInteger)),
    bindparam("fireds", type_=ARRAY(Integer)), bindparam("dues", type_=ARRAY(BigInteger)),
    bindparam("nexts", type_=ARRAY(BigInteger)),
)  # fmt: skip
_DUE_ONE = Prepared(
    {
        "sqlite": update(ticket_states)
        .where(ticket_states.c.tenant == bindparam("of"), ticket_states.c.number == bindparam("k"))
        .where(ticket_states.c.due.is_not(None))
        .values(due=bindparam("at"))
    }
)
_DUE_ALL = text(
    "UPDATE ticket_states AS s SET due = v.due FROM unnest(:numbers, :dues) AS v (number, due)"
    " WHERE s.tenant = :tenant AND s.number = v.number AND s.due IS NOT NULL"
).bindparams(
    bindparam("numbers", type_=ARRAY(Text)), bindparam("dues", type_=ARRAY(BigInteger))
)  # fmt: skip


def save_counted(connection: Connection, clocks: Sequence[TicketClock]) -> None:
    """Write what counting changes (due dates, the next mark, the marks given), of one tenant."""
    if not clocks:
        return
    if connection.dialect.name == "sqlite":
        _COUNT_ONE.run_many(connection, [_one(clock) for clock in clocks])
        return
    connection.execute(
        _COUNT_ALL,
        {
            "tenant": clocks[0].tenant,
            "numbers": [clock.number for clock in clocks],
            "clocks": [clock.name.value for clock in clocks],
            "seqs": [clock.seq for clock in clocks],
            "caps": [clock.cap for clock in clocks],
            "fireds": [clock.fired for clock in clocks],
            "dues": [clock.due for clock in clocks],
            "nexts": [clock.next_at for clock in clocks],
        },
    )


def bring_forward(connection: Connection, clock: TicketClock | None) -> None:
    """A finish clock has become due earlier: so do its open parts, and theirs.

    Their `next_at` is brought forward, too: the watcher counts their marks anew.
    """
    levels, parents = 0, {clock.number} if clock else set()
    while clock and parents and levels < LEVELS:
        clocks, levels = ticket_clocks.c, levels + 1
        later = (
            (clocks.tenant == clock.tenant) & clocks.parent.in_(parents) & (clocks.stopped_at == 0)
            & (clocks.clock == ClockName.FINISH.value) & (clocks.due > clock.due)
        )  # fmt: skip
        parents = set(connection.execute(select(clocks.number).where(later)).scalars())
        if parents:
            connection.execute(
                update(ticket_clocks)
                .where(later)
                .values(cap=clock.due, due=clock.due, next_at=clock.started_at)
            )
            set_dues(connection, clock.tenant, dict.fromkeys(parents, clock.due))


def set_dues(connection: Connection, tenant: str, dues: Mapping[str, int]) -> None:
    """Tell the lists' table the new due dates; a ticket that is closed has none there."""
    if not dues:
        return
    if connection.dialect.name == "sqlite":
        rows = [{"of": tenant, "k": number, "at": due} for number, due in dues.items()]
        _DUE_ONE.run_many(connection, rows)
        return
    values = {"tenant": tenant, "numbers": list(dues), "dues": list(dues.values())}
    connection.execute(_DUE_ALL, values)


def _one(clock: TicketClock) -> dict[str, Any]:
    return {
        "k_tenant": clock.tenant, "k_number": clock.number, "k_clock": clock.name.value,
        "k_seq": clock.seq, "cap": clock.cap, "fired": clock.fired, "due": clock.due,
        "next_at": clock.next_at,
    }  # fmt: skip
