"""Two engines on one PostgreSQL whose commits mix new tickets and events."""

import asyncio

from sqlalchemy import func, make_url, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from storage.clock_locks import hold_tenant
from storage.database import Database
from storage.lives import Command, SqlLives
from storage.tickets import SqlTickets
from tests.storage.facts import NOON, ZONES, new_ticket, opened
from tickets.life import Actor, Role, Told

_WAITING = text(
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    " WHERE locktype = 'advisory' AND classid = 12345 AND NOT granted"
    " AND datname = current_database()"
)


async def _process(database: Database) -> int:
    """The server's process of the writing connection: another one after a commit that failed."""
    query = select(func.pg_backend_pid())
    return int(await database.write(lambda connection: connection.execute(query).scalar_one()))


async def _ask_for_the_tenant(database: Database, many: int) -> None:
    async with asyncio.timeout(20):
        while await database.read(lambda c: c.execute(_WAITING).scalar()) != many:
            await asyncio.sleep(0.01)


async def test_events_and_new_tickets_of_two_engines_never_wait_for_each_other(
    postgres_url: str,
) -> None:
    """One engine's commit has an event and a new ticket, the other's a new ticket alone. Both
    come while the tenant is held, the mixed one first: neither is refused for the other."""
    holding = create_async_engine(make_url(postgres_url).set(drivername="postgresql+asyncpg"))
    url, patient = postgres_url, {"deadline_s": 20.0}
    async with opened(url, **patient) as one, opened(url, **patient) as two:
        first = await SqlTickets(one, ZONES).create(new_ticket("first"))
        before = await _process(one), await _process(two)
        event = Told("submitted", Actor("801", Role.SEAT), NOON, {"text": "路灯"})
        async with holding.connect() as holder:
            await holder.run_sync(hold_tenant, "default")
            mixed = asyncio.gather(
                SqlLives(one).tell(Command("default", first.number, event)),
                SqlTickets(one, ZONES).create(new_ticket("mixed")),
            )
            await _ask_for_the_tenant(one, 1)
            alone = asyncio.gather(SqlTickets(two, ZONES).create(new_ticket("alone")))
            await _ask_for_the_tenant(one, 2)
        life, ticket = await mixed
        (other,) = await alone
        assert life.seq == 2
        assert {ticket.number, other.number} == {"261121000002", "261121000003"}
        assert (await _process(one), await _process(two)) == before
    await holding.dispose()
