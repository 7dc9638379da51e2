"""What waiting callers need, each different need once: a *signature* with its line of callers.

There may be thousands of them, since every step of the rules makes new ones. Which of them some
skills can serve is kept per profile (`queue_manager.profiles`) and learnt here in one go: each
signature is a set of groups of alternatives, and it is out of reach when any group of it is.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import compress
from operator import or_

from queue_manager.bits import truths
from queue_manager.ordered import Line
from queue_manager.requirement import LEVELS, Need, Requirement

NOBODY = 1 << 63
"""The head of an empty line: comes after every rank."""
_LOG = 4096


@dataclass(slots=True, eq=False)
class Signature:
    """Callers with equal needs: `users` of them in all, `line` those who wait."""

    needs: Requirement
    number: int
    line: Line
    users: int = 0


class Signatures:
    """All signatures by number. `heads[number]` is the first rank in each line, `at_rank` the
    numbers of the lines that begin with a rank."""

    def __init__(self, turns: "array[int]") -> None:
        self._turns = turns
        self._by_needs: dict[Requirement, Signature] = {}
        self._spare: list[int] = []
        self._groups = _Groups()
        self._births: list[int] = []
        self._forgotten = 0
        self._numbers: list[int] = []
        self.unused: dict[int, None] = {}
        self.by_number: list[Signature] = []
        self.heads: list[int] = []
        self.at_rank: dict[int, list[int]] = {}

    def __len__(self) -> int:
        return len(self._by_needs)

    def find(self, needs: Requirement) -> Signature | None:
        """The signature of these needs, if anybody has them or had them lately."""
        return self._by_needs.get(needs)

    def use(self, needs: Requirement) -> Signature:
        """The signature of these needs, with one more user."""
        found = self._by_needs.get(needs)
        if found is None:
            found = self._born(needs)
        if not found.users:
            self.unused.pop(found.number, None)
        found.users += 1
        return found

    def release(self, number: int) -> None:
        """One user less; without any it is kept for a while (`reclaim`)."""
        signature = self.by_number[number]
        signature.users -= 1
        if not signature.users:
            self.unused[number] = None

    def reclaim(self) -> None:
        """Forget the signature that has been unused for longest; its number is used again."""
        number = next(iter(self.unused))
        del self.unused[number]
        needs = self.by_number[number].needs
        del self._by_needs[needs]
        self._groups.drop(number, needs)
        self._spare.append(number)

    def wait(self, number: int, rank: int, slot: int) -> None:
        """A caller stands in this line."""
        line = self.by_number[number].line
        line.add(rank, slot)
        if line.first_rank != self.heads[number]:
            self._head(number, line)

    def stop(self, number: int, rank: int, slot: int) -> None:
        """A caller leaves this line."""
        line = self.by_number[number].line
        line.remove(rank, slot)
        if rank == self.heads[number]:
            self._head(number, line)

    # --- who can serve what

    @property
    def births(self) -> int:
        """How many signatures were ever born; who has learnt of fewer has to catch up."""
        return self._forgotten + len(self._births)

    def born_since(self, births: int) -> list[int] | None:
        """The numbers born since; None when that is too long ago to tell."""
        after = births - self._forgotten
        return self._births[after:] if after >= 0 else None

    def forget_births(self, births: int) -> None:
        """Everybody has learnt of so many."""
        done = births - self._forgotten
        if done > 0:
            del self._births[:done]
            self._forgotten = births

    def served_by(self, skills: Mapping[str, int]) -> tuple[int, "array[int]"]:
        """All signatures that a seat with these skills can serve: their bits, their numbers."""
        served = self._groups.met_by(skills)
        return served, array("I", self.numbers(served))

    def numbers(self, bits: int) -> list[int]:
        """The numbers of these bits."""
        return list(compress(self._numbers, truths(bits)))

    # --- inside

    def _born(self, needs: Requirement) -> Signature:
        if self._spare:
            number = self._spare.pop()
        else:
            number = len(self.by_number)
            self._numbers.append(number)
            self.heads.append(NOBODY)
        signature = Signature(needs, number, Line(self._turns))
        self.by_number[number : number + 1] = [signature]
        self._by_needs[needs] = signature
        self._groups.add(number, needs)
        self._births.append(number)
        if len(self._births) > _LOG:
            self.forget_births(self._forgotten + _LOG // 2)
        return signature

    def _head(self, number: int, line: Line) -> None:
        old = self.heads[number]
        new = self.heads[number] = line.first_rank if line else NOBODY
        if old == new:
            return
        if old != NOBODY:
            at_old = self.at_rank[old]
            at_old.remove(number)
            if not at_old:
                del self.at_rank[old]
        if new != NOBODY:
            self.at_rank.setdefault(new, []).append(number)


class _Groups:
    """Each different group of alternatives once, and the bits of the signatures that have it."""

    def __init__(self) -> None:
        self._number: dict[frozenset[Need], int] = {}
        self._spare: list[int] = []
        self._signatures: list[int] = []
        self._asking: dict[str, list[int]] = {}
        self._all = 0

    def add(self, signature: int, needs: Requirement) -> None:
        bit = 1 << signature
        self._all |= bit
        for group in needs.all_of:
            number = self._number.get(group)
            if number is None:
                number = self._new(group)
            self._signatures[number] |= bit

    def drop(self, signature: int, needs: Requirement) -> None:
        bit = 1 << signature
        self._all ^= bit
        for group in needs.all_of:
            number = self._number[group]
            self._signatures[number] ^= bit
            if not self._signatures[number]:
                del self._number[group]
                self._flip(number, group)
                self._spare.append(number)

    def met_by(self, skills: Mapping[str, int]) -> int:
        met = 0
        for skill, level in skills.items():
            for asking in self._asking.get(skill, ())[1 : level + 1]:
                met |= asking
        unmet = ((1 << len(self._signatures)) - 1) ^ met
        return self._all & ~reduce(or_, compress(self._signatures, truths(unmet)), 0)

    def _new(self, group: frozenset[Need]) -> int:
        if self._spare:
            number = self._spare.pop()
        else:
            number = len(self._signatures)
            self._signatures.append(0)
        self._number[group] = number
        self._flip(number, group)
        return number

    def _flip(self, number: int, group: frozenset[Need]) -> None:
        for need in group:
            asking = self._asking.setdefault(need.skill, [0] * LEVELS.stop)
            asking[need.level] ^= 1 << number
