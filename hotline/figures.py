"""Keeps the figures in SQL: reads what is stored at the start, writes what changed every few
seconds, and counts calls that only their rows tell of.

What a crash may cost: of callers, nothing that a call's row tells (offered, answered, abandoned and
the rest with their menu, waits, talks and seats), nor a wrap-up that goes on; wrap-ups that ended,
overflows of who has left, callbacks' ends, and seats' misses, of the last `WRITE_EVERY_S`. A seat's
time is made up for by the next engine, but for what it did before its last change of state when
that wasn't written: `WRITE_EVERY_S` mostly, at most `SHARES` times that.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from ivr.ports import Clock
from queue_manager.counts import quarter_start
from queue_manager.figure_book import oldest_of
from queue_manager.figures import Figures, LateCall
from queue_manager.model import LeaveReason, Requirement
from queue_manager.seat_times import SHARES
from storage.database import Database
from storage.ended_calls import EndedCall, ended_calls
from storage.figures import SqlFigures
from tickets.errors import StoreAway
from tickets.model import CallRecord, Outcome

WRITE_EVERY_S = 5.0
FORGET_EVERY = 12
MOST_UNSTORED = 100_000
ROWS_AT_ONCE = 1_000
FIRST_LOOK_BACK = timedelta(hours=6)
WRAPS_UP = timedelta(seconds=60)
"""Whose call a seat may still be wrapping up."""
_REASONS = {
    Outcome.ANSWERED: LeaveReason.ANSWERED,
    Outcome.VOICE_REQUEST: LeaveReason.VOICE_REQUEST,
    Outcome.TRANSFERRED: LeaveReason.TRANSFERRED,
    Outcome.CALLBACK: LeaveReason.CALLBACK,
    Outcome.SELF_SERVICE: LeaveReason.SELF_SERVICE,
}

log = structlog.get_logger(__name__)

WhatFor = Callable[[str, str, str], tuple[str, Requirement]]
"""Tenant, line and language of a call → the queue and the needs it waited with."""


class FigureKeeper:
    """The figures of every tenant, between the engine's memory and SQL."""

    def __init__(
        self,
        figures: Mapping[str, Figures],
        database: Database,
        node: str,
        zones: Mapping[str, ZoneInfo],
        clock: Clock,
        what_for: WhatFor,
        leads: Callable[[str], bool],
        awake: Callable[[], bool] = lambda: True,
    ) -> None:
        """`leads` tells whether this engine is the one that is told a tenant's events, `awake`
        whether that can be trusted: it may have stood still while another took over."""
        self._figures = figures
        self._database = database
        self._store = SqlFigures(database, node)
        self._zones = zones
        self._clock = clock
        self._what_for = what_for
        self._leads = leads
        self._awake = awake
        self._rounds = 0

    async def restore(self, tenant: str) -> None:
        """Go on from what is stored, and count the calls that ended since it was written. Once
        per tenant; raises `StoreAway`, and then nothing has changed."""
        figures = self._figures[tenant]
        if figures.restored:
            return
        began_at = figures.began_at
        local = began_at.astimezone(self._zones[tenant])
        midnight = datetime.combine(local.date(), time(), local.tzinfo)
        stored = await self._store.load(tenant, began_at=began_at, midnight=midnight)
        until = stored.counted_until
        ended: list[EndedCall] = []
        async for some in ended_calls(
            self._database,
            tenant,
            queued_since=quarter_start(oldest_of(began_at, until)),
            ended_after=(until or began_at - FIRST_LOOK_BACK) - WRAPS_UP,
            now=began_at,
        ):
            ended.extend(some)
        figures.restore(stored, local.date())
        for call in ended:
            self._late(tenant, call)
        log.info("figures_restored", tenant=tenant, counted_until=until, ended_since=len(ended))

    def told(self, record: CallRecord) -> None:
        """A new row of a call: counted here when no event of this engine told of the call."""
        facts, figures = record.facts, self._figures.get(record.facts.tenant)
        if figures is None or record.queued_at is None or not self._leads(facts.tenant):
            return
        if max(record.queued_at, facts.started_at) > figures.began_at:
            return  # every call of this life but a few: its events were told
        self._late(
            facts.tenant,
            EndedCall(
                facts.call_id,
                facts.line_id,
                facts.language,
                facts.started_at,
                record.queued_at,
                record.outcome,
                record.answered_at,
                record.ended_at,
                record.seat_id,
            ),
        )

    def _late(self, tenant: str, call: EndedCall) -> None:
        queue_id, needs = self._what_for(tenant, call.line_id, call.language)
        self._figures[tenant].late(
            LateCall(
                call.call_id,
                queue_id,
                call.line_id,
                needs,
                call.began_at,
                call.queued_at,
                _REASONS.get(call.outcome, LeaveReason.ABANDONED),
                call.answered_at,
                call.ended_at,
                call.seat_id,
            )
        )

    async def run(self) -> None:
        """Write what changed every few seconds, for ever; while SQL is away it is kept."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            if self._awake():
                await self.write()

    async def write(self) -> None:
        """Store the changes of every tenant that is led here, once."""
        self._rounds += 1
        for tenant, figures in tuple(self._figures.items()):
            if not self._leads(tenant):
                continue
            figures.seats.accrue(self._clock.now(), SHARES)
            figures.fold()
            if self._database.healthy:
                try:
                    await self.restore(tenant)
                    await self._store_one(tenant, figures)
                except StoreAway as error:
                    log.warning("figures_not_written", tenant=tenant, reason=str(error))
            self._bound(tenant, figures)
            if self._rounds % FORGET_EVERY == 0:
                figures.forget(self._clock.now())

    async def close(self) -> None:
        """Write for the last time: every seat's time up to now."""
        for tenant, figures in self._figures.items():
            if self._leads(tenant):
                figures.seats.accrue(self._clock.now(), share=1)
        await self.write()

    async def _store_one(self, tenant: str, figures: Figures) -> None:
        """Seats in portions, since there may be many; then callers, with the moment up to which
        all is counted."""
        seats = sorted(figures.seats.changed)
        for first in range(0, len(seats), ROWS_AT_ONCE):
            some = seats[first : first + ROWS_AT_ONCE]
            figures.seats.changed.difference_update(some)
            counted = {key: figures.seats.counts[key] for key in some}
            until = {seat: at_s for _, seat in some if (at_s := figures.seats.until_s(seat))}
            try:
                await self._store.write_seats(tenant, counted, until)
            except BaseException:
                figures.seats.changed.update(some)
                raise
        figures.fold()
        calls, figures.book.changed = figures.book.changed, set()
        try:
            await self._store.write_calls(
                tenant, {key: figures.book.own(key) for key in calls}, self._clock.now()
            )
        except BaseException:
            figures.book.changed |= calls
            raise

    def _bound(self, tenant: str, figures: Figures) -> None:
        dropped = figures.seats.drop_oldest(MOST_UNSTORED)
        dropped += figures.book.drop_oldest(MOST_UNSTORED)
        if dropped:
            log.error("figures_dropped", tenant=tenant, quarters=dropped)
