"""What the queue needs from outside: the time, and a place to keep its live state."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from queue_manager.model import (
    LeaveReason,
    MissReason,
    Offer,
    Seat,
    SeatState,
    SeatView,
    WaitingCaller,
)


class Clock(Protocol):
    """The time, aware."""

    def now(self) -> datetime:
        """The present moment with its zone."""
        ...


class LiveState(Protocol):
    """Redis, seen from the queue: a mirror written behind, read at the engine's start.

    The engine's own memory leads; when Redis is away the queue goes on and everything is written
    again when it is back. Nothing here raises for an outage.
    """

    async def load_seats(self, tenant: str) -> Sequence[SeatView]:
        """Seats as last known (state, pause reason, since); empty when unknown."""
        ...

    def save_seat(self, view: SeatView) -> None:
        """Remember a seat's state; returns at once."""
        ...

    def forget_seat(self, tenant: str, seat_id: str) -> None:
        """The seat was taken out of the tenant; returns at once."""
        ...

    def save_waiting(self, caller: WaitingCaller) -> None:
        """Remember a waiting caller; returns at once."""
        ...

    def forget_waiting(self, tenant: str, call_id: str) -> None:
        """The caller no longer waits; returns at once."""
        ...


class QueueObserver(Protocol):
    """Told of everything that happens in a queue, inline and in order: return at once, raise
    nothing, call nothing of the queue. `at` is aware; `caller` is as he entered.

    A caller: `entered`, then any number of `offered` + `missed`, and one of `answered` or `left`;
    an offer that his leaving withdraws has no `missed`. After `answered` comes `talk_ended`, then
    the seat's `wrapped_up`. A talk that was found alive after a restart is told as `answered`
    with the time it began (`entered` comes before it when the queue knows whose it is).
    """

    def entered(self, caller: WaitingCaller, at: datetime) -> None:
        """A caller came in; not told again for one who comes back to the place he has."""
        ...

    def offered(self, offer: Offer, at: datetime) -> None:
        """A seat is reserved for him and is to ring."""
        ...

    def answered(self, caller: WaitingCaller, seat: Seat, wait_s: float, at: datetime) -> None:
        """The seat took the call."""
        ...

    def missed(self, offer: Offer, reason: MissReason, at: datetime) -> None:
        """The offer came to nothing; he waits on."""
        ...

    def left(self, caller: WaitingCaller, reason: LeaveReason, wait_s: float, at: datetime) -> None:
        """He left without a talk."""
        ...

    def overflowed(self, caller: WaitingCaller, queue_id: str, at: datetime) -> None:
        """A step lets him go on in another queue of this tenant; he waits on. `at` is when the
        step was due: before the engine's start for one who is found where he stood. (One who goes
        on in another tenant's queue has `left` this one with LeaveReason.OVERFLOWED.)"""
        ...

    def talk_ended(self, caller: WaitingCaller, seat: Seat, talk_s: float, at: datetime) -> None:
        """The talk is over; the seat wraps up."""
        ...

    def wrapped_up(self, seat: Seat, wrap_up_s: float, at: datetime) -> None:
        """The seat's after-call work is over."""
        ...

    def seat_state_changed(
        self, seat: Seat, old: SeatState, new: SeatState, reason: str, at: datetime
    ) -> None:
        """`reason` is the seat's pause reason, also one that waits for the end of a talk."""
        ...
