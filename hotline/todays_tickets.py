"""How many tickets were made today, by what made them: counted as they are stored, and counted anew
in SQL once a minute, for those of other engines and the change of the day."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import structlog

from ivr.ports import Clock
from storage.tickets import SqlTickets
from tickets.errors import StoreAway
from tickets.model import Origin, Ticket
from tickets.number import day_key

EVERY_S = 60.0
AGAIN_S = 1.0

log = structlog.get_logger(__name__)


class TodaysTickets:
    """Counts per tenant; kept as they were while SQL is away."""

    def __init__(self, store: SqlTickets, zones: Mapping[str, ZoneInfo], clock: Clock) -> None:
        self._store = store
        self._zones = zones
        self._clock = clock
        self._counts: dict[str, Counter[Origin]] = {tenant: Counter() for tenant in zones}
        self._days = dict.fromkeys(zones, "")
        self._told = 0

    def of(self, tenant: str) -> Mapping[Origin, int]:
        """Today's tickets by origin."""
        return self._counts[tenant]

    def stored(self, ticket: Ticket, was: Origin | None) -> None:
        """A ticket is in SQL: a new one, or one whose origin was another before."""
        self._told += 1
        if ticket.number.startswith(self._days[ticket.tenant] or "-"):
            counts = self._counts[ticket.tenant]
            counts[ticket.origin] += 1
            if was is not None:
                counts[was] -= 1

    async def run(self) -> None:
        """Count anew, for ever; once more soon when tickets were stored meanwhile, since they may
        or may not be in the count."""
        while True:
            before = self._told
            counted = await self._count()
            if not counted or self._told != before:
                await asyncio.sleep(AGAIN_S)
                await self._count()
            await asyncio.sleep(EVERY_S if counted else AGAIN_S)

    async def _count(self) -> bool:
        for tenant, zone in self._zones.items():
            day = self._clock.now().astimezone(zone).date()
            try:
                counts = Counter(await self._store.origins_on(tenant, day))
            except StoreAway:
                return False
            self._counts[tenant], self._days[tenant] = counts, day_key(day)
        return True
