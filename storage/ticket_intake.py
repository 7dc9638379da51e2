"""Tickets that come in otherwise than by a call: made, told what they say, in one transaction.

The same key makes one ticket, however often it is sent; with other words it is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from sqlalchemy import Connection, select

from storage.clockwork import Clockwork
from storage.database import Database
from storage.events import history
from storage.lives import Command, SqlLives
from storage.tables import tickets
from storage.ticket_making import Making, make_all
from tickets.errors import EventRefused, StoreRefused, TicketError
from tickets.life import Told
from tickets.lifecycle import Event
from tickets.model import NewTicket, Origin, Ticket
from tickets.number import local_day

_MINE = select(tickets.c.number, tickets.c.caller_raw)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A ticket's number; `new` False: it was made by an earlier try of the same key."""

    number: str
    new: bool


class SqlIntake:
    """Intake on a `Database`. `on_origin` is told of each new ticket once it is durable."""

    def __init__(
        self,
        database: Database,
        zones: Mapping[str, tzinfo],
        lives: SqlLives,
        clockwork: Clockwork,
        on_origin: Callable[[Ticket, Origin | None], None] = lambda ticket, was: None,
    ) -> None:
        self._database = database
        self._zones = zones
        self._lives = lives
        self._clockwork = clockwork
        self._on_origin = on_origin

    async def take(self, new: NewTicket, events: Sequence[Told]) -> Arrived:
        """Make the ticket and tell it these events, all or nothing, durable on return. Its key is
        the `call_id` of its facts. Raises `EventRefused`, `StoreRefused`, `StoreAway`."""
        zone = self._zones.get(new.facts.tenant)
        if zone is None:
            raise StoreRefused(f"there is no tenant {new.facts.tenant!r} in the settings")
        day = local_day(new.at, zone)
        made = await self._database.write(
            lambda connection: self._take(connection, new, events, day), order=new.facts.tenant
        )
        if isinstance(made, Arrived):
            return made
        self._on_origin(made, None)
        return Arrived(made.number, new=True)

    def _take(
        self, connection: Connection, new: NewTicket, events: Sequence[Told], day: date
    ) -> Ticket | Arrived:
        tenant = new.facts.tenant
        query = _MINE.where(tickets.c.tenant == tenant, tickets.c.call_id == new.facts.call_id)
        if (row := connection.execute(query).first()) is not None:
            return _again(connection, tenant, tuple(row), new, events)
        ((ticket, _),) = make_all(connection, self._clockwork, [Making(new, day)])
        commands = [Command(tenant, ticket.number, told) for told in events]
        for result in self._lives.tell_within(connection, commands) if commands else ():
            if isinstance(result, TicketError):
                raise result  # the writer undoes all of it
        return ticket


def _again(
    connection: Connection,
    tenant: str,
    known: tuple[str, str],
    new: NewTicket,
    events: Sequence[Told],
) -> Arrived:
    """The same once more, or something else under the same key. `known`: number and caller."""
    number, caller = known
    kept = history(connection, tenant, (number,))[number]
    people = [k.told for k in kept if k.told.event not in (Event.CREATED, Event.MERGED)]
    said = [(told.event, dict(told.data)) for told in people[: len(events)]]
    if caller != new.facts.caller_raw or said != [(told.event, dict(told.data)) for told in events]:
        raise EventRefused("key-reused", "this key was used for another ticket: take a new one")
    return Arrived(number, new=False)
