"""A caller's position, without counting everybody: a bounded number of lines is looked at.

Looked at are some dozens of the seats' skill sets that can serve him, to see which needs compete
with his; then, of those needs, the oldest (which most people have) and some of the others, at
equal distances, which stand for the rest.
"""

from queue_manager.callers import Callers
from queue_manager.profiles import Profiles
from queue_manager.signatures import Signature, Signatures

PROFILES_SEEN = 32
_RIVALS_SEEN = 256
RIVALS_COUNTED = 24
"""So many of the oldest needs, and as many of the others."""


class Positions:
    """Reads what the matcher keeps; changes nothing but what profiles learn on the way."""

    __slots__ = ("_callers", "_profiles", "_signatures")

    def __init__(self, callers: Callers, signatures: Signatures, profiles: Profiles) -> None:
        self._callers = callers
        self._signatures = signatures
        self._profiles = profiles

    def of(self, slot: int) -> int:
        """See `Matcher.position`."""
        callers = self._callers
        mine = self._signatures.by_number[callers.signature[slot]]
        rank, turn = callers.rank[slot], callers.turn[slot]
        rivals = self._rivals(mine)
        return 1 + mine.line.count_before(rank, turn) + self._before(rank, turn, rivals)

    def _rivals(self, mine: Signature) -> list[int]:
        """The other signatures that all who can serve this one can serve, by number."""
        able = self._profiles.serving(mine.needs, PROFILES_SEEN)
        common = -1 if able else 0
        for profile in able:
            common &= self._profiles.catch_up(profile).served
        return self._signatures.numbers(common & ~(1 << mine.number))

    def _before(self, rank: int, turn: int, rivals: list[int]) -> int:
        """How many in these lines come before a place."""
        if not rivals:
            return 0
        heads, lines = self._signatures.heads, self._signatures.by_number
        seen = rivals[:: len(rivals) // _RIVALS_SEEN + 1]
        early = [number for number in seen if heads[number] <= rank]
        others = early[RIVALS_COUNTED:]
        some = others[:: len(others) // RIVALS_COUNTED + 1]
        before = sum(lines[n].line.count_before(rank, turn) for n in early[:RIVALS_COUNTED])
        if some:
            there = sum(lines[n].line.count_before(rank, turn) for n in some)
            before += there * len(others) // len(some)
        return before * len(rivals) // len(seen)
