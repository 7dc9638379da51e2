"""Who waits, per line, counted as it happens: a board that asks costs nothing per caller."""

from collections import deque

from queue_manager.entry import Entry
from queue_manager.model import LineWaiting, WaitingView

_SPARE = 64


class _Lane:
    """The callers of one line in order of queueing; those who are gone are passed over later."""

    __slots__ = ("count", "entries", "in_order")

    def __init__(self) -> None:
        self.count = 0
        self.entries: deque[Entry] = deque()
        self.in_order = True

    def add(self, entry: Entry) -> None:
        entries = self.entries
        if entries and entry.caller.queued_at < entries[-1].caller.queued_at:
            self.in_order = False
        entries.append(entry)
        entry.lane = self
        self.count += 1

    def leave(self, entry: Entry) -> None:
        entry.lane = None
        self.count -= 1
        if len(self.entries) > 2 * self.count + _SPARE:
            self._tidy()

    def view(self) -> LineWaiting:
        if not self.in_order:
            self._tidy()
        while self.entries[0].lane is not self:
            self.entries.popleft()
        return LineWaiting(self.count, self.entries[0].caller.queued_at)

    def _tidy(self) -> None:
        waiting = (entry for entry in self.entries if entry.lane is self)
        self.entries = deque(sorted(waiting, key=lambda entry: entry.caller.queued_at))
        self.in_order = True


class Lanes:
    """All lines of a tenant."""

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}

    def add(self, entry: Entry) -> None:
        """A caller waits now; a talk that waits for a colleague is none."""
        if entry.caller.colleague:
            return
        lane = self._lanes.get(entry.caller.line_id)
        if lane is None:
            lane = self._lanes[entry.caller.line_id] = _Lane()
        lane.add(entry)

    def leave(self, entry: Entry) -> None:
        """He waits no longer."""
        if entry.lane is None:
            return
        self._lanes[entry.caller.line_id].leave(entry)

    def view(self) -> WaitingView:
        """Who waits, in total and per line."""
        lines = {line_id: lane.view() for line_id, lane in self._lanes.items() if lane.count}
        oldest = min((line.oldest for line in lines.values()), default=None)
        return WaitingView(sum(line.count for line in lines.values()), oldest, lines)
