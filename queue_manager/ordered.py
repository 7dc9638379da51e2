"""Callers in order, a few bytes each: cheap at both ends and in the middle, for hundreds of
thousands.

Blocks of about a thousand: an insertion or deletion moves at most one block, whatever the total.
Deletion is exact (no tombstones), so that there is never a clean-up to pause for.
"""

from array import array
from bisect import bisect_left, bisect_right
from itertools import islice

BLOCK = 1024
_TURN_BITS = 48  # entries are counted; 2**48 of them are never reached


class Line:
    """Slots in ascending order of (rank, turn). A rank is a 64-bit integer that comes along;
    `turns[slot]` tells a slot's turn, unique, which decides between equal ranks.

    Adding a slot twice is a mistake of the caller; removing a missing one raises KeyError.
    """

    __slots__ = ("_lasts", "_ranks", "_slots", "_turns")

    def __init__(self, turns: "array[int]") -> None:
        self._turns = turns
        self._ranks: list[array[int]] = []
        self._slots: list[array[int]] = []
        self._lasts: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._lasts)

    def __len__(self) -> int:
        return sum(map(len, self._slots))

    @property
    def first_rank(self) -> int:
        """The smallest rank; IndexError when empty."""
        return self._ranks[0][0]

    @property
    def first_slot(self) -> int:
        """Who is first; IndexError when empty."""
        return self._slots[0][0]

    def first(self, most: int) -> "array[int]":
        """The first slots, in order: at least one when there is any, `most` at most."""
        return self._slots[0][:most] if self._slots else array("I")

    def at(self, rank: int) -> list[int]:
        """All slots of this rank, in order."""
        found: list[int] = []
        for block in range(bisect_left(self._lasts, _place(rank, 0)), len(self._slots)):
            ranks = self._ranks[block]
            low = bisect_left(ranks, rank)
            if ranks[low] != rank:
                break
            high = bisect_right(ranks, rank, low)
            found += self._slots[block][low:high]
            if high < len(ranks):
                break
        return found

    def add(self, rank: int, slot: int) -> None:
        """Put a slot in its place; one that comes last (the usual case) is only appended."""
        turn = self._turns[slot]
        place = _place(rank, turn)
        if not self._lasts or place > self._lasts[-1]:
            self._append(rank, slot, place)
            return
        at = bisect_left(self._lasts, place)
        inside = self._inside(at, rank, turn)
        self._ranks[at].insert(inside, rank)
        self._slots[at].insert(inside, slot)
        if len(self._slots[at]) > 2 * BLOCK:
            self._split(at)

    def remove(self, rank: int, slot: int) -> None:
        """Take a slot out; KeyError when it isn't there."""
        turn = self._turns[slot]
        at = bisect_left(self._lasts, _place(rank, turn))
        if at == len(self._lasts):
            raise KeyError(slot)
        ranks, slots = self._ranks[at], self._slots[at]
        inside = self._inside(at, rank, turn)
        if slots[inside] != slot:
            raise KeyError(slot)
        del ranks[inside], slots[inside]
        if not slots:
            del self._ranks[at], self._slots[at], self._lasts[at]
            return
        if inside == len(slots):
            self._lasts[at] = self._last_of(at)
        if len(slots) < BLOCK // 4:
            self._join(at)

    def count_before(self, rank: int, turn: int) -> int:
        """How many come before this place (nobody need be there)."""
        if len(self._lasts) == 1:
            return self._inside(0, rank, turn)
        at = bisect_left(self._lasts, _place(rank, turn))
        before = sum(map(len, islice(self._slots, at)))
        return before if at == len(self._lasts) else before + self._inside(at, rank, turn)

    def _inside(self, at: int, rank: int, turn: int) -> int:
        ranks = self._ranks[at]
        low = bisect_left(ranks, rank)
        if low == len(ranks) or ranks[low] != rank:
            return low
        high = bisect_right(ranks, rank, low)
        return bisect_left(self._slots[at], turn, low, high, key=self._turns.__getitem__)

    def _append(self, rank: int, slot: int, place: int) -> None:
        if self._slots and len(self._slots[-1]) < BLOCK:
            self._ranks[-1].append(rank)
            self._slots[-1].append(slot)
            self._lasts[-1] = place
        else:
            self._ranks.append(array("q", (rank,)))
            self._slots.append(array("I", (slot,)))
            self._lasts.append(place)

    def _split(self, at: int) -> None:
        for blocks in (self._ranks, self._slots):
            blocks[at : at + 1] = [blocks[at][:BLOCK], blocks[at][BLOCK:]]
        self._lasts.insert(at, self._last_of(at))

    def _join(self, at: int) -> None:
        """A block that has thinned out goes together with a neighbour, when they fit in one."""
        for left in (at - 1, at):
            both = self._slots[max(left, 0) : left + 2]
            if len(both) == 2 and sum(map(len, both)) <= BLOCK:
                for blocks in (self._ranks, self._slots):
                    blocks[left] += blocks.pop(left + 1)
                del self._lasts[left]
                return

    def _last_of(self, at: int) -> int:
        return _place(self._ranks[at][-1], self._turns[self._slots[at][-1]])


def _place(rank: int, turn: int) -> int:
    return (rank << _TURN_BITS) + turn
