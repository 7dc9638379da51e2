"""Gives the marks of clocks (cards, reminders, circulars), each exactly once, with its event.

A mark is a row of `clock_marks`, whose key allows it once; the row, the clock that has given it
and the ticket's event are one transaction. Killed before its end, nothing of it has happened.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from storage.clock_counted import Counted, counted, save_counted
from storage.clock_locks import hold_tenant
from storage.clock_rows import row_clock
from storage.clock_tables import clock_marks, ticket_clocks
from storage.prepared import Prepared
from storage.rows import DIALECTS
from storage.sent_together import send_ahead
from tickets.calendar import moment
from tickets.clocks import TicketClock, fire
from tickets.effects import LONG_TERM
from tickets.life import SYSTEM, Told
from tickets.model import TicketState
from tickets.policy import MarkName
from tickets.timetable import Mark, Rules

CHUNK = 500
AGAIN_S = 3600

Telling = Callable[[Sequence[tuple[str, Told]]], None]
"""Writes events of tickets in the transaction it is of."""
Tell = Callable[[Connection, str, Sequence[str]], Telling]
"""Reads these tickets of a tenant, to tell them events in this transaction; the lifecycle's."""

_FIRST = (ticket_clocks.c.next_at, ticket_clocks.c.number, ticket_clocks.c.clock)
"""The longest due first. Which of those due together matters where one is put off: thousands are
due at the close of a day, and each look would sort them all to find its few."""
_MARK = Prepared(dict.fromkeys(DIALECTS, insert(clock_marks)))
EVENTS = {
    MarkName.REMINDER: "reminded",
    MarkName.YELLOW: "yellow_card",
    MarkName.RED: "red_card",
    MarkName.NOTICE: "overdue_told",
    MarkName.CIRCULAR: "circulated",
    MarkName.TIMEOUT: "reminded",
}
"""What a mark is told its ticket as."""


@dataclass(frozen=True, slots=True)
class GivenMark:
    """A mark as it was given."""

    tenant: str
    number: str
    clock: TicketClock
    mark: Mark


@dataclass(frozen=True, slots=True)
class StoredMark:
    """A mark as it is kept; times in seconds since 1970."""

    number: str
    clock: str
    mark: str
    unit: str
    due: int
    given_at: int


@dataclass(frozen=True, slots=True)
class Round:
    """What one look did: `looked` clocks were at their time (0: nothing is left for us now)."""

    looked: int
    given: tuple[GivenMark, ...]


def next_look(connection: Connection, tenant: str) -> int:
    """When the next clock of a tenant wants to be looked at; 0: none does."""
    query = select(func.min(ticket_clocks.c.next_at)).where(
        ticket_clocks.c.tenant == tenant, ticket_clocks.c.next_at > 0
    )
    found: int | None = connection.execute(query).scalar()
    return found or 0


def give_due(
    connection: Connection, tenant: str, rules: Rules, now: int, tell: Tell, limit: int = CHUNK
) -> Round:
    """Give what is due by `now` of at most `limit` clocks, the longest due first."""
    if not _any_due(connection, tenant, now):
        return Round(0, ())
    hold_tenant(connection, tenant)
    clocks = ticket_clocks.c
    query = (
        select(ticket_clocks)
        .where(clocks.tenant == tenant, clocks.next_at > 0, clocks.next_at <= now)
        .order_by(*(_FIRST if limit == 1 else _FIRST[:1]))
        .limit(limit)
        .with_for_update(skip_locked=True)  # SQLite needs none and is told none
    )
    changed: list[Counted] = []
    given: list[GivenMark] = []
    for row in connection.execute(query):
        clock, marks = fire(row_clock(row), now, rules)
        changed.append(counted(clock))
        given += (GivenMark(tenant, clock.number, clock, mark) for mark in marks)
    if given:
        telling = tell(connection, tenant, [one.number for one in given])
        _MARK.run_many(connection, [_row(one, now) for one in given])
    save_counted(connection, tenant, changed)
    if given:
        send_ahead(connection)  # the server writes these while we make the events
        telling([(one.number, _told(one, now)) for one in given])
    return Round(len(changed), tuple(given))


def marks_given(connection: Connection, tenant: str, since: int, limit: int) -> list[StoredMark]:
    """A tenant's marks given at `since` or later, the newest first."""
    marks = clock_marks.c
    query = (
        select(marks.number, marks.clock, marks.mark, marks.unit, marks.due, marks.given_at)
        .where(marks.tenant == tenant, marks.given_at >= since)
        .order_by(marks.given_at.desc(), marks.number, marks.clock, marks.at.desc())
        .limit(limit)
    )
    return [StoredMark(*row) for row in connection.execute(query)]


def put_off(connection: Connection, tenant: str, now: int) -> None:
    """The clock longest due can't be worked with (it was told): try it again in an hour."""
    hold_tenant(connection, tenant)
    clocks = ticket_clocks.c
    first = connection.execute(
        select(clocks.number, clocks.clock, clocks.seq)
        .where(clocks.tenant == tenant, clocks.next_at > 0, clocks.next_at <= now)
        .order_by(*_FIRST)
        .limit(1)
    ).first()
    if first is not None:
        connection.execute(
            update(ticket_clocks)
            .where(clocks.tenant == tenant, clocks.number == first.number)
            .where(clocks.clock == first.clock, clocks.seq == first.seq)
            .values(next_at=now + AGAIN_S)
        )


def _any_due(connection: Connection, tenant: str, now: int) -> bool:
    """Looked up without a lock: most looks find nothing."""
    found = next_look(connection, tenant)
    return 0 < found <= now


def _row(given: GivenMark, now: int) -> dict[str, object]:
    clock = given.clock
    return {
        "tenant": given.tenant, "number": given.number, "clock": clock.name.value,
        "seq": clock.seq, "term": clock.term, "mark": given.mark.name.value, "unit": clock.unit,
        "due": clock.due, "at": given.mark.at, "given_at": now,
    }  # fmt: skip


def _told(given: GivenMark, now: int) -> Told:
    clock = given.clock
    event = EVENTS[given.mark.name]
    reason = ""
    if given.mark.name is MarkName.TIMEOUT and clock.state == TicketState.PENDING_INFO:
        event = "info_expired"
    elif given.mark.name is MarkName.TIMEOUT and clock.state == LONG_TERM:
        event, reason = "long_term_ended", "the day of its review has come"
    data = {
        "clock": clock.name.value, "mark": given.mark.name.value, "unit": clock.unit,
        "state": clock.state, "round": clock.round, "term": clock.term,
        "due": moment(clock.due).isoformat(), "since": moment(given.mark.at).isoformat(),
        "reason": reason,
    }  # fmt: skip
    return Told(event, SYSTEM, moment(now), {name: value for name, value in data.items() if value})
