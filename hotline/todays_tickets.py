"""How many tickets were made today, by what made them: SQL's own count, read when it may differ."""

import asyncio
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import structlog

from ivr.ports import Clock
from storage.tickets import SqlTickets
from tickets.errors import StoreAway
from tickets.model import Origin

EVERY_S = 1.0

log = structlog.get_logger(__name__)


class TodaysTickets:
    """Counts per tenant, at most `EVERY_S` behind; kept as they were while SQL is away."""

    def __init__(self, store: SqlTickets, zones: Mapping[str, ZoneInfo], clock: Clock) -> None:
        self._store = store
        self._zones = zones
        self._clock = clock
        self._counts: dict[str, Mapping[Origin, int]] = {tenant: {} for tenant in zones}
        self._changed = asyncio.Event()
        self._changed.set()

    def of(self, tenant: str) -> Mapping[Origin, int]:
        """Today's tickets by origin."""
        return self._counts[tenant]

    def changed(self) -> None:
        """A ticket was made: count again soon."""
        self._changed.set()

    async def run(self) -> None:
        """Count whenever something changed, and once a minute for the change of the day."""
        while True:
            try:
                async with asyncio.timeout(60):
                    await self._changed.wait()
            except TimeoutError:
                log.debug("counting_for_the_day")
            self._changed.clear()
            await self._count()
            await asyncio.sleep(EVERY_S)

    async def _count(self) -> None:
        for tenant, zone in self._zones.items():
            day = self._clock.now().astimezone(zone).date()
            try:
                self._counts[tenant] = await self._store.origins_on(tenant, day)
            except StoreAway:
                self._changed.set()
                return
