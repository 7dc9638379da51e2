"""Rows of clocks to and from `TicketClock`."""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from storage.among import Among
from storage.clock_tables import ticket_clocks
from storage.prepared import Prepared
from storage.rows import DIALECTS
from tickets.clocks import TicketClock
from tickets.effects import ClockName
from tickets.policy import Matter
from tickets.timetable import Span

KEY = ("tenant", "number", "clock", "seq")
_OF = Among(
    ticket_clocks.c.number,
    lambda wanted: (
        select(ticket_clocks)
        .where(ticket_clocks.c.tenant == bindparam("of_tenant"), wanted)
        .order_by(ticket_clocks.c.number, ticket_clocks.c.clock, ticket_clocks.c.seq)
    ),
)
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
    found: dict[str, list[TicketClock]] = {number: [] for number in numbers}
    if found:
        for row in _OF.run(connection, list(found), of_tenant=tenant):
            found[row.number].append(row_clock(row))
    return found


def save(
    connection: Connection, made: Sequence[TicketClock], changed: Sequence[TicketClock]
) -> None:
    """Write new clocks and those that changed."""
    _UPDATE.run_many(connection, [_keyed(clock_row(clock)) for clock in changed])
    _INSERT.run_many(connection, [clock_row(clock) for clock in made], beside=True)


def _keyed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **{f"k_{name}": row[name] for name in KEY},
        **{name: row[name] for name in _CHANGED},
    }
