"""A tenant's list of seats: checked, and held against where the last engine left each. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from queue_manager.matcher import check_skills
from queue_manager.model import Seat, SeatState, SeatView

WAS_IDLE = frozenset({SeatState.READY, SeatState.RESERVED})


def checked(tenant: str, seats: Iterable[Seat]) -> dict[str, Seat]:
    """The seats by id; raises ValueError for one given twice, of another tenant, or with a level
    out of range."""
    wanted: dict[str, Seat] = {}
    for seat in seats:
        if seat.seat_id in wanted:
            raise ValueError(f"seat {seat.seat_id} is there twice")
        if seat.tenant != tenant:
            raise ValueError(f"seat {seat.seat_id} belongs to tenant {seat.tenant!r}")
        try:
            check_skills(seat.skills)
        except ValueError as error:
            raise ValueError(f"seat {seat.seat_id}: {error}") from None
        wanted[seat.seat_id] = seat
    return wanted


def idle_order(view: SeatView | None) -> tuple[int, float]:
    """Seats that were idle before the restart come first, the longest idle foremost."""
    if view is None or view.state not in WAS_IDLE:
        return (1, 0.0)
    return (0, view.since.timestamp())


def wrap_up_left_s(last: SeatView, wrap_up_s: float, now: datetime) -> float:
    """What is left of a wrap-up that began before the restart; 0.0 of none. A clock that was set
    back meanwhile doesn't lengthen it."""
    if last.state is not SeatState.WRAP_UP:
        return 0.0
    left = min(last.since, now) + timedelta(seconds=wrap_up_s) - now
    return max(left.total_seconds(), 0.0)
