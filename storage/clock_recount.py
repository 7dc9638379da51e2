"""Counts the due dates of a tenant anew after its policy or calendar has changed.

In chunks, each a transaction of its own, so that traffic goes on. `clock_bases` keeps by which
basis they are counted and how far that has come: a restart goes on there. Engines that share a
database come to new rules one after the other: what one has made and changed by its old ones
meanwhile is counted once more when it has the new (`clock_nodes`). Parents come before their
parts (their numbers are smaller), and parts are brought forward with a parent that becomes due
earlier: at no time is a part due later.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from storage.among import Among
from storage.clock_counted import IS_PART, Counted, bring_forward, save_counted
from storage.clock_locks import hold_tenant
from storage.clock_rows import clocks_of, load_spans
from storage.clock_tables import clock_bases, clock_nodes, ticket_clocks
from storage.rows import DIALECTS
from tickets.clocks import times_of
from tickets.effects import ClockName
from tickets.timetable import Plan, Rules

CHUNK = 1_300
DONE = "done"
OTHERS = -2

_SET_BASIS = {
    name: (statement := insert(clock_bases)).on_conflict_do_update(
        index_elements=["tenant"],
        set_={"basis": statement.excluded.basis, "upto": statement.excluded.upto},
    )
    for name, insert in DIALECTS.items()
}


_SET_NODE = {
    name: (statement := insert(clock_nodes)).on_conflict_do_update(
        index_elements=["tenant", "node"], set_={"basis": statement.excluded.basis}
    )
    for name, insert in DIALECTS.items()
}
_CLOCKS = ticket_clocks.c
_OF_TENANT = (_CLOCKS.tenant == bindparam("of"), _CLOCKS.stopped_at == 0)
_NEXT = (
    select(_CLOCKS.number)
    .where(*_OF_TENANT, _CLOCKS.number > bindparam("above"))
    .distinct()
    .order_by(_CLOCKS.number)
    .limit(bindparam("most"))
    .subquery()
)
_LAST = select(func.max(_NEXT.c.number)).scalar_subquery()
_OPEN = (
    select(
        _CLOCKS.number, _CLOCKS.clock, _CLOCKS.seq, _CLOCKS.matter, _CLOCKS.state,
        _CLOCKS.started_at, _CLOCKS.spans, _CLOCKS.extended_days, _CLOCKS.statutory,
        _CLOCKS.parent, _CLOCKS.cap, _CLOCKS.fired, _CLOCKS.due, _CLOCKS.next_at,
    )
    .where(*_OF_TENANT, _CLOCKS.number > bindparam("above"), _CLOCKS.number <= _LAST)
    .order_by(_CLOCKS.number)
)  # fmt: skip
"""All open clocks of the next so many tickets."""
_WITH_PARTS = Among(
    _CLOCKS.parent,
    lambda wanted: (
        select(_CLOCKS.parent).where(_CLOCKS.tenant == bindparam("of"), wanted, IS_PART).distinct()
    ),
)
_DUES = Among(
    _CLOCKS.number,
    lambda wanted: select(_CLOCKS.number, _CLOCKS.due).where(
        *_OF_TENANT, wanted, _CLOCKS.clock == ClockName.FINISH.value
    ),
)
_NAMES = {name.value: name for name in ClockName}
_FINISH = ClockName.FINISH.value


def recount_chunk(
    connection: Connection,
    tenant: str,
    rules: Rules,
    limit: int = CHUNK,
    *,
    begin: bool = True,
    node: str = "",
) -> int:
    """Count the next tickets' clocks anew; how many, -1 when all are counted by these rules.

    Who has begun says so (`begin` False) and gives way (`OTHERS`) when an engine with other rules
    has begun since: two that differ would each begin anew for ever. `node` names the engine.
    """
    comes = begin and _basis_of(connection, tenant, node) != rules.basis
    if not comes and _counted_until(connection, tenant, rules, begin=begin) == DONE:
        return -1
    hold_tenant(connection, tenant)
    if comes:
        _come_to(connection, tenant, rules, node)
    above = _counted_until(connection, tenant, rules, begin=begin)  # another may be further
    if above is None:
        return OTHERS
    if above == DONE:
        return -1
    bound = {"of": tenant, "above": above, "most": limit}
    rows = connection.execute(_OPEN, bound).all()
    if not rows:
        _note(connection, tenant, rules, DONE)
        return -1
    _recount(connection, tenant, rules, rows)
    counted = len({row.number for row in rows})
    # Tickets made from now on are counted by these rules as they are made: were they looked at as
    # well, there would be no end while calls come in.
    _note(connection, tenant, rules, DONE if counted < limit else rows[-1].number)
    return counted


def _basis_of(connection: Connection, tenant: str, node: str) -> str | None:
    """What an engine goes by; None for one that was never seen."""
    nodes = clock_nodes.c
    query = select(nodes.basis).where(nodes.tenant == tenant, nodes.node == node)
    found: str | None = connection.execute(query).scalar()
    return found


def _come_to(connection: Connection, tenant: str, rules: Rules, node: str) -> None:
    """An engine goes by these rules from now on. Wherever others have come with counting by them:
    behind that may be what it made by its old ones."""
    seen = _basis_of(connection, tenant, node) is not None
    values = {"tenant": tenant, "node": node, "basis": rules.basis}
    connection.execute(_SET_NODE[connection.dialect.name], values)
    if seen:
        _note(connection, tenant, rules, "")


def _counted_until(connection: Connection, tenant: str, rules: Rules, *, begin: bool) -> str | None:
    """The last number that is counted by these rules, or `DONE`; None when others count."""
    query = select(clock_bases).where(clock_bases.c.tenant == tenant)
    row = connection.execute(query).first()
    if row is not None and row.basis == rules.basis:
        return str(row.upto)
    return "" if begin or row is None else None


def _note(connection: Connection, tenant: str, rules: Rules, upto: str) -> None:
    values = {"tenant": tenant, "basis": rules.basis, "upto": upto}
    connection.execute(_SET_BASIS[connection.dialect.name], values)


def _recount(connection: Connection, tenant: str, rules: Rules, rows: Sequence[Any]) -> None:
    """A million rows come by here: no clock is made of them, and only what changes is written."""
    parents = {row.parent for row in rows if row.parent}
    dues = _parents_dues(connection, tenant, parents)
    counting = _Counting(rules)
    changed: list[Counted] = []
    earlier: list[str] = []
    for (
        number, clock, seq, matter, state, started_at, spans, days, by_law, parent,
        was_cap, fired, was_due, was_next,
    ) in rows:  # fmt: skip
        finish = clock == _FINISH
        cap: int = was_cap
        if parent and finish:
            cap = dues.get(parent, cap)
        times = counting.times(clock, matter, state, started_at, spans, days, by_law, cap, fired)
        due, next_at = times or (was_due, 0)
        if due != was_due or next_at != was_next or cap != was_cap:
            changed.append((number, clock, seq, cap, fired, due, next_at))
        if finish:
            if number in parents:
                dues[number] = due
            if due < was_due:
                earlier.append(number)
    save_counted(connection, tenant, changed)
    _bring_parts_forward(connection, tenant, earlier)


class _Counting:
    """Due date and next mark of clocks as their rows have them. Those that begin to count at one
    moment and are alike otherwise are counted once: of a thousand most are like a dozen."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._plans: dict[tuple[str, str, str], Plan | None] = {}
        self._known: dict[tuple[object, ...], tuple[int, int] | None] = {}

    def times(
        self,
        clock: str,
        matter: str,
        state: str,
        started_at: int,
        spans: str,
        days: int,
        by_law: str,
        cap: int,
        fired: int,
    ) -> tuple[int, int] | None:
        """As `tickets.clocks.times_of`."""
        kind = (clock, matter, state)
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._plans[kind] = self._rules.plan(_NAMES[clock], matter, state)
        begun = self._rules.counts_from(plan, started_at) if plan else started_at
        key = (kind, begun, spans, days, by_law, cap, fired)
        if key not in self._known:
            self._known[key] = times_of(
                self._rules, _NAMES[clock], matter, state, load_spans(started_at, spans), days,
                date.fromisoformat(by_law) if by_law else None, cap, fired,
            )  # fmt: skip
        return self._known[key]


def _bring_parts_forward(connection: Connection, tenant: str, earlier: Sequence[str]) -> None:
    """Few tickets have parts: those of these that have are looked for first."""
    if not earlier:
        return
    whole = _WITH_PARTS.run(connection, earlier, of=tenant).scalars().all()
    for clocks in clocks_of(connection, tenant, whole).values() if whole else ():
        for clock in clocks:
            if clock.name is ClockName.FINISH and not clock.stopped_at:
                bring_forward(connection, clock)


def _parents_dues(connection: Connection, tenant: str, parents: set[str]) -> dict[str, int]:
    if not parents:
        return {}
    return {row.number: row.due for row in _DUES.run(connection, list(parents), of=tenant)}
