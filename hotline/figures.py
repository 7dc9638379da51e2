"""Keeps the figures in SQL: reads what is stored at the start, writes what changed every few
seconds, and counts calls that only their rows tell of.

A crash costs no count. What a call's row tells (offered, answered, abandoned and the rest with
their menu, waits, talks and seats) is counted from it, with its ticket where only that tells when a
seat answered (the talk ended before the next engine was there); what no row tells is in the tail
(`queue_manager.figure_tail`), which the next engine of this node adds, whoever leads by then. A
seat's time is made up for by the next engine, but for what it did before its last change of
state when that wasn't written: `WRITE_EVERY_S` mostly, at most `SHARES` times that.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from ivr.ports import Clock
from queue_manager.callback import asked_in
from queue_manager.counts import quarter_start
from queue_manager.figure_book import oldest_of
from queue_manager.figures import Figures, LateCall
from queue_manager.model import LeaveReason, Requirement
from queue_manager.seat_times import SHARES
from storage.database import Database
from storage.ended_calls import EndedCall, ended_calls
from storage.figure_tail import FigureTails, read_lines
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
        tails: FigureTails | None = None,
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
        self._tails = tails
        self._stored_lines: dict[str, int] = {}
        self._rounds = 0

    async def begin(self, tenant: str) -> None:
        """`restore`, where this engine counts from its start on. In a cluster its callers don't
        wait for that: who leads counts in figures of that term, restored before they are written.
        """
        if self._leads(tenant):
            await self.restore(tenant)

    async def restore(self, tenant: str) -> None:
        """Go on from what is stored, and count the calls that ended since it was written. Once
        per tenant; raises `StoreAway`, and then nothing has changed."""
        figures = self._figures[tenant]
        if figures.restored:
            return
        await self._take_tails(tenant)
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

    async def _take_tails(self, tenant: str) -> None:
        """Add what an engine that counted here before us noted and didn't store. Until that is
        done its files stay; done twice it changes nothing."""
        if self._tails is None:
            return
        for file in self._tails.left(tenant):
            try:
                lines = await asyncio.to_thread(read_lines, file)
            except OSError as error:
                log.error("figures_tail_unreadable", tenant=tenant, reason=str(error))
                continue
            found = await self._store.take_in(tenant, file.name, lines)
            for seat_id, began_at in found.wrapped:
                self._figures[tenant].wrapped_before(seat_id, began_at)
            await asyncio.to_thread(file.unlink, missing_ok=True)
            if found.calls or found.seats or found.unreadable:
                log.info(
                    "figures_tail_taken", tenant=tenant, lines=len(lines),
                    counters=len(found.calls) + len(found.seats), unreadable=found.unreadable,
                )  # fmt: skip

    def told(self, record: CallRecord, drafted_at: datetime | None = None) -> None:
        """A new row of a call: counted here when no event of this engine told of the call.
        `drafted_at`: when its ticket was made, where the row doesn't tell when a seat answered."""
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
                drafted_at,
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
                bool(asked_in(call.call_id)),
                call.drafted_at,
            )
        )

    async def run(self) -> None:
        """Write what changed every few seconds, for ever; while SQL is away it is kept."""
        for tenant in self._figures:
            if not self._leads(tenant):  # another may lead already, and count from what is stored
                await self._led_before(tenant)
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            if self._awake():
                await self.write()

    async def write(self) -> None:
        """Store the changes of every tenant that is led here, once."""
        self._rounds += 1
        for tenant, figures in tuple(self._figures.items()):
            if not self._leads(tenant):
                await self._led_before(tenant)
                continue
            figures.seats.accrue(self._clock.now(), SHARES)
            figures.fold()
            if self._database.healthy:
                try:
                    await self.restore(tenant)
                    await self._count_once(tenant, figures)
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

    async def _led_before(self, tenant: str) -> None:
        """Another engine counts this tenant: what we noted of it, in whatever life, is added."""
        if self._tails is None:
            return
        self._tails.retire(tenant)
        if self._database.healthy and self._tails.left(tenant):
            try:
                await self._take_tails(tenant)
            except StoreAway as error:
                log.warning("figures_not_written", tenant=tenant, reason=str(error))

    async def _count_once(self, tenant: str, figures: Figures) -> None:
        """Wrap-ups over a change of engines: those that the one before us tells of are its own."""
        if not figures.taken_over:
            return
        ended = tuple(figures.taken_over)
        ours = await self._store.claim_wrap_ups(tenant, [(e.seat_id, e.began_at) for e in ended])
        del figures.taken_over[: len(ended)]
        for one, mine in zip(ended, ours, strict=True):
            if not mine:
                figures.told_before(one)

    async def _store_one(self, tenant: str, figures: Figures) -> None:
        """Seats in portions, since there may be many; then callers, with the moment up to which
        all is counted."""
        seats = sorted(figures.seats.changed - figures.missed_by)
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
        missed, figures.missed_by = figures.missed_by, set()
        figures.seats.changed -= missed
        tail = None if self._tails is None else self._tails.current(tenant)
        lines = 0 if tail is None else tail.number
        try:
            await self._store.write_calls(
                tenant,
                {key: figures.book.own(key) for key in calls},
                self._clock.now(),
                {key: figures.seats.counts[key] for key in missed if key in figures.seats.counts},
                {seat: at_s for _, seat in missed if (at_s := figures.seats.until_s(seat))},
                None if tail is None else (tail.name, lines),
            )
        except BaseException:
            figures.book.changed |= calls
            figures.missed_by |= missed
            figures.seats.changed |= missed
            raise
        if tail is not None:
            # those of the round before: the live state is not behind them any more
            tail.stored(self._stored_lines.get(tenant, 0))
            self._stored_lines[tenant] = lines

    def _bound(self, tenant: str, figures: Figures) -> None:
        dropped = figures.seats.drop_oldest(MOST_UNSTORED)
        dropped += figures.book.drop_oldest(MOST_UNSTORED)
        if dropped:
            log.error("figures_dropped", tenant=tenant, quarters=dropped)
