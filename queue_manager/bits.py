"""Who has which skill at which level, as bits of integers: a question is a handful of ANDs.

Whoever is asked about is a number; the answer is an integer with the bit of each who qualifies.
For 15,000 seats such an integer has a few kilobytes and an AND takes about half a microsecond.
"""

from collections.abc import Iterable, Mapping

from queue_manager.requirement import LEVELS, Requirement

_WINDOW = 240
_IN_WINDOW = (1 << _WINDOW) - 1
_TRUTHS = bytes.maketrans(b"01", bytes((0, 1)))


class SkillBits:
    """Per skill and level an integer: who has at least that. Above the highest level: nobody."""

    __slots__ = ("_least",)

    def __init__(self) -> None:
        self._least: dict[str, list[int]] = {}

    def flip(self, bits: int, skills: Mapping[str, int]) -> None:
        """Write these bits in for these skills, or take them out when they are in."""
        for skill, level in skills.items():
            least = self._least.get(skill) or self._new(skill)
            for at_most in range(1, level + 1):
                least[at_most] ^= bits

    def change(self, bits: int, old: Mapping[str, int], new: Mapping[str, int]) -> None:
        """Who had the old skills has the new ones: only what differs is written."""
        self.flip(bits, {skill: level for skill, level in old.items() if new.get(skill) != level})
        self.flip(bits, {skill: level for skill, level in new.items() if old.get(skill) != level})

    def without(self, skills: Iterable[str], among: int) -> int:
        """Leave out who has the first of these skills, unless all have it; then the second …"""
        for skill in skills:
            least = self._least.get(skill)
            held = among & least[1] if least else 0
            if held and held != among:
                among ^= held
                if not among & (among - 1):
                    break
        return among

    def capable(self, needs: Requirement, among: int) -> int:
        """Those of `among` who meet the requirement."""
        for group in needs.all_of:
            enough = 0
            for need in group:
                if least := self._least.get(need.skill):
                    enough |= among & least[need.level]  # as short as `among` is
            among = enough
            if not among:
                break
        return among

    def closest(self, needs: Requirement, among: int) -> int:
        """Those of `among` (all of them capable) with the least surplus; see `surplus`."""
        groups = [
            [(least, need.level) for need in group if (least := self._least.get(need.skill))]
            for group in needs.all_of
        ]
        for above in LEVELS:
            fit = among
            for group in groups:
                met = 0
                for least, asked in group:
                    met |= least[asked] ^ least[asked + above]
                fit &= met
            if fit:
                return fit
        return among

    def _new(self, skill: str) -> list[int]:
        self._least[skill] = [0] * (2 * LEVELS.stop)
        return self._least[skill]


def surplus(needs: Requirement, skills: Mapping[str, int]) -> int:
    """By how many levels these skills exceed what is asked, where they exceed it most; within
    alternatives the closest counts. 0 is the best fit. The skills must meet the requirement."""
    return max(
        (
            min(skills[n.skill] - n.level for n in group if skills.get(n.skill, 0) >= n.level)
            for group in needs.all_of
        ),
        default=0,
    )


def numbers(bits: int, most: int) -> list[int]:
    """The numbers of the lowest `most` bits, ascending."""
    if bits.bit_count() * _WINDOW < bits.bit_length():  # most windows would be empty
        return _lowest(bits, 0, most)
    found: list[int] = []
    for start in range(0, bits.bit_length(), _WINDOW):
        window = bits >> start & _IN_WINDOW  # a short integer is quicker to take apart
        found += _lowest(window, start, most - len(found))
        if len(found) == most:
            break
    return found


def _lowest(bits: int, start: int, most: int) -> list[int]:
    found: list[int] = []
    while bits and len(found) < most:
        low = bits & -bits
        found.append(start + low.bit_length() - 1)
        bits ^= low
    return found


def truths(bits: int) -> bytes:
    """A byte per bit, 0 or 1, the lowest first: what `itertools.compress` selects by."""
    return f"{bits:b}".encode().translate(_TRUTHS)[::-1]
