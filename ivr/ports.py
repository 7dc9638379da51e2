"""What a conversation needs besides the call itself. The wiring gives it the real ones."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from queue_manager.callback import CallbackEvent
from queue_manager.estimate import WaitEstimate
from queue_manager.model import (
    LeaveReason,
    MissReason,
    Offer,
    Requirement,
    Suggestion,
    Verdict,
    WaitingCaller,
)
from queue_manager.rules import CallbackOrder
from tickets.model import CallFacts, NewTicket
from tickets.model import CallRecord as CallRecord
from tickets.model import Outcome as Outcome


class Clock(Protocol):
    """The time, aware. Conversations ask it; decisions get it as an argument."""

    def now(self) -> datetime: ...


class Place(Protocol):
    """A caller's place in the queue. Exactly one of `answered`/`leave` ends it."""

    def next_offer(self) -> "asyncio.Future[Offer]":
        """The next seat reserved for this caller; at once if one was ready."""
        ...

    def next_suggestion(self) -> "asyncio.Future[Suggestion]":
        """What a step of the rules wants him to be offered next; each is told once."""
        ...

    def position(self) -> int:
        """1 for the next to be served among those who wait for the same seats."""
        ...

    def estimate(self) -> WaitEstimate | None:
        """How much longer he will probably wait; None when nothing honest can be said."""
        ...

    def taken_back(self, offer: Offer) -> "asyncio.Future[None]":
        """Done as soon as the queue takes this offer back: the seat shall ring no longer, and the
        next offer is to be asked for. Cancelling it is fine."""
        ...

    def missed(self, offer: Offer, reason: MissReason) -> None:
        """The offered seat didn't take the call: it cools down, the caller keeps his place."""
        ...

    def answered(self, offer: Offer) -> Verdict:
        """The offered seat picked up. TALK: the talk begins. REFUSED: too late, the seat is not his
        any more; end the seat's leg and go on waiting."""
        ...

    def talk_ended(self, offer: Offer) -> None:
        """The talk is over: the seat goes to wrap-up."""
        ...

    def when_moved(self, told: Callable[[int], None]) -> None:
        """Have `told` called with his new priority whenever a supervisor moves him up."""
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

    def at_work(self, needs: Requirement) -> bool:
        """Whether a seat that could serve these needs is at work now, free or not."""
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


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A waiting caller who wants to hang up and be called back without losing his place.

    `needs`, `priority` and `queued_at` are those of his place (the needs as he came, before any
    step); `number_e164` is the number he has confirmed; `facts` is what his call tells of itself.
    """

    tenant: str
    call_id: str
    line_id: str
    queue_id: str
    needs: Requirement
    language: str
    priority: int
    queued_at: datetime
    number_e164: str
    order: CallbackOrder
    facts: CallFacts


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """The place of somebody who was to be called back and calls again by himself: his live call
    takes it. `call_id` is the call in which he had asked: what is told of the matter belongs to
    its ticket."""

    call_id: str
    queued_at: datetime
    priority: int


class Callbacks(Protocol):
    """Callbacks that keep the place, seen from a conversation."""

    @property
    def open(self) -> bool:
        """Whether callbacks are offered at all."""
        ...

    async def take(self, request: CallbackRequest) -> bool:
        """Make it durable before the caller is told; False when that can't be promised now (he
        goes on waiting then). Never raises for an outage. Once per (tenant, call_id): asked again
        it says True and changes nothing. The caller may still be on the line when it returns: he
        is rung at the earliest when his call has ended."""
        ...

    async def take_over(self, tenant: str, number_e164: str) -> KeptPlace | None:
        """Somebody calls and wants a person: if he is to be called back, that is called off, and
        his place is told. None when he isn't. Never raises for an outage."""
        ...

    async def happened(self, call_id: str, event: CallbackEvent, *, seat_id: str = "") -> None:
        """What became of a call that we made; durable on return, safe to tell twice. Never raises
        for an outage; nothing happens for other calls."""
        ...


class NoCallbacks:
    """`Callbacks` of a house that calls nobody back."""

    open = False

    async def take(self, request: CallbackRequest) -> bool:
        return False

    async def take_over(self, tenant: str, number_e164: str) -> KeptPlace | None:
        return None

    async def happened(self, call_id: str, event: CallbackEvent, *, seat_id: str = "") -> None:
        return None
