"""A desk over tickets in memory, for tests of what else is on a page: it lists and shows."""

from datetime import date
from typing import Any, Protocol

from console.desk import TicketDesk
from tickets.content import Content
from tickets.desk_values import FoundPage, Listed, Wanted, Whole
from tickets.life import Actor, Life
from tickets.lifecycle import owner
from tickets.model import Ticket
from tickets.rights import sight
from tickets.units import UnitsFile

UNITS = {
    "home": "450100", "divisions": [{"code": "450100", "name": "南宁市"}],
    "units": [
        {"id": "water", "name": "供水公司", "phone": "8001", "computer": "终端", "person": "专员",
         "head": "负责人"}
    ],
}  # fmt: skip


class Shelf(Protocol):
    """Where the tickets lie."""

    async def get(self, tenant: str, number: str) -> Ticket: ...
    async def list(self, tenant: str, *, limit: int, before: str) -> Any: ...


class FakeDesk(TicketDesk):
    """Lists the newest, shows one; nothing can be told here."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def find(self, tenant: str, actor: Actor | None, wanted: Wanted) -> FoundPage:
        found = await self._shelf.list(tenant, limit=wanted.limit, before=wanted.after)
        page = [Listed(ticket, "", "", None, None) for ticket in found]
        return FoundPage(page, found[-1].number if len(found) == wanted.limit else "")

    async def whole(self, tenant: str, number: str, actor: Actor | None, *, seq: int = 0) -> Whole:
        ticket = await self._shelf.get(tenant, number)
        life = Life(tenant, number, ticket.state, ticket.version)
        seen = sight(actor, life)
        return Whole(ticket, life, owner(life), Content(), (), seen, (), ())

    async def units(self, tenant: str) -> tuple[UnitsFile, date]:
        return UnitsFile.model_validate(UNITS), date(2026, 11, 21)
