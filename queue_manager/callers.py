"""What the matcher keeps of each caller: a row of plain numbers, some two hundred bytes in all.

An object per caller would cost more, and the garbage collector would look at all of them.
"""

from array import array

_SHARDS = 256


class Callers:
    """Rows by *slot*, a small number that is used again after its caller has left.

    `rank`: his place, µs; smaller is earlier. `turn`: the count of his entry, which decides
    between equal ranks. `queued`: when he was queued, µs. `signature`: the number of what he
    needs. `waiting`: 1 while he waits, 0 while he is matched.
    """

    __slots__ = (
        "_entered",
        "_free",
        "_slots",
        "ids",
        "priority",
        "queued",
        "rank",
        "signature",
        "turn",
        "waiting",
        "wishes",
    )

    def __init__(self) -> None:
        # Many small dictionaries: one large one would stop everybody while it grows.
        self._slots: tuple[dict[str, int], ...] = tuple({} for _ in range(_SHARDS))
        self._free = array("I")
        self._entered = 0
        self.ids: list[str] = []
        self.rank = array("q")
        self.turn = array("q")
        self.queued = array("q")
        self.priority = array("q")
        self.signature = array("I")
        self.waiting = bytearray()
        self.wishes: dict[int, str] = {}
        """The seat he wants, by slot; only of those who want one."""

    def __len__(self) -> int:
        return len(self.ids) - len(self._free)

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._slots[hash(call_id) % _SHARDS]

    def slot(self, call_id: str) -> int:
        """His slot; raises KeyError when he is unknown."""
        return self._slots[hash(call_id) % _SHARDS][call_id]

    def add(self, call_id: str, queued: int, priority: int, rank: int, signature: int) -> int:
        """A new row, not waiting; its slot. Nobody of this id may be there."""
        shard = self._slots[hash(call_id) % _SHARDS]
        self._entered += 1
        if self._free:
            slot = self._free.pop()
            self.ids[slot] = call_id
            self.rank[slot], self.turn[slot], self.queued[slot] = rank, self._entered, queued
            self.priority[slot], self.signature[slot] = priority, signature
        else:
            slot = len(self.ids)
            self.ids.append(call_id)
            self.rank.append(rank)
            self.turn.append(self._entered)
            self.queued.append(queued)
            self.priority.append(priority)
            self.signature.append(signature)
            self.waiting.append(0)
        shard[call_id] = slot
        return slot

    def pop(self, call_id: str) -> int | None:
        """Forget who he is; his slot, None when he is unknown. His row stands until `free`."""
        return self._slots[hash(call_id) % _SHARDS].pop(call_id, None)

    def free(self, slot: int) -> None:
        """The row may be used again."""
        self.ids[slot] = ""
        self.waiting[slot] = 0
        self.wishes.pop(slot, None)
        self._free.append(slot)
