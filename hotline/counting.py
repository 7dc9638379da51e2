"""Tickets and calls counted for Prometheus and the boards as they are written."""

from console.metrics import Metrics
from hotline.todays_tickets import TodaysTickets
from tickets.model import CallRecord, NewTicket, Outcome
from tickets.service import Intake


class CountedIntake:
    """`ivr.ports.Tickets` and `ivr.ports.CallLog` around the real intake."""

    def __init__(self, intake: Intake, metrics: Metrics, todays: TodaysTickets) -> None:
        self._intake = intake
        self._metrics = metrics
        self._todays = todays

    async def create(self, new: NewTicket) -> str:
        number = await self._intake.create(new)
        self._metrics.ticket_made(new.facts.tenant, new.origin)
        self._todays.changed()
        return number

    async def record(self, record: CallRecord) -> None:
        await self._intake.record(record)
        tenant = record.facts.tenant
        self._metrics.call_ended(tenant, record.outcome)
        if record.outcome is Outcome.ANSWERED and record.queued_at and record.answered_at:
            self._metrics.answered_after(
                tenant, max(0.0, (record.answered_at - record.queued_at).total_seconds())
            )
