"""Tickets whose citizen was connected on are told so: an emergency ends them here (`transferred`),
a utility gets the ticket after the call (`dispatched`), all else is a note.

What can't be told at once (SQL away, the ticket only in the journal) is told as soon as it can;
that he was handed on is a fact of the ticket in any case.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import datetime
from typing import Any

import structlog

from hotline.unit_files import UnitBook
from ivr.handed_on import HandedOn
from storage.lives import Command, SqlLives
from storage.tickets import SqlTickets
from tickets.errors import EventRefused, StoreAway, UnknownTicket
from tickets.life import SYSTEM, Actor, Role, Told
from tickets.life_rules import EMERGENCIES

AGAIN_S = 3.0
MOST_TRIES = 100
MOST_WAITING = 1000

log = structlog.get_logger(__name__)


class HandingOn:
    """`ivr.handed_on.TellHandedOn` over the tickets' lives."""

    def __init__(
        self,
        lives: SqlLives,
        tickets: SqlTickets,
        units: UnitBook,
        wait_healthy: Callable[[], Awaitable[None]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._lives = lives
        self._tickets = tickets
        self._units = units
        self._wait_healthy = wait_healthy
        self._spawn = spawn
        self._waiting = 0

    async def tell(self, handed: HandedOn) -> None:
        """Now, or later beside everything else."""
        if await self._told(handed):
            return
        if self._waiting >= MOST_WAITING:
            log.error("handed_on_not_told", tenant=handed.tenant, call_id=handed.call_id)
            return
        self._waiting += 1
        self._spawn(self._later(handed))

    async def _later(self, handed: HandedOn) -> None:
        try:
            for _ in range(MOST_TRIES):
                await asyncio.sleep(AGAIN_S)
                await self._wait_healthy()
                if await self._told(handed):
                    return
            log.error("handed_on_not_told", tenant=handed.tenant, call_id=handed.call_id)
        finally:
            self._waiting -= 1

    async def _told(self, handed: HandedOn) -> bool:
        """False: try again."""
        try:
            number = handed.ticket
            if not number:
                number = (await self._tickets.of_call(handed.tenant, handed.call_id)).number
            for told in self._events(handed):
                if not await self._taken(handed, number, told):
                    break
        except (StoreAway, UnknownTicket) as why:
            log.info("handed_on_waits", tenant=handed.tenant, call_id=handed.call_id, why=why.id)
            return False
        return True

    async def _taken(self, handed: HandedOn, number: str, told: Told) -> bool:
        key = f"{told.event}-{handed.call_id}-{handed.to}"[-100:]
        try:
            await self._lives.tell(Command(handed.tenant, number, told, key=key))
        except EventRefused as why:
            log.info("handed_on_refused", ticket=number, event_name=told.event, why=why.id)
            return False
        return True

    def _events(self, handed: HandedOn) -> Iterator[Told]:
        """What happens to the ticket; one that is refused (it has gone on) ends the row."""
        by = Actor(handed.seat_id, Role.SEAT) if handed.seat_id else SYSTEM
        yield _note(by, handed.at, handed.to)
        if handed.to in EMERGENCIES:
            data = {"to": handed.to, "call": handed.call_id}
            yield Told("transferred", by, handed.at, data)
        elif handed.unit:
            yield Told("submitted", SYSTEM, handed.at)
            unit = self._units.filling(handed.tenant, handed.unit)
            if unit:
                data = {"lead": unit, "connected": handed.to, "call": handed.call_id}
                yield Told("dispatched", SYSTEM, handed.at, data)


def _note(by: Actor, at: datetime, to: str) -> Told:
    return Told("noted", by, at, {"text": f"通话已转接 {to}"})
