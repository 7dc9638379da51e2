"""A caller's position, without counting everybody: a bounded number of lines is looked at.

To see which needs compete with his, the seats' skill sets that can serve him are looked at. With
many needs that is done beforehand, on idle ticks, since it takes many skill sets to tell who
competes by chance from who always does. Of those needs the oldest (which most people have) are
counted, and some of the others, at equal distances, which stand for the rest. While there are few
needs at all, all are counted.
"""

from queue_manager.bits import numbers
from queue_manager.callers import Callers
from queue_manager.profiles import Profiles
from queue_manager.signatures import Signature, Signatures

_FEW = 512
"""With up to so many needs all that are seen are counted."""
_NEEDS_SEEN, _NEEDS_SEEN_OF_MANY = 48, 32
_PROFILES_SEEN, _PROFILES_SEEN_OF_MANY, _PROFILES_SEEN_BEFOREHAND = 64, 8, 128
_COUNTED_OF_MANY = 6
"""So many of the oldest needs, and half as many of the others."""
_AGED = 8
"""All are looked at again when one in so many needs or skill sets is another."""


class Positions:
    """Reads what the matcher keeps; changes nothing but what is learnt of rivals on the way."""

    __slots__ = ("_births", "_callers", "_changes", "_profiles", "_signatures", "_unseen")

    def __init__(self, callers: Callers, signatures: Signatures, profiles: Profiles) -> None:
        self._callers = callers
        self._signatures = signatures
        self._profiles = profiles
        self._unseen: list[Signature] = []
        self._births = self._changes = 0

    @property
    def behind(self) -> bool:
        """Whether `look_ahead` has anything to do."""
        return bool(self._unseen) or self._aged()

    def look_ahead(self, budget: int) -> None:
        """Find rivals beforehand, where there are many needs; a unit of `budget` is some two µs."""
        if not self._unseen and self._aged():
            self._unseen = [each for each in self._signatures.by_number if each.users]
            self._births, self._changes = self._signatures.births, self._profiles.changes
        while budget > 0 and self._unseen:
            mine = self._unseen.pop()
            mine.rivals = self._found(mine, _PROFILES_SEEN_BEFOREHAND)
            budget -= _PROFILES_SEEN_BEFOREHAND // 2

    def of(self, slot: int) -> int:
        """See `Matcher.position`."""
        callers = self._callers
        mine = self._signatures.by_number[callers.signature[slot]]
        rank, turn = callers.rank[slot], callers.turn[slot]
        ahead = mine.line.count_before(rank, turn)
        rivals = self._rivals(mine)
        return 1 + ahead + (self._before(rank, turn, rivals) if rivals else 0)

    def _aged(self) -> bool:
        new, changed = (
            self._signatures.births - self._births,
            self._profiles.changes - self._changes,
        )
        many = len(self._signatures)
        return many > _FEW and (new * _AGED > many or changed * _AGED > len(self._profiles))

    def _rivals(self, mine: Signature) -> int:
        """The bits of the other signatures that all who can serve this one can serve."""
        if len(self._signatures) <= _FEW:
            return self._found(mine, _PROFILES_SEEN)
        return mine.rivals if mine.rivals >= 0 else self._found(mine, _PROFILES_SEEN_OF_MANY)

    def _found(self, mine: Signature, most: int) -> int:
        """The same, as far as `most` of those who can serve it tell."""
        able = self._profiles.serving(mine.needs, most)
        own = 1 << mine.number
        common = -1 if able else own
        births = self._signatures.births
        for profile in able:
            if profile.births != births:
                self._profiles.catch_up(profile)
            common &= profile.served
            if common == own:
                break
        return common & ~own

    def _before(self, rank: int, turn: int, rivals: int) -> int:
        """How many in the lines of these signatures come before a place."""
        heads, lines = self._signatures.heads, self._signatures.by_number
        few = len(self._signatures) <= _FEW
        seen = numbers(rivals, _NEEDS_SEEN if few else _NEEDS_SEEN_OF_MANY)
        early = [number for number in seen if heads[number] <= rank]
        counted = len(early) if few else _COUNTED_OF_MANY
        others = early[counted:]
        some = others[:: 2 * len(others) // _COUNTED_OF_MANY + 1]
        counts = [lines[n].line.count_before(rank, turn) for n in early[:counted]]
        before = sum(counts)
        if some:
            counts = [lines[n].line.count_before(rank, turn) for n in some]
        if counts:
            # those not counted, and those not even seen, are taken to be like the last counted
            unseen = (rivals.bit_count() - len(seen)) * len(early) // len(seen)
            before += sum(counts) * (len(others) + unseen) // len(counts)
        return before
