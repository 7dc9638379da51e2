"""Who has which skill at which level, as bits of integers: a question is a handful of ANDs.

Whoever is asked about is a number; the answer is an integer with the bit of each who qualifies.
For 15,000 seats such an integer has a few kilobytes and an AND takes about half a microsecond.
"""

from collections.abc import Iterable, Mapping

from queue_manager.requirement import LEVELS, Requirement

_WINDOW = 512
_IN_WINDOW = (1 << _WINDOW) - 1
_TRUTHS = bytes.maketrans(b"01", bytes((0, 1)))


class SkillBits:
    """Per skill an integer for each level (who has exactly that), and one for any level."""

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: dict[str, list[int]] = {}

    def flip(self, bits: int, skills: Mapping[str, int]) -> None:
        """Write these bits in for these skills, or take them out when they are in."""
        for skill, level in skills.items():
            levels = self._levels.get(skill)
            if levels is None:
                levels = self._levels[skill] = [0] * LEVELS.stop
            levels[0] ^= bits
            levels[level] ^= bits

    def without(self, skills: Iterable[str], among: int) -> int:
        """Leave out who has the first of these skills, unless all have it; then the second …"""
        for skill in skills:
            levels = self._levels.get(skill)
            held = among & levels[0] if levels else 0
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
                enough |= self._at_least(need.skill, need.level)
            among &= enough
            if not among:
                break
        return among

    def closest(self, needs: Requirement, among: int) -> int:
        """Those of `among` (all of them capable) with the least surplus; see `surplus`."""
        groups = [
            [(levels, need.level) for need in group if (levels := self._levels.get(need.skill))]
            for group in needs.all_of
        ]
        met = [0] * len(groups)
        for above in range(LEVELS.stop):
            fit = among
            for at, group in enumerate(groups):
                for levels, asked in group:
                    if asked + above < LEVELS.stop:
                        met[at] |= levels[asked + above]
                fit &= met[at]
            if fit:
                return fit
        return among

    def _at_least(self, skill: str, level: int) -> int:
        levels = self._levels.get(skill)
        if levels is None:
            return 0
        enough = levels[0]
        for lower in levels[1:level]:
            enough ^= lower
        return enough


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
    found: list[int] = []
    for start in range(0, bits.bit_length(), _WINDOW):
        window = bits >> start & _IN_WINDOW  # a short integer is quicker to take apart
        while window and len(found) < most:
            low = window & -window
            found.append(start + low.bit_length() - 1)
            window ^= low
        if len(found) == most:
            break
    return found


def truths(bits: int) -> bytes:
    """A byte per bit, 0 or 1, the lowest first: what `itertools.compress` selects by."""
    return f"{bits:b}".encode().translate(_TRUTHS)[::-1]
