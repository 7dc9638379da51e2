"""Seats, callers and a queue for tests; a fake of our own port to Redis."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from queue_manager.model import (
    Need,
    QueueSettings,
    Requirement,
    Seat,
    SeatState,
    SeatView,
    WaitingCaller,
)
from queue_manager.service import QueueService
from tests.queue_manager.virtual_time import START, LoopClock

MANDARIN = Requirement.of(Need("lang:cmn"))
ZHUANG = Requirement.of(Need("lang:za", 3))
SETTINGS = QueueSettings(tenant="nanning", wrap_up_s=20, cool_down_s=5, reach_grace_s=3)


def seat(seat_id: str, **levels: int) -> Seat:
    """A seat with languages, Mandarin by default: `seat("8001", cmn=5, za=3)`."""
    skills = {f"lang:{name}": level for name, level in (levels or {"cmn": 5}).items()}
    return Seat("nanning", seat_id, f"座席{seat_id}", f"sip-{seat_id}", skills)


def caller(
    call_id: str,
    needs: Requirement = MANDARIN,
    *,
    waited_s: float = 0,
    priority: int = 0,
    line_id: str = "12345",
    at: datetime = START,
) -> WaitingCaller:
    """A caller who was queued `waited_s` before `at`."""
    queued_at = at - timedelta(seconds=waited_s)
    return WaitingCaller("nanning", call_id, line_id, needs, queued_at, priority)


class Memory:
    """Our live-state port, remembered in a dict."""

    def __init__(self) -> None:
        self.seats: dict[str, SeatView] = {}
        self.waiting: dict[str, WaitingCaller] = {}

    async def load_seats(self, tenant: str) -> Sequence[SeatView]:
        return [view for view in self.seats.values() if view.seat.tenant == tenant]

    def save_seat(self, view: SeatView) -> None:
        self.seats[view.seat.seat_id] = view

    def forget_seat(self, tenant: str, seat_id: str) -> None:
        self.seats.pop(seat_id, None)

    def save_waiting(self, caller: WaitingCaller) -> None:
        self.waiting[caller.call_id] = caller

    def forget_waiting(self, tenant: str, call_id: str) -> None:
        self.waiting.pop(call_id, None)


async def open_queue(
    *seats: Seat, settings: QueueSettings = SETTINGS, live: Memory | None = None
) -> QueueService:
    """A started queue whose seats have reachable phones."""
    queue = QueueService(settings, live or Memory(), LoopClock())
    await queue.start(seats, await live.load_seats(settings.tenant) if live else ())
    for one in seats:
        queue.endpoint_reachable(one.endpoint, True)
    return queue


def state(queue: QueueService, seat_id: str) -> SeatState:
    """What a seat is doing."""
    return queue.seat(seat_id).state
