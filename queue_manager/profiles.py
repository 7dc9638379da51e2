"""Seats with equal skills are one *profile*, which knows the signatures it can serve.

It learns of new signatures when it is asked, or before, on an idle tick: a new signature costs
nothing but its own entry, whatever the number of seats.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter

from queue_manager.bits import SkillBits, numbers
from queue_manager.requirement import Requirement
from queue_manager.signatures import VACANT, Signatures

_LATER = 16
_PICKED = 16
_ANEW = 64  # from so many new signatures on it is cheaper to learn all at once


@dataclass(slots=True, eq=False)
class Profile:
    """`served` has the bit of every signature it can serve; `births` is the count of signatures
    it has learnt of (-1: none at all).

    `pick` takes the items of a list at the numbers of the signatures it serves, all but those in
    `later`; None when they changed.
    """

    skills: Mapping[str, int]
    number: int
    seats: int = 0
    births: int = -1
    served: int = 0
    pick: "itemgetter[tuple[int, ...]] | None" = None
    later: list[int] = field(default_factory=list)


class Profiles:
    """All profiles that some seat has."""

    def __init__(self, signatures: Signatures) -> None:
        self._signatures = signatures
        self._by_skills: dict[frozenset[tuple[str, int]], Profile] = {}
        self._by_number: list[Profile | None] = []
        self._spare: list[int] = []
        self._bits = SkillBits()
        self._all = 0

    def use(self, skills: Mapping[str, int]) -> Profile:
        """The profile of these skills, with one more seat."""
        key = frozenset(skills.items())
        found = self._by_skills.get(key)
        if found is None:
            found = self._by_skills[key] = self._new(dict(skills))
        found.seats += 1
        return found

    def release(self, profile: Profile) -> None:
        """One seat less; without any it is forgotten."""
        profile.seats -= 1
        if profile.seats:
            return
        del self._by_skills[frozenset(profile.skills.items())]
        self._by_number[profile.number] = None
        self._bits.flip(1 << profile.number, profile.skills)
        self._all ^= 1 << profile.number
        self._spare.append(profile.number)

    def all(self) -> Iterable[Profile]:
        """Every profile."""
        return self._by_skills.values()

    def reach(self, needs: Requirement) -> int:
        """The bits of the profiles that meet the requirement."""
        return self._bits.capable(needs, self._all)

    def serving(self, needs: Requirement, most: int) -> list[Profile]:
        """Profiles that meet the requirement, `most` at most."""
        able = numbers(self.reach(needs), most)
        return [profile for number in able if (profile := self._by_number[number])]

    def catch_up(self, profile: Profile) -> Profile:
        """Let it learn of the signatures born since it was asked last."""
        births = self._signatures.births
        if profile.births != births:
            news = self._signatures.born_since(profile.births)
            profile.births = births
            if news is None or len(news) > _ANEW:
                profile.served = self._signatures.served_by(profile.skills)
                profile.pick = None
            else:
                for number, reach in news:
                    _learn(profile, number, bool(reach >> profile.number & 1))
        return profile

    def prepare(self, profile: Profile) -> int:
        """Let it learn all that it may be asked for; how much work that was (some µs each)."""
        self.catch_up(profile)
        if profile.pick is not None and len(profile.later) <= _LATER // 2:
            return 1
        self._pick(profile)
        return _PICKED

    def best(self, profile: Profile) -> int:
        """The smallest rank of a caller it can serve (`NOBODY` when there is none)."""
        self.catch_up(profile)
        heads = self._signatures.heads
        pick = profile.pick or self._pick(profile)
        best: int = min(pick(heads))
        return min(best, *map(heads.__getitem__, profile.later)) if profile.later else best

    def _pick(self, profile: Profile) -> "itemgetter[tuple[int, ...]]":
        served = self._signatures.numbers(profile.served)
        profile.pick = itemgetter(VACANT, VACANT, *served)  # two at least: then it is a tuple
        profile.later.clear()
        return profile.pick

    def _new(self, skills: Mapping[str, int]) -> Profile:
        number = self._spare.pop() if self._spare else len(self._by_number)
        profile = Profile(skills, number)
        self._by_number[number : number + 1] = [profile]
        self._bits.flip(1 << number, skills)
        self._all |= 1 << number
        return profile


def _learn(profile: Profile, number: int, serves: bool) -> None:
    """The number may have been another signature's before, of which it has learnt, too."""
    if bool(profile.served >> number & 1) == serves:
        return
    profile.served ^= 1 << number
    if serves and len(profile.later) < _LATER:
        profile.later.append(number)
    else:
        profile.pick = None
