"""What the console sees of queues, lines and files: thin adapters of its ports."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Any

from console.ports import (
    QUARTERS_A_DAY,
    DayFigures,
    Groups,
    LineView,
    PartHealth,
    Quarter,
    Role,
    TenantFacts,
    TokenRecord,
    WaitingSummary,
)
from hotline.direct_answers import DirectAnswers
from hotline.groups import GroupBoard
from hotline.home import Home
from hotline.todays_tickets import TodaysTickets
from ivr.lines import Lines
from ivr.ports import Clock
from ivr.tenants import Tenant
from queue_manager.cluster.queue import ClusterQueue
from queue_manager.counts import quarter_start
from queue_manager.figure_view import figures_view
from queue_manager.figures import Figures
from queue_manager.model import Alert, CallerView, Forced, SeatView
from queue_manager.service import QueueService
from recordings.disk import free_bytes, is_low
from recordings.naming import outside
from storage.journal import Journal
from storage.tokens import SqlTokens
from tickets.model import Ticket


class QueueBoards:
    """Seats, waiting callers and figures of every tenant."""

    def __init__(
        self,
        queues: Mapping[str, QueueService],
        figures: Mapping[str, Figures],
        groups: Mapping[str, GroupBoard],
        tickets: TodaysTickets,
        direct: DirectAnswers,
        clock: Clock,
    ) -> None:
        self._queues = queues
        self._figures = figures
        self._groups = groups
        self._tickets = tickets
        self._direct = direct
        self._clock = clock

    def views(self, tenant: str) -> Sequence[SeatView]:
        return self._queues[tenant].seats()

    def view(self, tenant: str, seat_id: str) -> SeatView:
        return self._queues[tenant].seat(seat_id)

    def ready(self, tenant: str, seat_id: str) -> None:
        self._queues[tenant].ready(seat_id)

    def pause(self, tenant: str, seat_id: str, reason: str) -> None:
        self._queues[tenant].pause(seat_id, reason)

    def end_wrap_up(self, tenant: str, seat_id: str) -> None:
        self._queues[tenant].end_wrap_up(seat_id)

    def extend_wrap_up(self, tenant: str, seat_id: str, extra_s: float) -> datetime:
        return self._queues[tenant].extend_wrap_up(seat_id, extra_s)

    def heartbeat(self, tenant: str, seat_id: str) -> None:
        self._queues[tenant].heartbeat(seat_id)

    def force(
        self, tenant: str, seat_id: str, state: Forced, *, by: str, why: str, reason: str = ""
    ) -> None:
        self._queues[tenant].force(seat_id, state, by=by, why=why, reason=reason)

    def waiting(self, tenant: str) -> WaitingSummary:
        view = self._queues[tenant].waiting()
        by_line = {line_id: line.count for line_id, line in view.by_line.items()}
        callbacks = self._view(tenant)["total"]["callbacks_waiting"]
        return WaitingSummary(view.count, view.oldest, by_line, callbacks)

    def callers(self, tenant: str) -> Sequence[CallerView]:
        return self._queues[tenant].callers()

    def move_first(self, tenant: str, call_id: str, *, by: str, why: str) -> None:
        self._queues[tenant].move_first(call_id, by=by, why=why)

    def alerts(self, tenant: str) -> Sequence[Alert]:
        return self._queues[tenant].alerts()

    def acknowledge(self, tenant: str, alert_id: int, *, by: str) -> None:
        self._queues[tenant].acknowledge(alert_id, by=by)

    def groups(self, tenant: str) -> Groups:
        return self._groups[tenant].groups(self._queues[tenant].seats(), self._view(tenant))

    def today(self, tenant: str) -> DayFigures:
        view = self._view(tenant)
        total, zone = view["total"], self._queues[tenant].settings.zone
        direct, accepted = self._direct.of(tenant)
        return DayFigures(
            day=date.fromisoformat(view["day"]),
            offered=total["offered"],
            answered=total["answered"],
            answered_in_time=total["answered_in_time"],
            abandoned=total["abandoned"],
            abandoned_short=total["abandoned_short"],
            voice_requests=total["voice_requests"],
            transferred=total["transferred"],
            callbacks=total["callbacks"],
            self_service=total.get("self_service", 0),  # a leader of before doesn't tell
            recent_answered=total["recent_answered"],
            recent_in_time=total["recent_in_time"],
            wait_total_s=total["wait_ms"] / 1000,
            tickets=self._tickets.of(tenant),
            quarters=quarters_of_day(view["quarters"], zone),
            waits=total["waits"],
            direct=direct,
            accepted=accepted,
        )

    def _view(self, tenant: str) -> Mapping[str, Any]:
        queue = self._queues[tenant]
        if isinstance(queue, ClusterQueue) and queue.told_figures is not None:
            return queue.told_figures
        return figures_view(self._figures[tenant], self._clock.now())


def quarters_of_day(counted: Sequence[Sequence[int]], zone: tzinfo) -> list[Quarter]:
    """96 quarters by the clock on the wall; an hour that comes twice has the sum of both."""
    found = [Quarter()] * QUARTERS_A_DAY
    for quarter, *counts in counted:
        local = quarter_start(quarter).astimezone(zone)
        place = local.hour * 4 + local.minute // 15
        before = found[place]
        sums = zip((before.offered, before.answered, before.abandoned), counts, strict=True)
        found[place] = Quarter(*(one + more for one, more in sums))
    return found


class LineBoard:
    """The line table as the console shows it."""

    def __init__(self, lines: Lines) -> None:
        self.table = lines

    def lines(self, tenant: str) -> Sequence[LineView]:
        return [
            LineView(line.id, line.numbers[0], line.name, line.unit, line.mode.value, line.name_en)
            for line in self.table.of(tenant)
        ]


class HomeAudio:
    """Where a ticket's audio lies below the home."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def recording(self, ticket: Ticket) -> Path | None:
        return outside(self._home, ticket.recording) if ticket.recording else None

    def voice(self, ticket: Ticket) -> Path | None:
        return outside(self._home, ticket.voice_path) if ticket.voice_path else None

    def part(self, stored: str) -> Path | None:
        try:
            return outside(self._home, stored)
        except ValueError:
            return None


class StoredTokens:
    """Tokens of SQL in the console's words."""

    def __init__(self, store: SqlTokens) -> None:
        self._store = store

    async def find(self, token_id: str) -> TokenRecord | None:
        found = await self._store.find(token_id)
        if found is None:
            return None
        return TokenRecord(
            token_id=found.token_id,
            sha256=found.sha256,
            role=Role(found.role),
            tenant=found.tenant,
            seat_id=found.seat_id,
            label=found.label,
            expires_at=found.expires_at,
            revoked_at=found.revoked_at,
            unit=found.unit,
            person=found.person,
        )


def tenant_facts(tenants: Sequence[Tenant]) -> Mapping[str, TenantFacts]:
    """Tenants as pages show them."""
    return {
        t.id: TenantFacts(t.id, t.name, t.time_zone, t.service_level_s, t.pause_reasons)
        for t in tenants
    }


def disk_health(home: Home, journal: Journal) -> PartHealth:
    """Room for recordings, spool and journal (they may lie on different disks), and a journal
    that could be written."""
    if not journal.healthy:
        return PartHealth(False, "the journal can't be written: facts are kept in memory only")
    free = min(free_bytes(place) for place in (home.recordings, home.spool, home.journal))
    if is_low(free):
        return PartHealth(False, f"only {free // 2**20} MiB free: recordings are in danger")
    return PartHealth(True, f"{free // 2**30} GiB free")
