"""An event loop whose clock jumps to the next timer instead of waiting: hours in milliseconds."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai


class _NoWaiting(selectors.DefaultSelector):
    """Looks at the sockets, and lets the loop's time pass instead of waiting for them."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits, and no timer is set: this never ends"
            self.passed_s += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its `time` is what its timers were asked to wait for so far."""

    def __init__(self) -> None:
        self._skipping = _NoWaiting()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.passed_s


class LoopClock:
    """The wall clock of a virtual loop (the running one by default); `set_back_s` shifts it."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop = loop or asyncio.get_running_loop()
        self.set_back_s = 0.0

    def now(self) -> datetime:
        passed_s = self.loop.time() - self.set_back_s
        return START + timedelta(seconds=passed_s)


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Play a scenario in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario)
