"""What self-service by telephone leans on; the wiring gives it the real parts."""

from datetime import datetime
from typing import Protocol

from tickets.self_service import Addition, OwnTicket


class OwnTickets(Protocol):
    """Citizens' own tickets. Every coroutine raises `tickets.errors.StoreAway` in an outage."""

    async def blocked(self, tenant: str, caller: str) -> bool:
        """Whether this telephone ("" for one that isn't shown) has been wrong too often today."""
        ...

    async def wrong(self, tenant: str, caller: str, number: str = "") -> None:
        """It was wrong once more, about this ticket ("" when none is meant)."""
        ...

    async def with_ending(self, tenant: str, ending: str, phone: str) -> OwnTicket | None:
        """The newest ticket with this ending that has this telephone (E.164) on record."""
        ...

    async def with_number(self, tenant: str, number: str) -> OwnTicket | None:
        """The ticket of this number; None when there is none, or a machine may not speak of it."""
        ...

    async def urge(self, ticket: OwnTicket, at: datetime) -> bool:
        """Have it urged; False when it was today, or can't be."""
        ...

    async def add(self, ticket: OwnTicket, words: Addition) -> bool:
        """Keep his words with it, durable on return, once a file; False when it doesn't
        take any: then they must go elsewhere."""
        ...
