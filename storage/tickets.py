"""Tickets in SQL: numbers, facts as events, the ticket they make."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select, update

from storage.codec import dump_new_ticket, load_new_ticket
from storage.database import Database
from storage.prepared import Prepared
from storage.recordings import expect_recording
from storage.rows import DIALECTS, insert_once, row_ticket, ticket_row
from storage.spoken import write_spoken
from storage.tables import spool_taken, ticket_counters, ticket_events, tickets
from tickets.errors import StoreRefused, UnknownTicket
from tickets.merge import merged
from tickets.model import NewTicket, Origin, Ticket
from tickets.number import day_key, format_number, local_day

CREATED, MERGED = "created", "merged"

_COUNT = Prepared(
    {
        name: insert_for(ticket_counters)
        .values(tenant=bindparam("tenant"), day=bindparam("day"), n=1)
        .on_conflict_do_update(
            index_elements=["tenant", "day"], set_={"n": ticket_counters.c.n + 1}
        )
        .returning(ticket_counters.c.n)
        for name, insert_for in DIALECTS.items()
    }
)
_GIVE_BACK = (
    update(ticket_counters)
    .where(ticket_counters.c.tenant == bindparam("in_tenant"))
    .where(ticket_counters.c.day == bindparam("on_day"))
    .values(n=ticket_counters.c.n - 1)
)
_MAKE = Prepared(
    {name: insert.returning(tickets.c.number) for name, insert in insert_once(tickets).items()}
)
_TELL = Prepared(dict.fromkeys(DIALECTS, insert(ticket_events)))
_TAKEN = insert_once(spool_taken)
_OF_CALL = (
    select(tickets)
    .where(tickets.c.tenant == bindparam("in_tenant"), tickets.c.call_id == bindparam("of_call"))
    .with_for_update()
)
_FACTS = (
    select(ticket_events.c.seq, ticket_events.c.event, ticket_events.c.data)
    .where(ticket_events.c.tenant == bindparam("in_tenant"))
    .where(ticket_events.c.number == bindparam("of_number"))
    .order_by(ticket_events.c.seq)
)
_CHANGE = update(tickets).where(
    tickets.c.tenant == bindparam("in_tenant"), tickets.c.number == bindparam("of_number")
)


@dataclass(frozen=True, slots=True)
class TicketEvent:
    """One line of a ticket's history; rows are only ever added."""

    seq: int
    at: datetime
    event: str
    data: Mapping[str, object]


class SqlTickets:
    """`tickets.ports.TicketStore` on a `Database`. `zones` has every tenant's time zone.

    `on_origin` is told, once it is durable, of each new ticket (with None) and of each whose
    origin became another (with the earlier one).
    """

    def __init__(
        self,
        database: Database,
        zones: Mapping[str, tzinfo],
        on_origin: Callable[[Ticket, Origin | None], None] = lambda ticket, was: None,
    ) -> None:
        self._database = database
        self._zones = zones
        self._on_origin = on_origin

    async def create(self, new: NewTicket) -> Ticket:
        """Make the ticket, or add the fact to the one this call already has."""
        zone = self._zones.get(new.facts.tenant)
        if zone is None:
            raise StoreRefused(f"there is no tenant {new.facts.tenant!r} in the settings")
        day = local_day(new.at, zone)
        ticket, was = await self._database.write(
            lambda connection: _create(connection, new, day), order=new.facts.tenant, patient=True
        )
        if was is not ticket.origin:
            self._on_origin(ticket, was)
        return ticket

    async def get(self, tenant: str, number: str) -> Ticket:
        """One ticket; raises `UnknownTicket`."""
        return await self._one(
            tenant, tickets.c.number == number, f"{tenant} has no ticket {number}"
        )

    async def of_call(self, tenant: str, call_id: str) -> Ticket:
        """The ticket of a call; raises `UnknownTicket`."""
        return await self._one(
            tenant, tickets.c.call_id == call_id, f"{tenant} has no ticket of call {call_id}"
        )

    async def _one(self, tenant: str, which: ColumnElement[bool], missing: str) -> Ticket:
        query = select(tickets).where(tickets.c.tenant == tenant, which)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise UnknownTicket(missing)
        return row_ticket(row)

    async def list(
        self, tenant: str, *, limit: int = 50, before: str = "", since: datetime | None = None
    ) -> Sequence[Ticket]:
        """Newest first, keyset by number (`before` excluded), made at or after `since`."""
        query = select(tickets).where(tickets.c.tenant == tenant)
        if before:
            query = query.where(tickets.c.number < before)
        if since is not None:
            first = format_number(local_day(since, self._zones[tenant]), 1)
            query = query.where(tickets.c.number >= first, tickets.c.created_at >= since)
        query = query.order_by(tickets.c.number.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [row_ticket(row) for row in rows]

    async def made_on(self, tenant: str, day: date) -> int:
        """How many tickets have a number of this local day."""
        query = select(ticket_counters.c.n).where(
            ticket_counters.c.tenant == tenant, ticket_counters.c.day == day_key(day)
        )
        return await self._database.read(lambda connection: connection.execute(query).scalar()) or 0

    async def origins_on(self, tenant: str, day: date) -> Mapping[Origin, int]:
        """How many tickets have a number of this local day, by what made them."""
        query = (
            select(tickets.c.origin, func.count())
            .where(tickets.c.tenant == tenant)
            .where(tickets.c.number >= format_number(day, 1))
            .where(tickets.c.number < format_number(day + timedelta(days=1), 1))
            .group_by(tickets.c.origin)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {Origin(origin): count for origin, count in rows}

    async def events(self, tenant: str, number: str) -> Sequence[TicketEvent]:
        """A ticket's history, oldest first; empty for an unknown one."""
        query = (
            select(ticket_events)
            .where(ticket_events.c.tenant == tenant, ticket_events.c.number == number)
            .order_by(ticket_events.c.seq)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [TicketEvent(row.seq, row.at, row.event, row.data) for row in rows]


def _create(connection: Connection, new: NewTicket, day: date) -> tuple[Ticket, Origin | None]:
    """The ticket, and what its origin was before (None: it is new). Counts first: the counter's
    lock keeps a tenant's tickets in order over all engines."""
    tenant = new.facts.tenant
    n: Any = _COUNT.run(connection, {"tenant": tenant, "day": day_key(day)})
    ticket = merged(format_number(day, n), (new,))
    if _MAKE.run(connection, ticket_row(ticket)) is None:
        connection.execute(_GIVE_BACK, {"in_tenant": tenant, "on_day": day_key(day)})
        ticket, was = _add_fact(connection, new)
    else:
        was = None
        _tell(connection, ticket, CREATED, new, 1)
        if new.spoken is not None:
            write_spoken(connection, ticket, (new,))
    if new.voice_path:
        expect_recording(connection, new.facts, new.voice_path, new.voice_s, new.at)
    if new.spool_id:
        taken = {"tenant": tenant, "spool_id": new.spool_id, "taken_at": new.at}
        connection.execute(_TAKEN[connection.dialect.name], {**taken, "ticket": ticket.number})
    return ticket, was


def _add_fact(connection: Connection, new: NewTicket) -> tuple[Ticket, Origin | None]:
    """The call has a ticket: nothing new changes nothing, else the facts are merged afresh."""
    tenant = new.facts.tenant
    row = connection.execute(_OF_CALL, {"in_tenant": tenant, "of_call": new.facts.call_id}).one()
    history = connection.execute(_FACTS, {"in_tenant": tenant, "of_number": row.number}).all()
    known = [load_new_ticket(event.data) for event in history if event.event in (CREATED, MERGED)]
    if new in known:
        return row_ticket(row), Origin(row.origin)
    ticket = merged(row.number, (*known, new))
    connection.execute(
        _CHANGE, {"in_tenant": tenant, "of_number": ticket.number, **ticket_row(ticket)}
    )
    _tell(connection, ticket, MERGED, new, history[-1].seq + 1)
    write_spoken(connection, ticket, (*known, new))
    return ticket, Origin(row.origin)


def _tell(connection: Connection, ticket: Ticket, event: str, new: NewTicket, seq: int) -> None:
    _TELL.run(
        connection,
        {
            "tenant": ticket.tenant, "number": ticket.number, "seq": seq, "at": new.at,
            "event": event, "data": dump_new_ticket(new),
        },
    )  # fmt: skip
