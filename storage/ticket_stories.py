"""Tickets of some days with their events and clocks, for the figures; read in pages."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from functools import partial

from sqlalchemy import Connection, select

from storage.clock_rows import clocks_of
from storage.database import Database
from storage.events import history
from storage.life_tables import ticket_states
from tickets.kpi import Story
from tickets.number import day_key, format_number

PAGE = 500


async def stories(
    database: Database, tenant: str, first: date, last: date
) -> AsyncIterator[Sequence[Story]]:
    """The tickets with numbers of these local days, both included, page by page; `StoreAway`."""
    after, end = day_key(first), format_number(last + timedelta(days=1), 1)
    while True:
        page = await database.read(partial(_page, tenant=tenant, after=after, end=end))
        if not page:
            return
        after = page[-1].number
        yield page


def _page(connection: Connection, tenant: str, after: str, end: str) -> Sequence[Story]:
    states = ticket_states.c
    query = (
        select(states.number, states.unit)
        .where(states.tenant == tenant, states.number > after, states.number < end)
        .order_by(states.number)
        .limit(PAGE)
    )
    units = {row.number: row.unit for row in connection.execute(query)}
    events = history(connection, tenant, units)
    clocks = clocks_of(connection, tenant, units)
    return [
        Story(
            number,
            [(kept.told, kept.state) for kept in events[number]],
            clocks[number],
            unit=unit,
            class_code=max((c.matter.class_code for c in clocks[number]), default=""),
        )
        for number, unit in units.items()
        if events[number]
    ]
