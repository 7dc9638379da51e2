"""Wrap-up and cool-down: how long a seat rests, and that it may ask for more."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from queue_manager.deadlines import Deadlines
from queue_manager.desk import Desk
from queue_manager.errors import NotWrappingUp
from queue_manager.model import QueueSettings, SeatState
from queue_manager.ports import Clock


class Rests:
    """`over(desk)` is called when a seat's wrap-up or cool-down has had its time."""

    def __init__(
        self,
        settings: QueueSettings,
        deadlines: Deadlines,
        clock: Clock,
        over: Callable[[Desk], None],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._over = over
        self._line = deadlines.line(self._is_over, lambda desk, number: desk.alarm != number)

    def begin(self, desk: Desk, delay_s: float) -> None:
        """The seat rests for so long; 0: not at all."""
        if delay_s > 0:
            self._until(desk, asyncio.get_running_loop().time() + delay_s)
        else:
            self._is_over(desk)

    def extend(self, desk: Desk, extra_s: float) -> datetime:
        """Let wrap-up last longer, within its limit; when it ends now. Raises `NotWrappingUp`."""
        if desk.status.state is not SeatState.WRAP_UP:
            seat_id = desk.seat.seat_id
            raise NotWrappingUp(f"seat {seat_id} is {desk.status.state}, not in wrap-up")
        now, now_s = self._clock.now(), asyncio.get_running_loop().time()
        begun_s = now_s - max((now - desk.view.since).total_seconds(), 0.0)
        limit_s = begun_s + max(self._settings.wrap_up_max_s, self._settings.wrap_up_s)
        wanted_s = min(desk.rest_at_s + max(extra_s, 0.0), limit_s)
        self._until(desk, max(desk.rest_at_s, wanted_s))
        return now + timedelta(seconds=desk.rest_at_s - now_s)

    def _until(self, desk: Desk, when_s: float) -> None:
        desk.rest_at_s = when_s
        desk.alarm = self._line.add(when_s, desk)

    def _is_over(self, desk: Desk) -> None:
        desk.alarm = 0
        self._over(desk)
