"""Reads what tenants are made of: seats, hours and figures from SQL, lines, flows, rules and
rosters from files; at the start, later when SQL was away then, and again when told."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from console.errors import Conflict
from hotline import seat_skills
from hotline.boards import LineBoard
from hotline.callers import read_marks
from hotline.deadlines import Deadlines
from hotline.errors import HotlineError
from hotline.figures import FigureKeeper
from hotline.overrides import Overrides
from hotline.rosters import Rosters
from hotline.seats_config import rerender
from hotline.settings import Settings
from ivr.desk import Desk
from ivr.documents import DocumentError
from ivr.flow import load_flows
from ivr.lines import Lines, load_all_lines
from ivr.prompt_texts import load_catalogue
from ivr.queue_rules import load_all_rules
from ivr.story import Directory
from queue_manager.model import Seat
from queue_manager.service import QueueService
from storage.database import Database
from storage.known_callers import SqlKnownCallers
from storage.live import RedisLiveState
from storage.seats import SqlSeats
from telephony.errors import ActionFailed
from tickets.errors import StoreAway

READ_AGAIN_S = 1.0

log = structlog.get_logger(__name__)


def directory_of(settings: Settings, lines: Lines) -> Directory:
    """Lines, flows and rules of all tenants; raises `DocumentError`."""
    tenants = settings.tenants
    trunks = {trunk.id: trunk for trunk in settings.trunks}
    catalogue = load_catalogue(settings.folders.prompts / "custom")
    flows = load_flows(tenants, lines, catalogue)
    rules = load_all_rules(tenants, lines, flows)
    return Directory(tenants, trunks, lines, flows, rules)


@dataclass(slots=True)
class Reading:
    """All tenants of one engine. `desk` is the one in use now, `use` takes a new directory up,
    `announce` tells the other nodes that a tenant has changed."""

    settings: Settings
    database: Database
    live: RedisLiveState
    queues: Mapping[str, QueueService]
    seats: SqlSeats
    known: SqlKnownCallers
    overrides: Overrides
    keeper: FigureKeeper
    rosters: Rosters
    deadlines: Deadlines
    line_board: LineBoard
    desk: Callable[[], Desk]
    use: Callable[[Directory], None]
    announce: Callable[[str], None]
    _unread: set[str] = field(default_factory=set)

    async def start(self) -> None:
        """Seats from SQL with their last state from Redis; without SQL, both from Redis.

        Callers wait until we are through: Redis is asked for all tenants at once, and SQL isn't
        asked for another one when it is away.
        """
        self._use_rules()
        known = await asyncio.gather(*map(self.live.load_seats, self.queues))
        away = False
        for (tenant, queue), views in zip(self.queues.items(), known, strict=True):
            seats = [view.seat for view in views]
            if not away:
                try:
                    seats = await self._read(tenant)
                except StoreAway as error:
                    away = True
                    log.error("started_without_sql", tenant=tenant, reason=str(error))
            if away:
                self._unread.add(tenant)
            await queue.start(seats, views)
            seat_skills.tell(tenant, seats, self.desk().directory.rules[tenant].skills)
            self.rosters.begin(tenant, seats)

    async def later(self) -> None:
        """Tenants that SQL could not tell of at the start are read when it is back."""
        while self._unread:
            await self.database.wait_healthy()
            for tenant in tuple(self._unread):
                try:
                    seats = await self._read(tenant)
                    self.queues[tenant].set_seats(seats)
                    self.rosters.begin(tenant, seats)
                except StoreAway as error:
                    log.warning("tenant_not_read", tenant=tenant, reason=str(error))
                    await asyncio.sleep(READ_AGAIN_S)
                else:
                    self._unread.discard(tenant)

    async def reload(self, tenant: str) -> Mapping[str, int]:
        """`console.ports.Reload`: lines and flows of all tenants, seats, hours and roster of
        one.

        Raises `Conflict` on a mistake in a file and `StoreAway`; then nothing has changed.
        """
        told = await self._take_up(tenant)
        self.announce(tenant)
        return told

    async def changed_elsewhere(self, tenant: str) -> None:
        """They were changed at another node: its seats are seats of this Asterisk, too."""
        try:
            await self._take_up(tenant)
            await rerender(self.settings, self.database)
        except (Conflict, StoreAway, HotlineError, ActionFailed) as error:
            log.warning("change_not_taken_up", tenant=tenant, reason=str(error))

    async def _read(self, tenant: str) -> list[Seat]:
        """What SQL knows of a tenant: hours, seats, and where we count its figures until now."""
        seats = [stored.seat for stored in await self.seats.list(tenant)]
        await self.overrides.read(tenant)
        await self.keeper.begin(tenant)
        return seats

    async def _take_up(self, tenant: str) -> Mapping[str, int]:
        """`reload`, here alone."""
        seats: list[Seat] = [stored.seat for stored in await self.seats.list(tenant)]
        try:
            lines = await asyncio.to_thread(load_all_lines, self.settings.tenants)
            directory = await asyncio.to_thread(directory_of, self.settings, lines)
            roster = await asyncio.to_thread(self.rosters.read, tenant, seats)
            deadlines = await asyncio.to_thread(self.deadlines.read)
        except DocumentError as error:
            raise Conflict(str(error)) from error
        await self.overrides.read(tenant)
        await read_marks(self.known, tenant, self.desk().callers)
        self.queues[tenant].set_seats(seats)
        self.rosters.use(tenant, roster, seats)
        self.deadlines.use(deadlines)
        self.overrides.lines = self.line_board.table = lines
        self.use(directory)
        self._use_rules()
        seat_skills.tell(tenant, seats, directory.rules[tenant].skills)
        return {"seats": len(seats), "lines": len(lines.of(tenant))}

    def _use_rules(self) -> None:
        """Every queue knows all tenants' rules and queues: a step may let a caller go on there."""
        for queue in self.queues.values():
            queue.meet(self.queues)
            queue.set_rules(self.desk().directory.rules)
