"""The watcher of clocks: gives cards, reminders and circulars when they are due, and counts due
dates anew after a policy or calendar has changed.

Everything it knows is in SQL; it may be killed at any moment, and run on every node. One timer
sleeps until the next clock wants to be looked at, at most `LOOK_S`: other nodes begin clocks, too.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from sqlalchemy import Connection

from hotline.policies import RuleBook
from ivr.ports import Clock
from storage.clock_recount import OTHERS, recount_chunk
from storage.clock_watching import (
    CHUNK,
    GivenMark,
    Round,
    Tell,
    Telling,
    give_due,
    next_look,
    put_off,
)
from storage.database import Database
from storage.lives import Command, SqlLives
from tickets.calendar import seconds
from tickets.errors import StoreAway, TicketError
from tickets.life import Told
from tickets.timetable import Rules

LOOK_S = 20.0
BUSY_S = 0.5
AWAY_S = 1.0
SHARE = 0.1
"""Of the time that counting anew takes, this part is rested: traffic goes on meanwhile. Waiting
for the writer isn't counted: that is traffic's time already."""

log = structlog.get_logger(__name__)


def told_by(lives: SqlLives) -> Tell:
    """Marks as events of the tickets' lives; one that is refused (it has just ended) is logged."""

    def tell(connection: Connection, tenant: str, numbers: Sequence[str]) -> Telling:
        book = lives.book(connection, tenant, numbers)

        def telling(events: Sequence[tuple[str, Told]]) -> None:
            commands = [Command(tenant, number, told) for number, told in events]
            for (number, told), answer in zip(events, lives.tell_in(book, commands), strict=True):
                if isinstance(answer, TicketError):
                    log.warning(
                        "mark_not_told", tenant=tenant, ticket=number, mark=told.event,
                        reason=answer.id,
                    )  # fmt: skip

        return telling

    return tell


async def count_next(
    database: Database, tenant: str, rules: Rules, *, begin: bool = True, node: str = ""
) -> tuple[int, float]:
    """Count a tenant's next due dates anew: what `recount_chunk` says, and the seconds to rest."""

    def chunk(connection: Connection) -> tuple[int, float]:
        began = time.monotonic()
        counted = recount_chunk(connection, tenant, rules, begin=begin, node=node)
        return counted, (time.monotonic() - began) * SHARE

    return await database.write(chunk, order=tenant, repeatable=True)


class ClockWatch:
    """The watcher of all tenants' clocks. `tell` writes events in our transaction; `on_given` is
    told of marks once they are durable; `node` names this engine among those that share it."""

    def __init__(
        self,
        database: Database,
        rules: RuleBook,
        tenants: Sequence[str],
        tell: Tell,
        clock: Clock,
        on_given: Callable[[GivenMark], None] = lambda given: None,
        node: str = "",
    ) -> None:
        self._database = database
        self._rules = rules
        self._tenants = tenants
        self._tell = tell
        self._clock = clock
        self._on_given = on_given
        self._node = node
        self._counting = set(tenants)
        self._begun: set[str] = set()
        self._wake = asyncio.Event()

    def rules_changed(self) -> None:
        """The rules may be others now: hold every due date against them."""
        self._counting = set(self._tenants)
        self._begun.clear()
        self._wake.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._database.wait_healthy()
            try:
                await self.look()
                rest_s = await self.count_anew() if self._counting else await self._until_next()
            except StoreAway as error:
                log.warning("clocks_wait", reason=str(error))
                rest_s = AWAY_S
            except Exception:  # whatever it was: without a watcher nobody is ever told
                log.exception("clock_watch_failed")
                rest_s = LOOK_S
            await self._sleep(rest_s)

    async def look(self) -> int:
        """Give all that is due now; how many marks were given. Raises `StoreAway`."""
        given = 0
        for tenant in self._tenants:
            limit = CHUNK
            while True:
                try:
                    done = await self._give(tenant, limit)
                except StoreAway:
                    raise
                except Exception:  # one clock must not keep the others from being heard
                    log.exception("clock_failed", tenant=tenant, clocks=limit)
                    if limit == 1:
                        await self._put_off(tenant)
                    limit = max(1, limit // 8)
                    continue
                given += len(done.given)
                if done.looked < limit:
                    break
        return given

    async def count_anew(self) -> float:
        """Count the next tickets' due dates by the rules of now; seconds to rest then."""
        rest_s = 0.0
        for tenant in sorted(self._counting):
            rules = self._rules.of(tenant)
            try:
                begin = tenant not in self._begun
                counted, again_s = await count_next(
                    self._database, tenant, rules, begin=begin, node=self._node
                )
                rest_s += again_s
            except StoreAway:
                raise
            except Exception:  # told, not tried again: cards go on, events count anew by themselves
                log.exception("due_dates_not_counted", tenant=tenant)
                counted = -1
            if self._rules.of(tenant) is not rules:
                continue  # changed meanwhile: counted from the beginning by the new ones
            self._begun.add(tenant)
            if counted == OTHERS:
                self._counting.discard(tenant)
                log.error("other_rules_elsewhere", tenant=tenant, basis=rules.basis)
            elif counted < 0:
                self._counting.discard(tenant)
                log.info("due_dates_counted", tenant=tenant, basis=rules.basis)
        return rest_s

    async def _give(self, tenant: str, limit: int) -> Round:
        now = seconds(self._clock.now())
        rules = self._rules.of(tenant)
        if not 0 < await self._database.read(partial(next_look, tenant=tenant)) <= now:
            return Round(0, ())
        done = await self._database.write(
            partial(give_due, tenant=tenant, rules=rules, now=now, tell=self._tell, limit=limit),
            order=tenant,
        )
        for given in done.given:
            self._on_given(given)
        if done.given:
            log.info("marks_given", tenant=tenant, marks=len(done.given), clocks=done.looked)
        return done

    async def _put_off(self, tenant: str) -> None:
        now = seconds(self._clock.now())
        await self._database.write(partial(put_off, tenant=tenant, now=now), order=tenant)

    async def _until_next(self) -> float:
        """Seconds until the next clock wants to be looked at, `LOOK_S` at most."""
        now = self._clock.now().timestamp()
        nearest = LOOK_S
        for tenant in self._tenants:
            if at := await self._database.read(partial(next_look, tenant=tenant)):
                nearest = min(nearest, max(at - now, BUSY_S))
        return nearest

    async def _sleep(self, rest_s: float) -> None:
        try:
            async with asyncio.timeout(rest_s):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()
