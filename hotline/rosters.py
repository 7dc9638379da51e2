"""The tenants' shift rosters in the running engine: who is due, present and missing right now.

A roster isn't needed for calls: one that can't be used is told (log, page, doctor) and the one in
use before stays, at the start none.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from console.ports import RosterView
from ivr.ports import Clock
from ivr.rosters import RosterError, read_roster
from ivr.tenants import Tenant
from queue_manager.duty import (
    Attendance,
    Counts,
    Duty,
    Plan,
    Presence,
    TeamDuty,
    attended,
    counted,
    due,
    due_teams,
    next_change,
    overdue,
    plan_for,
)
from queue_manager.errors import UnknownSeat
from queue_manager.model import Seat, SeatView
from queue_manager.roster import Roster

LOOK_EVERY_S = 15.0

log = structlog.get_logger(__name__)


class Floor(Protocol):
    """A tenant's queue, as far as the roster looks at it; `QueueService` is one."""

    def seat(self, seat_id: str) -> SeatView:
        """One seat with its state; raises UnknownSeat."""
        ...

    def not_come(self, seat_id: str, since: datetime, shift: str, over: Callable[[], bool]) -> None:
        """Tell supervisors of a due seat that is missing, until `over`."""
        ...


@dataclass(slots=True)
class _Kept:
    """A tenant's roster in use, and who is due until when: asked for at every flush of a board."""

    plan: Plan
    seats: tuple[Duty, ...] = ()
    due: frozenset[Duty] = frozenset()
    teams: tuple[TeamDuty, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def turn_to(self, at: datetime) -> None:
        """Look the roster up again when the time has come, or the clock was set back."""
        if self.since is None or self.until is None or not self.since <= at < self.until:
            self.seats, self.teams = due(self.plan, at), due_teams(self.plan, at)
            self.due = frozenset(self.seats)
            self.since, self.until = at, next_change(self.plan, at)


class Rosters:
    """The rosters of all tenants; implements `console.ports.Rosters`."""

    def __init__(
        self, tenants: Sequence[Tenant], queues: Mapping[str, Floor], clock: Clock
    ) -> None:
        self._tenants: Mapping[str, Tenant] = {tenant.id: tenant for tenant in tenants}
        self._queues = queues
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._mistakes: dict[str, str] = {}
        self._told: set[tuple[str, str, datetime]] = set()

    def read(self, tenant: str, seats: Sequence[Seat]) -> Roster | None:
        """The tenant's file, checked against its seats; None when it names none. Changes nothing;
        raises `RosterError`."""
        file = self._tenants[tenant].roster_file
        return None if file is None else read_roster(file, seats)

    def use(self, tenant: str, roster: Roster | None, seats: Sequence[Seat]) -> None:
        """This roster from now on, with these seats."""
        self._mistakes.pop(tenant, None)
        if roster is None:
            self._kept.pop(tenant, None)
            return
        zone = ZoneInfo(self._tenants[tenant].time_zone)
        self._kept[tenant] = _Kept(plan_for(roster, zone, seats))

    def begin(self, tenant: str, seats: Sequence[Seat]) -> None:
        """Read and use it; one with a mistake is told and not used. Reads a file."""
        try:
            self.use(tenant, self.read(tenant, seats), seats)
        except RosterError as error:
            self._mistakes[tenant] = str(error)
            log.error("roster_not_used", tenant=tenant, reason=str(error))

    def roster(self, tenant: str, at: datetime | None = None) -> RosterView | None:
        """Who is due now and what they do; for another time only who is due. None: no roster."""
        kept = self._kept.get(tenant)
        mistake = self._mistakes.get(tenant, "")
        if kept is None:
            return RosterView(mistake=mistake) if mistake else None
        now = at or self._clock.now()
        if at is not None:
            kept = _Kept(kept.plan)
        kept.turn_to(now)
        return RosterView(
            at=now,
            seats=kept.seats,
            teams=kept.teams,
            found=self._found(tenant, kept, now) if at is None else (),
            grace_s=kept.plan.roster.grace_s,
            next_change=kept.until,
            mistake=mistake,
        )

    def counts(self, tenant: str) -> Counts | None:
        """How many seats are due, present, paused and missing now; None without a roster."""
        kept = self._kept.get(tenant)
        if kept is None:
            return None
        now = self._clock.now()
        kept.turn_to(now)
        return counted(self._found(tenant, kept, now))

    async def watch(self) -> None:
        """Tell the log, once per seat and shift, who is missing for longer than the grace."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for tenant in tuple(self._kept):
                try:
                    self.tell_overdue(tenant)
                except Exception:  # calls go on without a roster
                    log.exception("roster_watch_failed", tenant=tenant)

    def tell_overdue(self, tenant: str) -> Sequence[Attendance]:
        """Those who have become overdue since the last look, after telling supervisors of them."""
        late = self._overdue(tenant)
        fresh = [s for s in late if (tenant, s.duty.seat_id, s.since) not in self._told]
        self._told = {key for key in self._told if key[0] != tenant}
        self._told |= {(tenant, seat.duty.seat_id, seat.since) for seat in late}
        for seat in fresh:
            seat_id, shift = seat.duty.seat_id, seat.duty.shift.id
            log.warning(
                "due_seat_missing",
                tenant=tenant,
                seat=seat_id,
                team=seat.duty.team,
                shift=shift,
                since=seat.since.isoformat(),
            )
            over = partial(self._has_come, tenant, seat.duty)
            self._queues[tenant].not_come(seat_id, seat.since, shift, over)
        return fresh

    def _overdue(self, tenant: str) -> Sequence[Attendance]:
        view, now = self.roster(tenant), self._clock.now()
        return [s for s in view.found if overdue(s, now, view.grace_s)] if view else []

    def _has_come(self, tenant: str, duty: Duty) -> bool:
        """Whether a seat is told of no longer; asked at every look at the alerts."""
        kept, now = self._kept.get(tenant), self._clock.now()
        if kept is None or duty not in kept.due or not duty.begins <= now < duty.ends:
            return True
        return attended(duty, self._view(tenant, duty), now).presence is not Presence.MISSING

    def _found(self, tenant: str, kept: _Kept, now: datetime) -> tuple[Attendance, ...]:
        return tuple(attended(duty, self._view(tenant, duty), now) for duty in kept.seats)

    def _view(self, tenant: str, duty: Duty) -> SeatView | None:
        try:
            return self._queues[tenant].seat(duty.seat_id)
        except UnknownSeat:
            return None
