"""Steps over time at work: who has which step before him, and when it is due.

What a step makes of a caller is `queue_manager.steps`; this only keeps the deadlines, one line per
step of each queue behind the tenant's single timer, and lets the floor catch up with what is due.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice

import structlog

from queue_manager.deadlines import Deadlines, Line
from queue_manager.entry import Entry, Track
from queue_manager.rules import Rules
from queue_manager.steps import Way

_CHUNK = 500
"""Callers brought in line with new rules before the loop gets its turn: some milliseconds."""
_LATE_S = 0.001
"""What a timer that fires exactly in time may lack by rounding."""

log = structlog.get_logger(__name__)


class Stepping:
    """`catch_up(entry)` is called when a step of a caller whom no seat rings is due."""

    def __init__(
        self, tenant: str, deadlines: Deadlines, catch_up: Callable[[Entry], None]
    ) -> None:
        self._tenant = tenant
        self._deadlines = deadlines
        self._catch_up = catch_up
        self._rules: Mapping[str, Rules] = {}
        self._tracks: dict[tuple[str, str], Track] = {}

    def track(self, tenant: str, queue_id: str) -> Track:
        """What lies before callers who come in by this queue."""
        found = self._tracks.get((tenant, queue_id))
        if found is None:
            way = Way(self._rules, tenant, queue_id)
            lines: list[Line[Entry]] = [
                self._deadlines.line(self._due, _stale) for _ in range(len(way))
            ]
            found = self._tracks[tenant, queue_id] = Track(way, lines)
        return found

    def wait(self, entry: Entry) -> None:
        """The caller begins to wait, or waits on: his next step has its time."""
        track, step = entry.track, entry.taken
        if step < len(track.lines):
            entry.alarm = track.lines[step].add(entry.queued_s + track.way.at_s(step), entry)

    def taken(self, entry: Entry) -> int:
        """How many steps lie behind him by now."""
        waited_s = asyncio.get_running_loop().time() - entry.queued_s
        return entry.track.way.taken_after(waited_s + _LATE_S)

    def take(self, entry: Entry) -> bool:
        """Take the steps that are due for a caller; False when none is. Of what they want to be
        suggested he is told the last."""
        taken, first = self.taken(entry), entry.taken
        if taken == first:
            return False
        way = entry.track.way
        entry.taken = taken
        entry.standing = way.standing(entry.origin.needs, taken)
        wanted = way.suggestions(max(first, 0), taken)
        if first < 0:  # other rules: what he was offered once is not offered again for them
            wanted = [suggestion for suggestion in wanted if suggestion not in entry.told]
        if wanted and not entry.caller.callback:
            entry.suggest(wanted[-1])
        return True

    def set_rules(self, rules: Mapping[str, Rules], waiting: Collection[Entry]) -> None:
        """Other rules from now on, by tenant. Those who wait are reckoned anew: many of them in
        more than one turn of the loop, so that no call waits for it."""
        self._rules = rules
        for track in self._tracks.values():
            for line in track.lines:
                self._deadlines.drop(line)
        self._tracks.clear()
        self._follow(iter(tuple(waiting)))

    def _follow(self, waiting: Iterator[Entry]) -> None:
        done = 0
        for entry in islice(waiting, _CHUNK):
            done += 1
            if not entry.ended:
                self.restart(entry)
        if done == _CHUNK:
            asyncio.get_running_loop().call_soon(self._follow, waiting)

    def restart(self, entry: Entry) -> None:
        """Reckon anew what the rules make of a caller."""
        entry.track = self.track(entry.origin.tenant, entry.origin.queue_id)
        entry.taken = -1
        entry.alarm = 0
        self._due(entry)

    def _due(self, entry: Entry) -> None:
        entry.alarm = 0
        if entry.offer is None and not entry.away:  # else: when the ring has come to nothing
            try:
                self._catch_up(entry)
            except Exception:
                log.exception("step_failed", tenant=self._tenant, call_id=entry.caller.call_id)


def _stale(entry: Entry, number: int) -> bool:
    return entry.alarm != number
