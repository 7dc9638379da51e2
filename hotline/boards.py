"""What the console sees of queues, lines and files: thin adapters of its ports."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from console.ports import (
    DayFigures,
    LineView,
    PartHealth,
    Quarter,
    Role,
    TenantFacts,
    TokenRecord,
    WaitingSummary,
)
from hotline.home import Home
from hotline.todays_tickets import TodaysTickets
from ivr.lines import Lines
from ivr.ports import Clock
from ivr.tenants import Tenant
from queue_manager.model import SeatView
from queue_manager.service import QueueService
from recordings.disk import free_bytes, is_low
from recordings.naming import outside
from storage.journal import Journal
from storage.tokens import SqlTokens
from tickets.model import Ticket


class QueueBoards:
    """Seats, waiting callers and figures of every tenant."""

    def __init__(
        self, queues: Mapping[str, QueueService], tickets: TodaysTickets, clock: Clock
    ) -> None:
        self._queues = queues
        self._tickets = tickets
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

    def waiting(self, tenant: str) -> WaitingSummary:
        view = self._queues[tenant].waiting()
        by_line = {line_id: line.count for line_id, line in view.by_line.items()}
        return WaitingSummary(view.count, view.oldest, by_line)

    def today(self, tenant: str) -> DayFigures:
        queue = self._queues[tenant]
        day = self._clock.now().astimezone(queue.settings.zone).date()
        figures = queue.statistics.snapshot(day)
        total = figures["total"]
        return DayFigures(
            day=day,
            offered=total["offered"],
            answered=total["answered"],
            answered_in_time=total["answered_in_time"],
            abandoned=total["abandoned"],
            abandoned_short=total["abandoned_short"],
            voice_requests=total["voice_requests"],
            transferred=total["transferred"],
            wait_total_s=total["wait_total_s"],
            tickets=self._tickets.of(tenant),
            quarters=[Quarter(**quarter) for quarter in figures["quarters"]],
        )


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
