"""What tickets need from outside: a store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tickets.model import NewTicket, Ticket


class TicketStore(Protocol):
    """SQL, seen from the tickets. Every write is durable when the coroutine returns.

    Raises `StoreAway` when the database doesn't answer within its deadline.
    """

    async def create(self, new: NewTicket) -> Ticket:
        """Make the ticket, or return the one this call already has (idempotent by call)."""
        ...

    async def get(self, tenant: str, number: str) -> Ticket:
        """One ticket; raises `UnknownTicket`."""
        ...

    async def list(
        self, tenant: str, *, limit: int = 50, before: str = "", since: datetime | None = None
    ) -> Sequence[Ticket]:
        """Newest first, keyset by number (`before` excluded)."""
        ...
