"""Numbers kept in order: cheap at both ends and in the middle, for hundreds of thousands.

Blocks of about a thousand: an insertion or deletion moves at most one block, whatever the total.
Deletion is exact (no tombstones), so that there is never a clean-up to pause for.
"""

from bisect import bisect_left, insort
from itertools import islice

BLOCK = 1024


class SortedKeys:
    """A set of integers in ascending order. Adding a key twice or removing a missing one is a
    mistake of the caller; removal raises KeyError."""

    __slots__ = ("_blocks", "_lasts")

    def __init__(self) -> None:
        self._blocks: list[list[int]] = []
        self._lasts: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def __len__(self) -> int:
        return sum(map(len, self._blocks))

    @property
    def first(self) -> int:
        """The smallest key; IndexError when empty."""
        return self._blocks[0][0]

    def add(self, key: int) -> None:
        """Put a key in its place; one that comes last (the usual case) is only appended."""
        lasts = self._lasts
        if not lasts or key > lasts[-1]:
            self._append(key)
            return
        at = bisect_left(lasts, key)
        block = self._blocks[at]
        insort(block, key)
        if len(block) > 2 * BLOCK:
            self._blocks[at : at + 1] = [block[:BLOCK], block[BLOCK:]]
            lasts[at : at + 1] = [block[BLOCK - 1], block[-1]]

    def remove(self, key: int) -> None:
        """Take a key out; KeyError when it isn't there."""
        at = bisect_left(self._lasts, key)
        if at == len(self._lasts):
            raise KeyError(key)
        block = self._blocks[at]
        inside = bisect_left(block, key)
        if block[inside] != key:
            raise KeyError(key)
        del block[inside]
        if not block:
            del self._blocks[at], self._lasts[at]
        elif inside == len(block):
            self._lasts[at] = block[-1]

    def count_below(self, key: int) -> int:
        """How many keys are smaller than this one (which need not be in here)."""
        at = bisect_left(self._lasts, key)
        below = sum(map(len, islice(self._blocks, at)))
        return below if at == len(self._lasts) else below + bisect_left(self._blocks[at], key)

    def _append(self, key: int) -> None:
        if self._blocks and len(self._blocks[-1]) < BLOCK:
            self._blocks[-1].append(key)
            self._lasts[-1] = key
        else:
            self._blocks.append([key])
            self._lasts.append(key)
