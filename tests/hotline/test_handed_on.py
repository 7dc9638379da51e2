"""Tickets are told who outside has their citizen: at once, or as soon as the store is back."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from hotline import handed_on
from hotline.handed_on import HandingOn
from hotline.unit_files import UnitBook
from ivr.handed_on import HandedOn
from ivr.tenants import Tenant
from storage.lives import Command, SqlLives
from storage.tickets import SqlTickets
from tests.storage.facts import NOON, ZONES, new_ticket, opened
from tests.tickets.lives import told
from tickets.errors import StoreAway
from tickets.life import Life, Role
from tickets.model import TicketState


class Patchy(SqlLives):
    """Lives whose store is away for the next `away` events."""

    away = 0

    async def tell(self, command: Command) -> Life:
        if self.away:
            self.away -= 1
            raise StoreAway("away")
        return await super().tell(command)


@dataclass
class House:
    """A store with tickets, and who tells them."""

    tickets: SqlTickets
    lives: Patchy
    handing: HandingOn
    later: list[asyncio.Task[None]] = field(default_factory=list)

    async def events(self, number: str) -> list[str]:
        return [kept.told.event for kept in await self.lives.history("default", number)]


@asynccontextmanager
async def house(url: str) -> AsyncIterator[House]:
    later: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        later.append(asyncio.create_task(work))

    async with opened(url) as database:
        units = UnitBook.read([Tenant(id="default", name="12345")])
        lives, tickets = Patchy(database, known_unit=units.has), SqlTickets(database, ZONES)
        handing = HandingOn(lives, tickets, units, database.wait_healthy, spawn)
        yield House(tickets, lives, handing, later)
        await asyncio.gather(*later)


def handed(ticket: str, to: str = "119", **more: str) -> HandedOn:
    return HandedOn("default", "n-1.1", ticket, to, NOON, **{"seat_id": "801", **more})


async def made(home: House) -> str:
    return (await home.tickets.create(new_ticket("n-1.1"))).number


async def test_an_emergency_ends_the_ticket_here(sqlite_url: str) -> None:
    """By the seat that handed him on, and once, however often it is told."""
    async with house(sqlite_url) as home:
        number = await made(home)
        for _ in range(2):
            await home.handing.tell(handed(number))
        assert await home.events(number) == ["created", "noted", "transferred"]
        last = (await home.lives.history("default", number))[-1]
        assert (last.state, last.told.actor.id) == (TicketState.TRANSFERRED, "801")
        assert last.told.data["to"] == "119"


async def test_a_utility_gets_the_ticket_and_any_other_number_is_a_note(sqlite_url: str) -> None:
    async with house(sqlite_url) as home:
        number = await made(home)
        await home.handing.tell(handed(number, "07715550001"))
        assert await home.events(number) == ["created", "noted"]
        await home.handing.tell(handed(number, "95598", unit="供电企业", seat_id=""))
        life = await home.lives.life("default", number)
        assert (life.state, life.lead) == (TicketState.DISPATCHED, "power")


async def test_a_utility_that_is_no_unit_waits_for_a_reviewer(sqlite_url: str) -> None:
    async with house(sqlite_url) as home:
        number = await made(home)
        await home.handing.tell(handed(number, "96000", unit="没有的企业", seat_id=""))
        assert (await home.lives.life("default", number)).state is TicketState.PENDING_REVIEW


async def test_a_ticket_that_has_gone_on_keeps_its_state_and_is_noted(sqlite_url: str) -> None:
    async with house(sqlite_url) as home:
        number = await made(home)
        await home.lives.tell(Command("default", number, told("voided", Role.SEAT, code="test")))
        await home.handing.tell(handed(number))
        assert await home.events(number) == ["created", "voided", "noted"]


async def test_what_the_store_cannot_take_now_is_told_later(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a ticket that only the journal had: it is found by its call once it is there."""
    monkeypatch.setattr(handed_on, "AGAIN_S", 0.05)
    async with house(sqlite_url) as home:
        await home.handing.tell(handed(""))
        number = await made(home)
        await asyncio.gather(*home.later)
        assert "transferred" in await home.events(number)
    async with house(sqlite_url) as home:
        number = (await home.tickets.create(new_ticket("n-1.1"))).number
        home.lives.away = 2
        other = (await home.tickets.create(new_ticket("n-2.2"))).number
        await home.handing.tell(HandedOn("default", "n-2.2", other, "110", NOON, "801"))
        await asyncio.gather(*home.later)
        assert "transferred" in await home.events(other)
