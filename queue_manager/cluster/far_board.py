"""What a node's boards show of a queue that another engine leads, as its leader told last."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from queue_manager.cluster.messages import BoardTold
from queue_manager.model import Alert, CallerView, Seat, SeatState, SeatView, WaitingView
from queue_manager.service import QueueService


class FarBoard:
    """Seats by id, who waits in sum and (the first of them) one by one, alerts, and the day's
    figures (None while nobody leads us)."""

    def __init__(self) -> None:
        self.seats: dict[str, SeatView] = {}
        self.waiting = WaitingView()
        self.callers: Sequence[CallerView] = ()
        self.alerts: Sequence[Alert] = ()
        self.figures: Mapping[str, Any] | None = None

    def set_seats(self, seats: Iterable[Seat], now: datetime) -> None:
        """The tenant's seats from now on, each as it was known."""
        known = {seat.seat_id: seat for seat in seats}
        for seat_id, seat in known.items():
            view = self.seats.get(seat_id) or SeatView(seat, SeatState.OFFLINE, now)
            self.seats[seat_id] = replace(view, seat=seat)
        for seat_id in self.seats.keys() - known.keys():
            del self.seats[seat_id]

    def take(self, told: BoardTold) -> None:
        """The leader's news."""
        for view in told.seats:
            self.seats[view.seat.seat_id] = view
        for seat_id in told.gone:
            self.seats.pop(seat_id, None)
        self.waiting = told.waiting or self.waiting
        if told.callers is not None:
            self.callers = told.callers
        if told.alerts is not None:
            self.alerts = told.alerts
        if told.figures is not None:
            self.figures = told.figures

    def keep(self, service: QueueService) -> None:
        """What a service of this engine's own knew last, before another's takes over."""
        self.seats = {view.seat.seat_id: view for view in service.seats()}
        self.waiting = service.waiting()
