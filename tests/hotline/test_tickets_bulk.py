"""The bench's full store holds what the real path would have written."""

from hotline.tickets_bulk import fill
from hotline.tickets_filling import TENANT
from storage.clock_rows import clocks_of
from storage.lives import SqlLives
from storage.ticket_lists import SqlTicketLists
from storage.ticket_search import SqlTicketSearch
from storage.tickets import SqlTickets
from storage.verify import Looked, verify
from tests.storage.facts import ZONES, new_ticket, opened
from tickets.model import TicketState

STORED = 40


async def test_filled_tickets_verify_are_listed_and_found_and_new_ones_follow(
    sql_url: str,
) -> None:
    async with opened(sql_url) as database:
        told: list[str] = []
        numbers = await fill(database, sql_url, STORED, 1, told.append)
        assert len(set(numbers)) == STORED
        assert "full" in told[-1]
        looked = Looked()
        assert [finding async for finding in verify(database, TENANT, looked)] == []
        assert (looked.tickets, looked.events) == (STORED, 3 * STORED)
        assert looked.seals >= 2

        life = await SqlLives(database).life(TENANT, numbers[0])
        assert (life.state, life.seq) == (TicketState.IN_PROGRESS, 3)
        line = (await SqlTicketLists(database).due(TENANT, life.lead))[0]
        clocks = (await database.read(lambda c: clocks_of(c, TENANT, numbers)))[line.number]
        (finish,) = (clock for clock in clocks if not clock.stopped_at)
        assert line.due is not None
        assert finish.due == int(line.due.timestamp())

        found = await SqlTicketSearch(database).find(TENANT, "问题", unit=life.lead)
        assert numbers[0] in {one.number for one in found}
        at = (await SqlTickets(database, ZONES).get(TENANT, numbers[-1])).created_at
        made = await SqlTickets(database, ZONES).create(new_ticket("new", at=at))
        assert made.number == f"{int(numbers[-1]) + 1:012}"
