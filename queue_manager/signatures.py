"""What waiting callers need, each different need once: a *signature* with its line of callers.

There may be thousands of them, since every step of the rules makes new ones. Which of them some
skills can serve is kept per profile (`queue_manager.profiles`) and learnt here in one go: each
signature is a set of groups of alternatives, and it is out of reach when any group of it is.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import compress

from queue_manager.bits import numbers, truths
from queue_manager.ordered import Line
from queue_manager.requirement import LEVELS, Need, Requirement

NOBODY = (1 << 63) - 1
"""The head of an empty line: comes after every rank."""
_FEW = 64
COMMON = 64
"""From so many profiles on that can serve it a signature is a common one."""
LOG = 1024
"""How many births are remembered; who comes later learns everything anew."""

Birth = tuple[int, int]
"""A new signature's number, and the bits of the profiles that can serve it."""


@dataclass(slots=True, eq=False)
class Signature:
    """Callers with equal needs: `users` of them in all, `line` those who wait. `rivals` are the
    bits of the others that all who can serve this one can serve, as last looked at; -1: never."""

    needs: Requirement
    number: int
    line: Line
    users: int = 0
    rivals: int = -1


class Signatures:
    """All signatures by number. `heads[number]` is the first rank in each line; `common_order`
    holds the first caller of each line that many profiles can serve, `rare_order` of each other;
    `common` has the bits of the former, `waited_for` those with anybody in line."""

    def __init__(self, turns: "array[int]") -> None:
        self._turns = turns
        self.common = 0
        self.waited_for = 0
        self.common_order = Line(turns)
        self.rare_order = Line(turns)
        self._by_needs: dict[Requirement, Signature] = {}
        self._spare: list[int] = []
        self._all = 0
        self._kinds: dict[str, _Groups] = {}
        self._births: list[Birth] = []
        self._forgotten = 0
        self._numbers: list[int] = []
        self._first = array("q")
        self.unused: dict[int, None] = {}
        self.by_number: list[Signature] = []
        self.heads = array("q")

    def __len__(self) -> int:
        return len(self._by_needs)

    def find(self, needs: Requirement) -> Signature | None:
        """The signature of these needs, if anybody has them or had them lately."""
        return self._by_needs.get(needs)

    def use(self, needs: Requirement, reach: Callable[[Requirement], int]) -> Signature:
        """The signature of these needs, with one more user; `reach` tells the bits of the
        profiles that can serve it, when it is new."""
        found = self._by_needs.get(needs)
        if found is None:
            found = self._born(needs, reach(needs))
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
        self._all ^= 1 << number
        self.common &= ~(1 << number)
        for kind, group in _kinds(needs):
            self._kinds[kind].drop(number, group)
        self._spare.append(number)

    def wait(self, number: int, rank: int, slot: int) -> None:
        """A caller stands in this line."""
        line = self.by_number[number].line
        line.add(rank, slot)
        if line.first_slot == slot:
            self._head(number, line)

    def stop(self, number: int, rank: int, slot: int) -> None:
        """A caller leaves this line."""
        line = self.by_number[number].line
        line.remove(rank, slot)
        if self._first[number] == slot:
            self._head(number, line)

    @property
    def first_rank(self) -> int:
        """The smallest rank of all (`NOBODY` when nobody waits)."""
        orders = (self.rare_order, self.common_order)
        return min((order.first_rank for order in orders if order), default=NOBODY)

    def first_at(self, rank: int) -> list[int]:
        """The callers of this rank who are first in their lines."""
        return self.rare_order.at(rank) + self.common_order.at(rank)

    def numbers(self, bits: int) -> list[int]:
        """The numbers of these bits."""
        if bits.bit_count() <= _FEW:
            return numbers(bits, _FEW)
        return list(compress(self._numbers, truths(bits)))

    # --- who can serve what

    @property
    def births(self) -> int:
        """How many signatures were ever born; who has learnt of fewer has to catch up."""
        return self._forgotten + len(self._births)

    def born_since(self, births: int) -> "list[Birth] | None":
        """Those born since; None when that is too long ago to tell."""
        after = births - self._forgotten
        return self._births[after:] if after >= 0 else None

    def forget_births(self, births: int) -> None:
        """Everybody has learnt of so many."""
        done = births - self._forgotten
        if done > 0:
            del self._births[:done]
            self._forgotten = births

    def served_by(self, skills: Mapping[str, int]) -> int:
        """The bits of all signatures that a seat with these skills can serve."""
        served = self._all
        for groups in self._kinds.values():
            served &= ~groups.unmet_by(skills)
        return served

    # --- inside

    def _born(self, needs: Requirement, reach: int) -> Signature:
        if self._spare:
            number = self._spare.pop()
        else:
            number = len(self.by_number)
            self._numbers.append(number)
            self.heads.append(NOBODY)
            self._first.append(-1)
        signature = Signature(needs, number, Line(self._turns))
        self.by_number[number : number + 1] = [signature]
        self._by_needs[needs] = signature
        self._all |= 1 << number
        if reach.bit_count() >= COMMON:
            self.common |= 1 << number
        for kind, group in _kinds(needs):
            self._kinds.setdefault(kind, _Groups()).add(number, group)
        self._births.append((number, reach))
        if len(self._births) > LOG:
            self.forget_births(self._forgotten + LOG // 2)
        return signature

    def _head(self, number: int, line: Line) -> None:
        first, head = self._first[number], self.heads[number]
        order = self.common_order if self.common >> number & 1 else self.rare_order
        if (first >= 0) != bool(line):
            self.waited_for ^= 1 << number
        if first >= 0:
            order.remove(head, first)
        if line:
            self.heads[number], self._first[number] = line.first_rank, line.first_slot
            order.add(line.first_rank, line.first_slot)
        else:
            self.heads[number], self._first[number] = NOBODY, -1


def _kinds(needs: Requirement) -> Iterator[tuple[str, frozenset[Need]]]:
    """Each group with its kind, such as `lang`, `svc`, and `svc+` when there is a second one: of
    one kind a signature has one group, or none."""
    seen = set[str]()
    for group in sorted(needs.all_of, key=sorted):
        kind = min(group).skill.partition(":")[0]
        while kind in seen:
            kind += "+"
        seen.add(kind)
        yield kind, group


class _Groups:
    """The signatures that have a group of one kind, by the skills and levels that meet it: a group
    is met as soon as one of its needs is."""

    def __init__(self) -> None:
        self._all = 0
        self._met: dict[str, list[int]] = {}

    def add(self, signature: int, group: frozenset[Need]) -> None:
        bit = 1 << signature
        self._all |= bit
        for need in group:
            met = self._met.setdefault(need.skill, [0] * LEVELS.stop)
            for level in range(need.level, LEVELS.stop):
                met[level] |= bit

    def drop(self, signature: int, group: frozenset[Need]) -> None:
        bit = 1 << signature
        self._all ^= bit
        for need in group:
            met = self._met[need.skill]
            for level in range(need.level, LEVELS.stop):
                met[level] &= ~bit

    def unmet_by(self, skills: Mapping[str, int]) -> int:
        """The signatures whose group isn't met by these skills."""
        met = 0
        for skill, level in skills.items():
            if levels := self._met.get(skill):
                met |= levels[level]
        return self._all & ~met
