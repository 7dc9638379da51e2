"""Takes tickets and call records in: into the store, or, when that is away, into the journal.

A caller who hangs up in the middle of a write cancels the conversation, never the write.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from tickets.errors import StoreAway, TicketError
from tickets.model import CallRecord, NewTicket
from tickets.ports import CallStore, Journal, TicketStore

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Intake:
    """Makes tickets and writes call records; both only end when the fact is on a disk."""

    def __init__(self, tickets: TicketStore, calls: CallStore, journal: Journal) -> None:
        self._tickets = tickets
        self._calls = calls
        self._journal = journal
        self._running: set[asyncio.Task[Any]] = set()

    async def create(self, new: NewTicket) -> str:
        """Make the ticket durable; its number, or "" when only the journal could take it."""
        return await self._to_the_end(self._create(new))

    async def record(self, record: CallRecord) -> None:
        """Write the call's row, or journal it."""
        await self._to_the_end(self._record(record))

    async def close(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _create(self, new: NewTicket) -> str:
        facts = new.facts
        try:
            ticket = await self._tickets.create(new)
        except Exception as error:
            # Whatever went wrong, the fact must not be lost: the journal sorts it out later.
            _say("ticket_journalled", error, facts.tenant, facts.call_id)
            await self._journal.keep_ticket(new)
            return ""
        log.debug(  # the call's own line tells its ticket
            "ticket_made", tenant=facts.tenant, call_id=facts.call_id, ticket=ticket.number,
            origin=new.origin.value, line=facts.line_id,
        )  # fmt: skip
        return ticket.number

    async def _record(self, record: CallRecord) -> None:
        try:
            await self._calls.record(record)
        except Exception as error:
            _say("call_journalled", error, record.facts.tenant, record.facts.call_id)
            await self._journal.keep_call(record)

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("intake_failed", exc_info=task.exception())


def _say(event: str, error: Exception, tenant: str, call_id: str) -> None:
    """An outage is a warning; a refused fact may name what is private; the rest is a mistake."""
    told = log.bind(tenant=tenant, call_id=call_id)
    if isinstance(error, StoreAway):
        told.warning(event, reason=str(error))
    elif isinstance(error, TicketError):
        told.error(event, reason=error.id, pii_detail=str(error))
    else:
        told.error(event, exc_info=error)
