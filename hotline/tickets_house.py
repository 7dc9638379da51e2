"""Stores for `hotline bench tickets`: SQLite and PostgreSQL, filled, with policy, calendar, clocks,
search and seals as in a running engine."""

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, update

from hotline.clock_watch import ClockWatch, count_next, told_by
from hotline.failover_stores import postgres
from hotline.policies import RuleBook, rules_for
from hotline.tickets_bulk import fill
from hotline.tickets_filling import DAYS, NOW, TENANT, handler, new_fact
from ivr.tenants import Tenant
from simulator.bench_tickets import Plan
from simulator.errors import SimulatorError
from simulator.tickets_load import UNITS
from storage.clock_tables import ticket_clocks
from storage.clocks import SqlClockwork
from storage.database import Database
from storage.lives import Command, SqlLives
from storage.seals import Sealer
from storage.ticket_lists import SqlTicketLists
from storage.ticket_search import SqlTicketSearch
from storage.tickets import SqlTickets
from tickets.calendar import WorkCalendar
from tickets.life import SYSTEM, Actor, Role, Told
from tickets.model import TicketState
from tickets.policy import MarkName
from tickets.timetable import BITS, rules_of
from tickets.workdays import LocalDay

ZONE = ZoneInfo("Asia/Shanghai")
CHUNK = 500
_QUARTER_MB = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 // 2**20
SHARED = {
    "shared_buffers": f"{_QUARTER_MB}MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min",
}  # fmt: skip
"""What PostgreSQL's manual advises beyond its defaults: a quarter of the memory as cache (a million
tickets take 4.6 GB), and checkpoints that are far apart."""
_SEAT, _REVIEWER = Actor("801", Role.SEAT), Actor("rev-1", Role.REVIEWER)
_OTHERS = {"submitted": _SEAT, "noted": _SEAT, "dispatched": _REVIEWER, "reply_passed": _REVIEWER}
_DATA = {"contacted": {"how": "phone"}, "replied": {"reply": "已现场处理完毕,请市民监督。"}}


class _Clock:
    """The time of the bench: its own day, so that every run counts the same due dates."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=time.monotonic() - self._began)


class SqlStore:
    """`simulator.bench_tickets.Store` on one database."""

    def __init__(self, name: str, database: Database, url: str) -> None:
        self.name = name
        self._url = url
        self._database = database
        self._clock = _Clock()
        tenant = Tenant(id=TENANT, name="bench")
        self._rules = RuleBook.read([tenant])
        self._worked = rules_for(tenant)
        self._clockwork = SqlClockwork(self._rules.of)
        self._tickets = SqlTickets(database, {TENANT: ZONE}, clockwork=self._clockwork)
        self._lives = SqlLives(database, self._clockwork, lambda tenant, unit: unit in _UNITS)
        self._lists = SqlTicketLists(database)
        self._search = SqlTicketSearch(database)
        self._watch = ClockWatch(database, self._rules, [TENANT], told_by(self._lives), self._clock)
        self._units: dict[str, str] = {}

    async def fill(self, plan: Plan, say: Callable[[str], None]) -> Sequence[str]:
        """Put `plan.stored` tickets in; their numbers."""
        told = partial(_said, say, self.name)
        return await fill(self._database, self._url, plan.stored, plan.seed, told)

    async def create(self, n: int) -> str:
        """A call's n-th ticket: a draft, as after a talk."""
        new = new_fact(f"bench-{n}", self._clock.now(), None, TicketState.DRAFT)
        return (await self._tickets.create(new)).number

    async def tell(self, number: str, event: str, title: str, text: str) -> None:
        """An event, by somebody who may, told as over the API: with a key."""
        data: dict[str, object] = dict(_DATA.get(event, {}))
        if event in ("submitted", "noted"):
            data = {"title": title, "text": text, "kind": "complaint"}
        elif event == "dispatched":
            data = {"lead": UNITS[hash(number) % len(UNITS)]}
            self._units[number] = str(data["lead"])
        actor = _OTHERS.get(event) or await self._handler(number, event)
        told = Told(event, actor, self._clock.now(), data)
        await self._lives.tell(Command(TENANT, number, told, key=f"{event}-{number}"))

    async def _handler(self, number: str, event: str) -> Actor:
        if event == "satisfied":
            return SYSTEM
        if number not in self._units:
            self._units[number] = (await self._lives.life(TENANT, number)).lead
        return handler(self._units[number])

    async def page(self, unit: str, state: str) -> int:
        """The newest 50 of a unit in a state."""
        return len(await self._lists.newest(TENANT, unit=unit, state=TicketState(state)))

    async def due_page(self, unit: str) -> int:
        """The 50 of a unit that are due first."""
        return len(await self._lists.due(TENANT, unit))

    async def search(self, words: str, unit: str) -> int:
        """The newest 50 that have these words."""
        return len(await self._search.find(TENANT, words, unit=unit))

    async def give_due(self, numbers: Sequence[str]) -> float:
        """The red cards of these tickets, all due now; seconds until they are written."""
        due = self._rules.of(TENANT).calendar.close_of(DAYS[-1])
        for first in range(0, len(numbers), CHUNK):
            await self._database.write(
                partial(_fall_due, numbers=numbers[first : first + CHUNK], due=due)
            )
        began = time.monotonic()
        given = await self._watch.look()
        took = time.monotonic() - began
        if given != len(numbers):
            raise SimulatorError(f"{given} cards were given to {len(numbers)} tickets")
        return took

    async def recompute(self) -> float:
        """A local holiday is decreed; seconds until every due date is counted with it."""
        file = self._worked.calendar.file
        days = (*file.days, LocalDay(date=date(2026, 12, 1), working=False, name="bench"))
        calendar = WorkCalendar(ZONE, file.model_copy(update={"days": days}))
        self._rules.use(RuleBook({TENANT: rules_of(self._worked.policy, calendar)}))
        began, counted = time.monotonic(), 0
        while counted >= 0:
            counted, rest_s = await count_next(self._database, TENANT, self._rules.of(TENANT))
            await asyncio.sleep(rest_s)
        return time.monotonic() - began


_UNITS = frozenset(UNITS)


def _fall_due(connection: Connection, numbers: Sequence[str], due: int) -> None:
    """As if the law had had them finished yesterday, and warnings had been given."""
    clocks = ticket_clocks.c
    connection.execute(
        update(ticket_clocks)
        .where(clocks.tenant == TENANT, clocks.number.in_(numbers))
        .where(clocks.clock == "finish", clocks.stopped_at == 0)
        .values(
            statutory=DAYS[-1].isoformat(), due=due, next_at=due,
            fired=BITS[MarkName.REMINDER] | BITS[MarkName.YELLOW],
        )
    )  # fmt: skip


def _said(say: Callable[[str], None], name: str, line: str) -> None:
    say(f"{name}: {line}")


async def stores(names: Sequence[str]) -> AsyncIterator[SqlStore]:
    """Each of the named stores in turn, empty, with its sealer at work; gone afterwards."""
    for name in names:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="hotline-tickets-"))
        await asyncio.to_thread(folder.chmod, 0o755)
        try:
            async with contextlib.AsyncExitStack() as stack:
                url = f"sqlite:///{folder}/hotline.db"
                if name == "postgresql":
                    (folder / "postgres").mkdir()
                    url = await stack.enter_async_context(postgres(folder / "postgres", **SHARED))
                database = Database(url, deadline_s=30.0)
                await database.start()
                stack.push_async_callback(database.close)
                sealing = asyncio.create_task(Sealer(database, _Clock().now).run())
                stack.callback(sealing.cancel)
                yield SqlStore(name, database, url)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
