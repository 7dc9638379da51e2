"""How many of today's tickets were answered while the citizen was on the line (直接答复率, row B4):
counted as for the published figures (docs/kpi.md), and only while somebody looks at a board."""

import asyncio
from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

from ivr.ports import Clock
from storage.database import Database
from storage.kpi import ticket_counts
from tickets.calendar import seconds
from tickets.errors import StoreAway
from tickets.kpi import By
from tickets.periods import Period

EVERY_S = 60.0


class DirectAnswers:
    """Counts per tenant, at most a minute old while they are asked for; kept as they were while SQL
    is away."""

    def __init__(self, database: Database, zones: Mapping[str, ZoneInfo], clock: Clock) -> None:
        self._database = database
        self._zones = zones
        self._clock = clock
        self._counts: dict[str, tuple[date, int, int]] = {}
        self._asked: set[str] = set()
        self._wanted = asyncio.Event()

    def of(self, tenant: str) -> tuple[int, int]:
        """Answered on the call, and accepted, of today's tickets, as counted last."""
        self._asked.add(tenant)
        self._wanted.set()
        day, direct, accepted = self._counts.get(tenant, (None, 0, 0))
        return (direct, accepted) if day == self._today(tenant) else (0, 0)

    async def run(self) -> None:
        """Count for those who ask, for ever."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            asked, self._asked = self._asked, set()
            for tenant in asked:
                try:
                    await self._count(tenant)
                except StoreAway:
                    break
            await asyncio.sleep(EVERY_S)

    async def _count(self, tenant: str) -> None:
        day, now = self._today(tenant), seconds(self._clock.now())
        found: Mapping[str, int] = {}
        today = Period(day, day)
        async for _, counted in ticket_counts(self._database, tenant, today, (By.ALL,), now):
            found = counted.get((By.ALL, ""), {})
        self._counts[tenant] = (day, found.get("direct", 0), found.get("accepted", 0))

    def _today(self, tenant: str) -> date:
        return self._clock.now().astimezone(self._zones[tenant]).date()
