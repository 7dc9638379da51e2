"""One seat at work: what the queue keeps of it while the engine runs."""

from dataclasses import dataclass, field
from datetime import datetime

from queue_manager.model import Seat, SeatState, SeatView
from queue_manager.reservation import SeatStatus
from queue_manager.staffing import Profile
from queue_manager.steady import Steadiness

OFF_DUTY = frozenset({SeatState.OFFLINE, SeatState.PAUSED})


def at_work(view: SeatView) -> bool:
    """Whether this seat serves callers now, or will when it is free."""
    return view.state not in OFF_DUTY and not view.pause_reason


@dataclass(slots=True, eq=False)
class Desk:
    """`idle_since` is kept while the seat is ready or rings, and over a restart; `busy_since` from
    the answer to the end of wrap-up.

    `alarm`, `arrival` and `watch` are the numbers of its entries in the lines of wrap-up and
    cool-down, of coming and going, and of heartbeats; 0 when none of its entries matters.
    `rest_at_s` is when wrap-up or cool-down ends, `beat_s` the desktop's last heartbeat (None: it
    has none), both in the loop's time.
    """

    seat: Seat
    status: SeatStatus
    view: SeatView
    profile: Profile
    idle_since: datetime | None = None
    busy_since: datetime | None = None
    retiring: bool = False
    on_duty: bool = False
    node: str = ""
    alarm: int = 0
    rest_at_s: float = 0.0
    arrival: int = 0
    watch: int = 0
    beat_s: float | None = None
    steady: Steadiness = field(default_factory=Steadiness)
