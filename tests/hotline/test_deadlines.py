"""Deadlines in the running engine: files taken up whole or not at all, units that are known."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hotline.deadlines import Deadlines
from hotline.policies import PRESETS
from ivr.documents import DocumentError
from ivr.tenants import Tenant
from storage.clock_rows import clocks_of
from storage.database import Database
from storage.lives import Command
from storage.tickets import SqlTickets
from tests.storage.clock_house import REVIEWER, local
from tests.storage.facts import ZONES, call_facts, new_ticket
from tickets.calendar import seconds
from tickets.clocks import TicketClock
from tickets.errors import EventRefused
from tickets.life import Told
from tickets.model import Kind, Origin

GUANGXI = (PRESETS / "guangxi.yaml").read_text("utf-8")
NOW = local("2026-11-23 10:00")


class Noon:
    """It is always the same time."""

    def now(self) -> datetime:
        return NOW.astimezone(UTC)


async def test_a_changed_policy_is_taken_up_whole_and_open_clocks_are_counted_anew(
    sql_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(GUANGXI, "utf-8")
    tenants = [Tenant(id="default", name="市", policy_file=file)]
    database = Database(sql_url, deadline_s=20.0)
    await database.start()
    deadlines = Deadlines(tenants, database, Noon())
    watching = asyncio.create_task(deadlines.watch.run())
    try:
        number = await _complaint(database, deadlines)
        with pytest.raises(EventRefused, match="no unit"):
            await _dispatch(deadlines, number, "moon")
        await _dispatch(deadlines, number, "water")
        assert (await _finish(database, number)).due == _at("2026-12-07 18:00")

        file.write_text(GUANGXI.replace("limit: 10 working days", "limit: soon"), "utf-8")
        with pytest.raises(DocumentError):
            deadlines.read()
        assert deadlines.rules.of("default").policy.finish[3].limit.amount == 10

        file.write_text(GUANGXI.replace("limit: 10 working days", "limit: 7 working days"), "utf-8")
        deadlines.use(deadlines.read())
        async with asyncio.timeout(30):
            while (await _finish(database, number)).due != _at("2026-12-02 18:00"):
                await asyncio.sleep(0.05)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await database.close()


def _at(text: str) -> int:
    return seconds(local(text))


async def _complaint(database: Database, deadlines: Deadlines) -> str:
    tickets = SqlTickets(database, ZONES, clockwork=deadlines.clockwork)
    facts = call_facts("n-7.7", kind=Kind.COMPLAINT)
    new = new_ticket("n-7.7", origin=Origin.VOICE_REQUEST, at=NOW, facts=facts)
    return (await tickets.create(new)).number


async def _dispatch(deadlines: Deadlines, number: str, unit: str) -> None:
    told = Told("dispatched", REVIEWER, NOW, {"lead": unit})
    await deadlines.lives.tell(Command("default", number, told))


async def _finish(database: Database, number: str) -> TicketClock:
    found = await database.read(lambda c: clocks_of(c, "default", [number]))
    return next(clock for clock in found[number] if clock.name == "finish")
