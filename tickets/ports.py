"""What tickets need from outside: a store, and a journal for when the store is away."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tickets.model import CallRecord, NewTicket, Ticket


class TicketStore(Protocol):
    """SQL, seen from the tickets. Every write is durable when the coroutine returns.

    Raises `StoreAway` when the database doesn't answer within its deadline, `StoreRefused` when
    it doesn't take what it was given.
    """

    async def create(self, new: NewTicket) -> Ticket:
        """Make the ticket, or add the fact to the one this call already has (see merge.py)."""
        ...

    async def get(self, tenant: str, number: str) -> Ticket:
        """One ticket; raises `UnknownTicket`."""
        ...

    async def list(
        self, tenant: str, *, limit: int = 50, before: str = "", since: datetime | None = None
    ) -> Sequence[Ticket]:
        """Newest first, keyset by number (`before` excluded)."""
        ...


class CallStore(Protocol):
    """SQL, seen from the call log; raises like `TicketStore`."""

    async def record(self, record: CallRecord) -> None:
        """Write the call's row, once per call: a second one changes nothing."""
        ...


class Journal(Protocol):
    """A disk's own memory of facts that SQL couldn't take; written to SQL when it is back."""

    async def keep_ticket(self, new: NewTicket) -> None:
        """Durable when this returns, unless the disk fails too: then kept in memory, said aloud."""
        ...

    async def keep_call(self, record: CallRecord) -> None:
        """As `keep_ticket`."""
        ...
