"""Rows of clocks to and from `TicketClock`."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from storage.clock_tables import ticket_clocks
from storage.life_tables import ticket_states
from storage.prepared import Prepared
from storage.rows import DIALECTS
from tickets.clocks import TicketClock
from tickets.effects import ClockName
from tickets.policy import Matter
from tickets.timetable import Span

KEY = ("tenant", "number", "clock", "seq")
LEVELS = 8
"""Parts of parts at most: hand-downs go over four levels, joint work adds some."""
_CHANGED = tuple(c.name for c in ticket_clocks.columns if c.name not in (*KEY, "started_at"))
_INSERT = Prepared(dict.fromkeys(DIALECTS, insert(ticket_clocks)))
_UPDATE = Prepared(
    dict.fromkeys(
        DIALECTS,
        update(ticket_clocks)
        .where(*(ticket_clocks.c[name] == bindparam(f"k_{name}") for name in KEY))
        .values({name: bindparam(name) for name in _CHANGED}),
    )
)
_COUNTED = ("cap", "fired", "due", "next_at")
_UPDATE_COUNTED = Prepared(
    dict.fromkeys(
        DIALECTS,
        update(ticket_clocks)
        .where(*(ticket_clocks.c[name] == bindparam(f"k_{name}") for name in KEY))
        .values({name: bindparam(name) for name in _COUNTED}),
    )
)
_SET_DUE = Prepared(
    dict.fromkeys(
        DIALECTS,
        (
            update(ticket_states)
            .where(
                ticket_states.c.tenant == bindparam("of"), ticket_states.c.number == bindparam("k")
            )
            .where(ticket_states.c.due.is_not(None))
            .values(due=bindparam("at"))
        ),
    )
)


def clock_row(clock: TicketClock) -> dict[str, Any]:
    """A clock's columns."""
    return {
        "tenant": clock.tenant, "number": clock.number, "clock": clock.name.value,
        "seq": clock.seq, "matter": clock.matter.text, "unit": clock.unit, "round": clock.round,
        "state": clock.state, "started_at": clock.started_at, "spans": dump_spans(clock.spans),
        "extended_days": clock.extended_days,
        "statutory": clock.statutory.isoformat() if clock.statutory else "",
        "parent": clock.parent, "cap": clock.cap, "term": clock.term, "fired": clock.fired,
        "due": clock.due, "next_at": clock.next_at, "stopped_at": clock.stopped_at,
    }  # fmt: skip


def row_clock(row: Sequence[Any]) -> TicketClock:
    """`clock_row`, back: a row of `ticket_clocks` with its columns in their order."""
    (
        tenant, number, clock, seq, matter, unit, round_, state, started_at, spans, extended_days,
        statutory, parent, cap, term, fired, due, next_at, stopped_at,
    ) = row  # fmt: skip
    return TicketClock(
        tenant, number, _NAMES[clock], seq, Matter.parse(matter), load_spans(started_at, spans),
        unit, round_, state, extended_days, date.fromisoformat(statutory) if statutory else None,
        parent, cap, term, fired, due, next_at, stopped_at,
    )  # fmt: skip


_NAMES = {name.value: name for name in ClockName}


def dump_spans(spans: tuple[Span, ...]) -> str:
    """Spans as text; "" for the one of a clock that has never rested."""
    if len(spans) == 1 and spans[0][1] is None:
        return ""
    return json.dumps(spans, separators=(",", ":"))


def load_spans(started_at: int, text: str) -> tuple[Span, ...]:
    """`dump_spans`, back."""
    if not text:
        return ((started_at, None),)
    return tuple((begins, ends) for begins, ends in json.loads(text))


def clocks_of(
    connection: Connection, tenant: str, numbers: Collection[str]
) -> Mapping[str, list[TicketClock]]:
    """Every clock of these tickets, by number, oldest first; ended ones included."""
    query = (
        select(ticket_clocks)
        .where(ticket_clocks.c.tenant == tenant, ticket_clocks.c.number.in_(numbers))
        .order_by(ticket_clocks.c.number, ticket_clocks.c.clock, ticket_clocks.c.seq)
    )
    found: dict[str, list[TicketClock]] = {number: [] for number in numbers}
    for row in connection.execute(query):
        found[row.number].append(row_clock(row))
    return found


def save(
    connection: Connection, made: Sequence[TicketClock], changed: Sequence[TicketClock]
) -> None:
    """Write new clocks and those that changed."""
    _UPDATE.run_many(connection, [_keyed(clock_row(clock)) for clock in changed])
    _INSERT.run_many(connection, [clock_row(clock) for clock in made])


def save_counted(connection: Connection, clocks: Sequence[TicketClock]) -> None:
    """Write what counting changes: due dates, the next mark, the marks given."""
    _UPDATE_COUNTED.run_many(
        connection,
        [
            {
                "k_tenant": clock.tenant, "k_number": clock.number,
                "k_clock": clock.name.value, "k_seq": clock.seq,
                "cap": clock.cap, "fired": clock.fired, "due": clock.due,
                "next_at": clock.next_at,
            }
            for clock in clocks
        ],
    )  # fmt: skip


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
    _SET_DUE.run_many(
        connection, [{"of": tenant, "k": number, "at": due} for number, due in dues.items()]
    )


def _keyed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{f"k_{name}": row[name] for name in KEY},
        **{name: row[name] for name in _CHANGED},
    }
