"""Seats with equal skills are one *profile*, which knows the signatures it can serve.

It learns of new signatures when it is asked, or before, on an idle tick: a new signature costs
nothing but its own entry, whatever the number of seats.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from queue_manager.bits import SkillBits, numbers
from queue_manager.callers import Callers
from queue_manager.requirement import Requirement
from queue_manager.signatures import NOBODY, Signatures

_LATER = 16
_NUMBERED = 32
_OLDEST = 48
_FIRST = (1 << 1024) - 1
"""Those numbered first are asked first: the others seldom need be."""
_ANEW = 64  # from so many new signatures on it is cheaper to learn all at once


@dataclass(slots=True, eq=False)
class Profile:
    """`served` has the bit of every signature it can serve; `births` is the count of signatures
    it has learnt of (-1: none at all).

    `rare` and `common` are the numbers of the signatures it serves, apart from those in `later`;
    None when they changed. They are bytes (of C's unsigned int), which the garbage collector
    doesn't look at: there may be as many profiles as seats.
    """

    skills: Mapping[str, int]
    number: int
    seats: int = 0
    births: int = -1
    served: int = 0
    rare: bytes | None = None
    common: bytes | None = None
    later: tuple[int, ...] = ()


class Profiles:
    """All profiles that some seat has; `changes` counts what they ever learnt or unlearnt."""

    def __init__(self, signatures: Signatures, callers: Callers) -> None:
        self._signatures = signatures
        self._callers = callers
        self._by_skills: dict[str, Profile] = {}
        self._by_number: list[Profile | None] = []
        self._spare: list[int] = []
        self._bits = SkillBits()
        self._all = 0
        self.changes = 0

    def use(self, skills: Mapping[str, int]) -> Profile:
        """The profile of these skills, with one more seat."""
        key = _key(skills)
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
        del self._by_skills[_key(profile.skills)]
        self._by_number[profile.number] = None
        self._bits.flip(1 << profile.number, profile.skills)
        self._all ^= 1 << profile.number
        self._spare.append(profile.number)

    def change(self, profile: Profile, skills: Mapping[str, int]) -> Profile:
        """The profile of a seat that had this one and has these skills now. Where it was the only
        one, and nobody has the new ones, the profile itself changes: that is the usual case."""
        key = _key(skills)
        if profile.seats > 1 or key in self._by_skills:
            changed = self.use(skills)
            self.release(profile)
            return changed
        del self._by_skills[_key(profile.skills)]
        self._by_skills[key] = profile
        self.changes += 1
        self._bits.change(1 << profile.number, profile.skills, skills)
        profile.skills, profile.births, profile.rare = dict(skills), -1, None
        return profile

    def __len__(self) -> int:
        return len(self._by_skills)

    def all(self) -> Iterable[Profile]:
        """Every profile."""
        return self._by_skills.values()

    def reach(self, needs: Requirement) -> int:
        """The bits of the profiles that meet the requirement."""
        return self._bits.capable(needs, self._all)

    def serving(self, needs: Requirement, most: int) -> list[Profile]:
        """Profiles that meet the requirement, `most` at most."""
        able = self._bits.capable(needs, self._all & _FIRST)
        if able.bit_count() < most:
            able = self.reach(needs)
        return [profile for n in numbers(able, most) if (profile := self._by_number[n])]

    def catch_up(self, profile: Profile) -> Profile:
        """Let it learn of the signatures born since it was asked last."""
        births = self._signatures.births
        if profile.births != births:
            news = self._signatures.born_since(profile.births)
            profile.births = births
            if news is None or len(news) > _ANEW:
                profile.served = self._signatures.served_by(profile.skills)
                profile.rare = None
            else:
                for number, reach in news:
                    _learn(profile, number, bool(reach >> profile.number & 1))
        return profile

    def prepare(self, profile: Profile) -> int:
        """Let it learn all that it may be asked for; how much work that was (some µs each)."""
        self.catch_up(profile)
        if profile.rare is not None and len(profile.later) <= _LATER // 2:
            return 1
        self._number_rare(profile)
        self._number_common(profile)
        return _NUMBERED

    def best(self, profile: Profile) -> int:
        """The smallest rank of a caller it can serve (`NOBODY` when there is none).

        The heads of the needs few can serve are all looked at: they are few of its own, and old
        ones that others can't serve would only be in the way. Of the common needs one of the
        oldest is nearly always among what it can serve.
        """
        self.catch_up(profile)
        if not profile.served & self._signatures.waited_for:
            return NOBODY
        heads, callers = self._signatures.heads, self._callers
        rare = profile.rare
        if rare is None:
            rare = self._number_rare(profile)
        best = min(map(heads.__getitem__, memoryview(rare).cast("I")), default=NOBODY)
        if profile.later:
            best = min(best, *map(heads.__getitem__, profile.later))
        oldest = self._signatures.common_order.first(_OLDEST)
        for slot in oldest:
            rank = callers.rank[slot]
            if rank >= best:
                return best
            if profile.served >> callers.signature[slot] & 1:
                return rank
        if len(oldest) < _OLDEST:
            return best
        common = profile.common
        if common is None:
            common = self._number_common(profile)
        return min(best, min(map(heads.__getitem__, memoryview(common).cast("I")), default=best))

    def _number_rare(self, profile: Profile) -> bytes:
        rare = self._signatures.numbers(profile.served & ~self._signatures.common)
        profile.rare, profile.common, profile.later = array("I", rare).tobytes(), None, ()
        return profile.rare

    def _number_common(self, profile: Profile) -> bytes:
        common = self._signatures.numbers(profile.served & self._signatures.common)
        profile.common = array("I", common).tobytes()
        return profile.common

    def _new(self, skills: Mapping[str, int]) -> Profile:
        number = self._spare.pop() if self._spare else len(self._by_number)
        self.changes += 1
        profile = Profile(skills, number)
        self._by_number[number : number + 1] = [profile]
        self._bits.flip(1 << number, skills)
        self._all |= 1 << number
        return profile


def _key(skills: Mapping[str, int]) -> str:
    return " ".join(sorted(f"{skill}={level}" for skill, level in skills.items()))


def _learn(profile: Profile, number: int, serves: bool) -> None:
    """The number may have been another signature's before, of which it has learnt, too."""
    if bool(profile.served >> number & 1) != serves:
        profile.served ^= 1 << number
        if not serves:
            profile.rare = None
    if serves:
        if len(profile.later) < _LATER:
            profile.later += (number,)
        else:
            profile.rare = None
