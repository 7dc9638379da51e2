"""Numbers for tickets, and tickets that are parts of others."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from storage.life_book import PART, LifeBook
from storage.prepared import Prepared
from storage.rows import DIALECTS, row_ticket, ticket_row
from storage.tables import ticket_counters, tickets
from tickets.life import SYSTEM, Life, Told
from tickets.lifecycle import Event, born
from tickets.model import Origin, TicketState
from tickets.number import day_key, format_number, parse_number

_COUNT = Prepared(
    {
        name: insert_for(ticket_counters)
        .values(tenant=bindparam("tenant"), day=bindparam("day"), n=bindparam("many"))
        .on_conflict_do_update(
            index_elements=["tenant", "day"], set_={"n": ticket_counters.c.n + bindparam("many")}
        )
        .returning(ticket_counters.c.n)
        for name, insert_for in DIALECTS.items()
    }
)


def count_up(connection: Connection, tenant: str, day: str, many: int) -> int:
    """The last of `many` new numbers of a day (`number.day_key`). Its row is held until the
    commit: that keeps a tenant's tickets in order over all engines. Who asks holds the tenant
    (`clock_locks.hold_tenant`): two who took one after the other would wait for each other."""
    last: Any = _COUNT.run(connection, {"tenant": tenant, "day": day, "many": many})
    return int(last)


def make_part(book: LifeBook, whole: Life, unit: str, at: datetime) -> tuple[Life, Told]:
    """A part of a ticket, for this unit: a ticket with a number of its whole's day. Its life, and
    its first event."""
    connection, tenant = book.connection, book.tenant
    day = parse_number(whole.number)[0]
    number = format_number(day, count_up(connection, tenant, day_key(day), 1))
    query = select(tickets).where(tickets.c.tenant == tenant, tickets.c.number == whole.number)
    ticket = row_ticket(connection.execute(query).one())
    part = replace(
        ticket, number=number, call_id=f"{whole.number}/{number}", origin=Origin.PART,
        state=TicketState.DISPATCHED, created_at=at, voice_path="", voice_s=0.0, confirmed=False,
        first_callback=False, callback_due=False, spool_id="", version=1, notes=(),
    )  # fmt: skip
    facts = replace(part.facts, call_id=part.call_id)
    connection.execute(tickets.insert(), ticket_row(replace(part, facts=facts)))
    data = {"parent": whole.number, "unit": unit, "kind": whole.kind, "urgency": whole.urgency}
    told = Told(Event.PART_MADE, SYSTEM, at, data)
    book.link(PART, whole.number, number)
    decision = born(tenant, number, told)
    book.born(decision, told, parent_due=book.page(whole.number).due)
    return decision.life, told
