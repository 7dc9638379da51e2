"""What the queue needs from outside: the time, and a place to keep its live state."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from queue_manager.model import SeatView, WaitingCaller


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
