"""Everything in a queue that is due at its time, behind a single timer on the loop.

A `Line` holds things of one kind. Most of them wait for one and the same span, so that they fall
due in the order in which they come: then it is a FIFO and an entry costs an append. What comes
out of order (a caller restored with an old time of queueing) goes to a small heap beside it.
Nothing is ever taken out of the middle: a thing that no longer matters is `stale`, and passed over
when its time comes.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar

import structlog

T = TypeVar("T")

_NEVER = float("inf")
_IDLE_S = 0.02
"""How soon what can wait is gone on with."""
_SPARE = 64
"""A line is swept of what is stale when it has grown by this much and has doubled since."""

log = structlog.get_logger(__name__)


class Line(Generic[T]):
    """Things of one kind, in the order of their times. `due(item)` is called at an item's time
    unless `stale(item, number)` says that the entry of that number no longer matters."""

    __slots__ = ("_due", "_late", "_owner", "_queue", "_stale", "_sweep_at")

    def __init__(
        self, owner: "Deadlines", due: Callable[[T], None], stale: Callable[[T, int], bool]
    ) -> None:
        self._owner = owner
        self._due = due
        self._stale = stale
        self._queue: deque[tuple[float, int, T]] = deque()
        self._late: list[tuple[float, int, T]] = []
        self._sweep_at = _SPARE

    def __len__(self) -> int:
        return len(self._queue) + len(self._late)

    def add(self, when_s: float, item: T) -> int:
        """`item` is due at this time of the loop; the number of the entry, never 0."""
        owner = self._owner
        owner.number += 1
        number = owner.number
        queue = self._queue
        if queue and when_s < queue[-1][0]:
            heappush(self._late, (when_s, number, item))
        else:
            queue.append((when_s, number, item))
        if len(queue) + len(self._late) > self._sweep_at:
            self._sweep()
        if when_s < owner.armed_for_s:
            owner.arm(when_s)
        return number

    def next_s(self) -> float:
        """When something that matters is due next; infinite when nothing is."""
        queue, late, stale = self._queue, self._late, self._stale
        while queue and stale(queue[0][2], queue[0][1]):
            queue.popleft()
        while late and stale(late[0][2], late[0][1]):
            heappop(late)
        return min(queue[0][0] if queue else _NEVER, late[0][0] if late else _NEVER)

    def run(self, now_s: float) -> None:
        """Let happen what is due by now; an error of one hurts no other."""
        while (next_s := self.next_s()) <= now_s:
            late = self._late
            from_late = bool(late) and late[0][0] == next_s
            item = heappop(late)[2] if from_late else self._queue.popleft()[2]
            try:
                self._due(item)
            except Exception:
                log.exception("deadline_failed")

    def _sweep(self) -> None:
        """What is stale goes, so that memory follows what matters and not what has been."""
        stale = self._stale
        self._queue = deque(entry for entry in self._queue if not stale(entry[2], entry[1]))
        self._late = [entry for entry in self._late if not stale(entry[2], entry[1])]
        self._late.sort()  # a sorted list is a heap; numbers differ, so items aren't compared
        self._sweep_at = 2 * len(self) + _SPARE


class Deadlines:
    """The lines of one tenant's queue and their timer. Times are the loop's own, which no change
    of the clock disturbs. `idle()` does a little of what can wait, True while there is more."""

    __slots__ = ("_closed", "_idle", "_lines", "_timer", "armed_for_s", "number")

    def __init__(self, idle: Callable[[], bool] = lambda: False) -> None:
        self._idle = idle
        self._lines: list[Line[Any]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.armed_for_s = _NEVER
        self.number = 0

    def line(self, due: Callable[[T], None], stale: Callable[[T, int], bool]) -> Line[T]:
        """A new line, kept until it is dropped."""
        line = Line(self, due, stale)
        self._lines.append(line)
        return line

    def drop(self, line: Line[Any]) -> None:
        """The line matters no more, nor does anything on it."""
        self._lines.remove(line)

    def arm(self, when_s: float) -> None:
        """Wake at this time at the latest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.armed_for_s = when_s
        if when_s < _NEVER and not self._closed:
            self._timer = asyncio.get_running_loop().call_at(when_s, self._wake)

    def close(self) -> None:
        """Nothing is due any more."""
        self._closed = True
        self.arm(_NEVER)

    def _wake(self) -> None:
        self._timer = None
        self.armed_for_s = -_NEVER  # nobody arms while we run: we do it at the end
        now_s = asyncio.get_running_loop().time()
        for line in tuple(self._lines):
            line.run(now_s)
        next_s = min((line.next_s() for line in self._lines), default=_NEVER)
        self.arm(min(next_s, now_s + _IDLE_S) if self._idle() else next_s)
