"""Where callers are counted while it happens: one cell per kind of caller and quarter of an hour.

Callers of one kind (queue, line, needs) count for the same queue, line and skills, so an event
touches one cell only; what cells have gathered is spread later, when somebody looks or writes.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from queue_manager.counts import CallCounts, quarter_of
from queue_manager.model import Requirement


class Dimension(StrEnum):
    """By what calls are counted; TENANT has one key, "", and isn't stored: lines add up to it."""

    TENANT = "tenant"
    QUEUE = "queue"
    LINE = "line"
    SKILL = "skill"


Key = tuple[Dimension, str]
WHOLE: Key = (Dimension.TENANT, "")


@dataclass(slots=True, eq=False)
class Kind:
    """Callers of one kind: who of them waits (call id → since when, epoch s), and who of these is
    to be called back. `keys` are what they count for, `text`
    the same as a line of the tail names it (without the whole)."""

    queue_id: str
    keys: tuple[Key, ...]
    text: str
    waiting: dict[str, float] = field(default_factory=dict)
    callbacks: set[str] = field(default_factory=set)

    def waits(self, call_id: str, since_s: float, *, callback: bool) -> None:
        """One more waits."""
        self.waiting[call_id] = since_s
        if callback:
            self.callbacks.add(call_id)

    def waits_no_longer(self, call_id: str) -> None:
        """One less."""
        self.waiting.pop(call_id, None)
        self.callbacks.discard(call_id)


@dataclass(slots=True, eq=False)
class Cell:
    """What was counted of one kind and quarter since it was last spread."""

    kind: Kind
    quarter: int
    counts: CallCounts = field(default_factory=CallCounts)
    dirty: bool = False


@dataclass(slots=True)
class Waiting:
    """Callers who wait now (whose seat rings included), and since when the longest (epoch s);
    `callbacks` are those among them who have hung up and will be called."""

    count: int = 0
    callbacks: int = 0
    oldest_s: float | None = None


class Cells:
    """All cells of a tenant."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, Requirement], Kind] = {}
        self._cells: dict[int, dict[Kind, Cell]] = {}
        self._dirty: list[Cell] = []

    def of(self, queued_at: datetime, queue_id: str, line_id: str, needs: Requirement) -> Cell:
        """The cell in which such a caller is counted."""
        name = (queue_id, line_id, needs)
        kind = self._kinds.get(name)
        if kind is None:
            keys = _keys(*name)
            text = json.dumps([key for key in keys if key is not WHOLE])
            kind = self._kinds[name] = Kind(queue_id, keys, text)
        quarter = quarter_of(queued_at)
        cells = self._cells.get(quarter)
        if cells is None:
            cells = self._cells[quarter] = {}
        cell = cells.get(kind)
        if cell is None:
            cell = cells[kind] = Cell(kind, quarter)
        return cell

    def touch(self, cell: Cell) -> None:
        """Something was counted in it."""
        if not cell.dirty:
            cell.dirty = True
            self._dirty.append(cell)

    def take(self) -> Iterator[tuple[Cell, CallCounts]]:
        """What was counted since the last time; then the cells are empty."""
        dirty, self._dirty = self._dirty, []
        for cell in dirty:
            counts, cell.counts, cell.dirty = cell.counts, CallCounts(), False
            yield cell, counts

    def waiting(self) -> dict[Key, Waiting]:
        """Who waits now, by queue, line, skill and in total (key `WHOLE`)."""
        found: dict[Key, Waiting] = {WHOLE: Waiting()}
        for kind in self._kinds.values():
            if not kind.waiting:
                continue
            oldest_s = min(kind.waiting.values())
            for key in kind.keys:
                seen = found.setdefault(key, Waiting())
                seen.count += len(kind.waiting)
                seen.callbacks += len(kind.callbacks)
                if seen.oldest_s is None or oldest_s < seen.oldest_s:
                    seen.oldest_s = oldest_s
        return found

    def forget(self, before: int) -> None:
        """Drop the cells of quarters before this one, and the kinds nobody is of any more. Who
        holds such a cell still (a very long talk) goes on counting in it."""
        for quarter in [q for q in self._cells if q < before]:
            del self._cells[quarter]
        kept = {kind for cells in self._cells.values() for kind in cells}
        for name, kind in list(self._kinds.items()):
            if kind not in kept and not kind.waiting:
                del self._kinds[name]


def _keys(queue_id: str, line_id: str, needs: Requirement) -> tuple[Key, ...]:
    skills = dict.fromkeys(need.skill for need in needs.needs())
    return (
        WHOLE,
        (Dimension.QUEUE, queue_id),
        (Dimension.LINE, line_id),
        *((Dimension.SKILL, skill) for skill in skills),
    )
