"""What a conversation needs besides the call itself. The wiring gives it the real ones."""

from collections.abc import Awaitable
from datetime import datetime
from typing import Protocol

from queue_manager.model import LeaveReason, MissReason, Offer, Requirement, WaitingCaller
from tickets.model import CallRecord as CallRecord
from tickets.model import NewTicket
from tickets.model import Outcome as Outcome


class Clock(Protocol):
    """The time, aware. Conversations ask it; decisions get it as an argument."""

    def now(self) -> datetime: ...


class Place(Protocol):
    """A caller's place in the queue. Exactly one of `answered`/`leave` ends it."""

    def next_offer(self) -> Awaitable[Offer]:
        """The next seat reserved for this caller; at once if one was ready."""
        ...

    def position(self) -> int:
        """1 for the next to be served among those who wait for the same seats."""
        ...

    def missed(self, offer: Offer, reason: MissReason) -> None:
        """The offered seat didn't take the call: it cools down, the caller keeps his place."""
        ...

    def answered(self, offer: Offer) -> None:
        """The offered seat picked up: the talk begins."""
        ...

    def talk_ended(self, offer: Offer) -> None:
        """The talk is over: the seat goes to wrap-up."""
        ...

    def leave(self, reason: LeaveReason) -> None:
        """The caller leaves; a pending offer is withdrawn. Safe to call twice, and after a talk."""
        ...


class Queue(Protocol):
    """The queue manager, seen from a conversation."""

    def enter(self, caller: WaitingCaller) -> Place:
        """Take a caller in; entering twice with one call_id gives the same place."""
        ...

    def staffed(self, needs: Requirement) -> bool:
        """Whether any seat that is set up, at work or not, could serve these needs."""
        ...


class Tickets(Protocol):
    """Ticket making, seen from a conversation. Never raises for an outage of the store:

    when SQL is away the request goes to the engine's own journal on disk and the number is given
    later ("" is returned); the journal is written to SQL when it is back, exactly once.
    """

    async def create(self, new: NewTicket) -> str:
        """Make the ticket durable; its number, or "" when only the journal could take it."""
        ...


class CallLog(Protocol):
    """One durable row per call, written at its end."""

    async def record(self, record: CallRecord) -> None:
        """Write it (idempotent by call); an outage of SQL is journalled, never raised."""
        ...
