"""Tickets in SQL: numbers, facts as events, the ticket they make."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from storage.clockwork import Clockwork, NoClocks
from storage.database import Database
from storage.life_tables import ticket_states
from storage.rows import row_ticket
from storage.tables import ticket_counters, ticket_events, tickets
from storage.ticket_making import Made, Making, make_all
from tickets.errors import StoreRefused, UnknownTicket
from tickets.model import NewTicket, Origin, Ticket, TicketState
from tickets.number import day_key, format_number, local_day

_LIVED = (
    select(
        tickets, ticket_states.c.state.label("lived_state"),
        ticket_states.c.version.label("lived_version"),
    )
    .join(
        ticket_states,
        (ticket_states.c.tenant == tickets.c.tenant)
        & (ticket_states.c.number == tickets.c.number),
    )
)  # fmt: skip


OnOrigin = Callable[[Ticket, Origin | None], None]
"""Told of a ticket once it is durable: a new one with None, else with its earlier origin."""


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
    origin became another (with the earlier one). `clockwork` starts the clocks of new tickets.
    """

    def __init__(
        self,
        database: Database,
        zones: Mapping[str, tzinfo],
        on_origin: OnOrigin = lambda ticket, was: None,
        clockwork: Clockwork | None = None,
    ) -> None:
        self._database = database
        self._zones = zones
        self._on_origin = on_origin
        self._clockwork = clockwork or NoClocks()

    async def create(self, new: NewTicket) -> Ticket:
        """Make the ticket, or add the fact to the one this call already has."""
        zone = self._zones.get(new.facts.tenant)
        if zone is None:
            raise StoreRefused(f"there is no tenant {new.facts.tenant!r} in the settings")
        day = local_day(new.at, zone)
        made: Made = await self._database.write_together(
            self._make, Making(new, day), name="tickets", order=new.facts.tenant, patient=True
        )
        ticket, was = made
        if was is not ticket.origin:
            self._on_origin(ticket, was)
        return ticket

    def _make(self, connection: Connection, making: Sequence[Making]) -> list[Made]:
        return make_all(connection, self._clockwork, making)

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
        query = _LIVED.where(tickets.c.tenant == tenant, which)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise UnknownTicket(missing)
        return _lived(row)

    async def list(
        self, tenant: str, *, limit: int = 50, before: str = "", since: datetime | None = None
    ) -> Sequence[Ticket]:
        """Newest first, keyset by number (`before` excluded), made at or after `since`."""
        query = _LIVED.where(tickets.c.tenant == tenant)
        if before:
            query = query.where(tickets.c.number < before)
        if since is not None:
            first = format_number(local_day(since, self._zones[tenant]), 1)
            query = query.where(tickets.c.number >= first, tickets.c.created_at >= since)
        query = query.order_by(tickets.c.number.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_lived(row) for row in rows]

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


def _lived(row: Row[Any]) -> Ticket:
    return replace(row_ticket(row), state=TicketState(row.lived_state), version=row.lived_version)
