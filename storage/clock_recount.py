"""Counts the due dates of a tenant anew after its policy or calendar has changed.

In chunks, each a transaction of its own, so that traffic goes on. `clock_bases` keeps by which
basis they are counted and how far that has come: a restart goes on there. Parents come before
their parts (their numbers are smaller), and parts are brought forward with a parent that becomes
due earlier: at no time is a part due later.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from storage.clock_counted import bring_forward, save_counted, set_dues
from storage.clock_locks import hold_tenant
from storage.clock_rows import row_clock
from storage.clock_tables import clock_bases, ticket_clocks
from storage.rows import DIALECTS
from tickets.clocks import TicketClock, settle
from tickets.effects import ClockName
from tickets.timetable import Rules

CHUNK = 500
DONE = "done"

_SET_BASIS = {
    name: (statement := insert(clock_bases)).on_conflict_do_update(
        index_elements=["tenant"],
        set_={"basis": statement.excluded.basis, "upto": statement.excluded.upto},
    )
    for name, insert in DIALECTS.items()
}


def recount_chunk(connection: Connection, tenant: str, rules: Rules, limit: int = CHUNK) -> int:
    """Count the next tickets' clocks anew; how many, -1 when all are counted by these rules."""
    if _counted_until(connection, tenant, rules) == DONE:
        return -1
    hold_tenant(connection, tenant)
    upto = _counted_until(connection, tenant, rules)  # another worker may have come further
    if upto == DONE:
        return -1
    numbers = _next(connection, tenant, upto, limit)
    if numbers:
        _recount(connection, tenant, rules, numbers)
    _note(connection, tenant, rules, numbers[-1] if numbers else DONE)
    return len(numbers) if numbers else -1


def _counted_until(connection: Connection, tenant: str, rules: Rules) -> str:
    """The last number that is counted by these rules, or `DONE`."""
    query = select(clock_bases).where(clock_bases.c.tenant == tenant)
    row = connection.execute(query).first()
    return str(row.upto) if row is not None and row.basis == rules.basis else ""


def _note(connection: Connection, tenant: str, rules: Rules, upto: str) -> None:
    values = {"tenant": tenant, "basis": rules.basis, "upto": upto}
    connection.execute(_SET_BASIS[connection.dialect.name], values)


def _next(connection: Connection, tenant: str, upto: str, limit: int) -> Sequence[str]:
    clocks = ticket_clocks.c
    query = (
        select(clocks.number)
        .where(clocks.tenant == tenant, clocks.number > upto, clocks.stopped_at == 0)
        .distinct()
        .order_by(clocks.number)
        .limit(limit)
    )
    return connection.execute(query).scalars().all()


def _recount(connection: Connection, tenant: str, rules: Rules, numbers: Sequence[str]) -> None:
    """A million rows come by here: no clock is made of one that stays as it is."""
    clocks = ticket_clocks.c
    query = (
        select(ticket_clocks)
        .where(clocks.tenant == tenant, clocks.number.in_(numbers), clocks.stopped_at == 0)
        .order_by(clocks.number)
    )
    rows = connection.execute(query).all()
    dues = _parents_dues(connection, tenant, {row.parent for row in rows if row.parent})
    changed: list[TicketClock] = []
    moved: dict[str, int] = {}
    earlier: list[TicketClock] = []
    for row in rows:
        finish = row.clock == ClockName.FINISH
        clock = row_clock(row)
        if finish and row.parent and (cap := dues.get(row.parent, row.cap)) != row.cap:
            clock = replace(clock, cap=cap)
        clock = settle(clock, rules)
        if (clock.due, clock.next_at, clock.cap) != (row.due, row.next_at, row.cap):
            changed.append(clock)
        if finish:
            dues[row.number] = clock.due
            if clock.due != row.due:
                moved[row.number] = clock.due
            if clock.due < row.due:
                earlier.append(clock)
    save_counted(connection, changed)
    set_dues(connection, tenant, moved)
    with_parts = _with_parts(connection, tenant, [clock.number for clock in earlier])
    for clock in earlier:
        if clock.number in with_parts:
            bring_forward(connection, clock)


def _with_parts(connection: Connection, tenant: str, numbers: Sequence[str]) -> set[str]:
    """Those of these tickets that have parts: few."""
    if not numbers:
        return set()
    clocks = ticket_clocks.c
    query = select(clocks.parent).where(
        clocks.tenant == tenant, clocks.parent.in_(numbers), clocks.parent != ""
    )
    return set(connection.execute(query.distinct()).scalars())


def _parents_dues(connection: Connection, tenant: str, parents: set[str]) -> dict[str, int]:
    if not parents:
        return {}
    clocks = ticket_clocks.c
    query = select(clocks.number, clocks.due).where(
        clocks.tenant == tenant, clocks.number.in_(parents),
        clocks.clock == ClockName.FINISH.value, clocks.stopped_at == 0,
    )  # fmt: skip
    return {row.number: row.due for row in connection.execute(query)}
