"""Tickets with clocks in a real store, and a time that is told."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import select

from storage.clock_rows import clocks_of
from storage.clock_tables import clock_marks
from storage.clock_watching import Tell
from storage.clocks import SqlClockwork
from storage.database import Database
from storage.lives import Command, SqlLives
from storage.tickets import SqlTickets
from tests.storage.facts import ZONES, call_facts, new_ticket
from tickets import policy as policy_module
from tickets.calendar import WorkCalendar
from tickets.clocks import TicketClock
from tickets.life import Actor, Life, Role, Told
from tickets.model import Kind, Origin
from tickets.policy import Policy
from tickets.timetable import Rules, rules_of
from tickets.workdays import CalendarFile

CHINA = ZoneInfo("Asia/Shanghai")
PRESETS = Path(policy_module.__file__).parent / "data" / "policies"
CALENDAR = WorkCalendar(CHINA, CalendarFile(), (2026, 2027))
TENANT = "default"
CALLS = count(1)

REVIEWER = Actor("r1", Role.REVIEWER)
SUPERVISOR = Actor("s1", Role.SUPERVISOR)
WATER = Actor("w1", Role.DEPARTMENT, "water")


def preset(name: str, **changed: Any) -> Policy:
    text = (PRESETS / f"{name}.yaml").read_text("utf-8")
    return Policy.model_validate(yaml.safe_load(text) | changed)


GUANGXI = rules_of(preset("guangxi"), CALENDAR)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


class House:
    """A store, its tickets and their lives; `now` moves as it is told."""

    def __init__(self, database: Database, rules: Rules = GUANGXI) -> None:
        self.database = database
        self.rules = rules
        self.clockwork = SqlClockwork(lambda tenant: self.rules)
        self.tickets = SqlTickets(database, ZONES, clockwork=self.clockwork)
        self.lives = SqlLives(database, self.clockwork)
        self.now = local("2026-11-23 10:00")

    async def ticket(self, kind: Kind = Kind.CONSULTATION) -> str:
        """A new ticket that waits for review."""
        call_id = f"n-1.{next(CALLS)}"
        facts = call_facts(call_id, kind=kind)
        origin = Origin.VOICE_REQUEST
        new = new_ticket(call_id, origin=origin, at=self.now, facts=facts)
        return (await self.tickets.create(new)).number

    async def dispatched(self, kind: Kind = Kind.CONSULTATION, **data: object) -> str:
        """A ticket given to the water company."""
        number = await self.ticket(kind)
        await self.tell(number, "dispatched", REVIEWER, lead="water", **data)
        return number

    async def tell(self, number: str, event: str, who: Actor, **data: object) -> Life:
        """An event, now."""
        return await self.lives.tell(Command(TENANT, number, Told(event, who, self.now, data)))

    async def clocks(self, number: str) -> Mapping[str, TicketClock]:
        """A ticket's newest clocks by name."""
        found = await self.database.read(lambda c: clocks_of(c, TENANT, [number]))
        return {clock.name.value: clock for clock in found[number]}

    async def marks(self) -> list[tuple[str, str, str]]:
        """Every mark given: ticket, clock, mark, in order."""
        columns = clock_marks.c
        query = select(columns.number, columns.clock, columns.mark).order_by(
            columns.given_at, columns.at, columns.number, columns.clock
        )
        rows = await self.database.read(lambda c: c.execute(query).all())
        return [(row.number, row.clock, row.mark) for row in rows]

    async def events(self, number: str) -> list[str]:
        """The names of a ticket's events."""
        return [kept.told.event for kept in await self.lives.history(TENANT, number)]

    def later(self, **by: float) -> None:
        """Time goes on."""
        self.now += timedelta(**by)


@asynccontextmanager
async def house_on(url: str, rules: Rules = GUANGXI) -> AsyncIterator[House]:
    """A house on its own connections to a store."""
    database = Database(url, deadline_s=20.0)
    await database.start()
    try:
        yield House(database, rules)
    finally:
        await database.close()


def silent() -> Tell:
    """Nobody is told."""
    return lambda connection, tenant, numbers: lambda events: None
