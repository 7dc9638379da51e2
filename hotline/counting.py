"""Calls and tickets counted for Prometheus and the boards: each once, however often it is told.

Tickets are counted when the store has them (a draft found again after a restart, a journal that is
drained and a spooled call come this way, too), calls when their conversation has ended.
"""

from console.metrics import Metrics
from hotline.todays_tickets import TodaysTickets
from tickets.model import CallRecord, NewTicket, Origin, Outcome, Ticket
from tickets.service import Intake


class CountedIntake:
    """`ivr.ports.Tickets` and `ivr.ports.CallLog` around the real intake."""

    def __init__(self, intake: Intake, metrics: Metrics, todays: TodaysTickets) -> None:
        self._intake = intake
        self._metrics = metrics
        self._todays = todays

    async def create(self, new: NewTicket) -> str:
        if new.rating:
            self._metrics.talk_rated(new.facts.tenant, new.rating)
        return await self._intake.create(new)

    def stored(self, ticket: Ticket, was: Origin | None) -> None:
        """The store has a new ticket (`was` None), or knows better what made one."""
        if was is None:
            self._metrics.ticket_made(ticket.tenant, ticket.origin)
        self._todays.stored(ticket, was)

    async def record(self, record: CallRecord) -> None:
        await self._intake.record(record)
        tenant = record.facts.tenant
        self._metrics.call_ended(tenant, record.outcome)
        if record.outcome is Outcome.ANSWERED and record.queued_at and record.answered_at:
            self._metrics.answered_after(
                tenant, max(0.0, (record.answered_at - record.queued_at).total_seconds())
            )
