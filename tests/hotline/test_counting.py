"""Tickets on the wall and in the metrics: each once, whoever tells of it and how often."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from console.metrics import Metrics
from hotline import todays_tickets
from hotline.counting import CountedIntake
from hotline.todays_tickets import TodaysTickets
from storage.calls import SqlCalls
from storage.database import Database
from storage.drain import Drain
from storage.journal import Journal
from storage.tickets import SqlTickets
from tests.storage.facts import NOON, SHANGHAI, new_ticket, opened, until
from tickets.model import Origin
from tickets.service import Intake


class At:
    """A clock that stands."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class House:
    """Store, journal and counters as the engine wires them."""

    def __init__(self, database: Database, folder: Path, clock: At) -> None:
        zones = {"default": SHANGHAI}
        self.metrics = Metrics()
        self.tickets = SqlTickets(database, zones, lambda t, was: self.counted.stored(t, was))
        self.calls = SqlCalls(database)
        self.journal = Journal(folder / "journal")
        self.todays = TodaysTickets(self.tickets, zones, clock)
        intake = Intake(self.tickets, self.calls, self.journal)
        self.counted = CountedIntake(intake, self.metrics, self.todays)

    def made(self, origin: Origin) -> float:
        """What Prometheus is told."""
        name = f'hotline_tickets_total{{origin="{origin}",tenant="default"}} '
        text = generate_latest(self.metrics.registry).decode()
        found = [line for line in text.splitlines() if line.startswith(name)]
        return float(found[0].removeprefix(name)) if found else 0.0


async def counting(house: House) -> asyncio.Task[None]:
    task = asyncio.create_task(house.todays.run())
    await until(lambda: house.todays._days["default"])
    return task


async def test_a_talk_found_again_is_one_ticket(sql_url: str, tmp_path: Path) -> None:
    """Its draft is written at the answer, found and written again after a restart, and last with
    the recording's word; an abandoned call's ticket becomes a voice request's."""
    async with opened(sql_url) as database:
        house = House(database, tmp_path, At())
        task = await counting(house)
        for at in (NOON, NOON, NOON + timedelta(seconds=40)):
            await house.counted.create(new_ticket("n-1.1", at=at))
        await house.counted.create(new_ticket("n-1.2", origin=Origin.ABANDONED))
        assert dict(house.todays.of("default")) == {Origin.TALK: 1, Origin.ABANDONED: 1}
        await house.counted.create(new_ticket("n-1.2", origin=Origin.VOICE_REQUEST))
        assert +house.todays._counts["default"] == {Origin.TALK: 1, Origin.VOICE_REQUEST: 1}
        assert (house.made(Origin.TALK), house.made(Origin.ABANDONED)) == (1, 1)
        stored = await house.tickets.origins_on("default", NOON.date())
        assert +house.todays._counts["default"] == stored
        task.cancel()


async def test_what_comes_out_of_the_journal_is_counted(tmp_path: Path, sqlite_url: str) -> None:
    async with opened(sqlite_url) as database:
        house = House(database, tmp_path, At())
        task = await counting(house)
        await house.journal.keep_ticket(new_ticket("n-1.1"))
        await house.journal.keep_ticket(new_ticket("n-1.1"))
        await house.journal.keep_ticket(new_ticket("n-1.2", at=NOON - timedelta(days=2)))
        await Drain(house.journal, house.tickets, house.calls).drain()
        assert house.todays.of("default")[Origin.TALK] == 1, "the other is no ticket of today"
        assert house.made(Origin.TALK) == 2
        task.cancel()


async def test_other_engines_tickets_and_a_new_day_are_seen_in_time(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(todays_tickets, "EVERY_S", 0.05)
    clock = At(datetime(2026, 11, 21, 15, 59, tzinfo=UTC))
    async with opened(sqlite_url) as database:
        house, other = (House(database, tmp_path / name, clock) for name in ("a", "b"))
        task = await counting(house)
        await other.counted.create(new_ticket("n-2.1", at=clock.at))
        await until(lambda: house.todays.of("default")[Origin.TALK] == 1)
        clock.at += timedelta(minutes=2)
        await until(lambda: house.todays.of("default")[Origin.TALK] == 0)
        task.cancel()
