"""What a caller needs of a seat: an AND of ORs of "skill at that level or better".

As text: `lang:za>=2 & (svc:12333 | svc:general>=3)`; a level of 1 may be left out. This text is
what stands in data files, on the channel (HL_NEEDS) and on pages. Pure values.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

LEVELS = range(1, 6)
_NEED = re.compile(r"([a-z]{2,10}:[a-z0-9_]{1,30})(?:>=([0-9]+))?")


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One thing asked of a seat: `skill` at `level` or better."""

    skill: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Requirement:
    """Every group of `all_of` must be met, each by any one of its needs.

    Empty: any seat will do. A group without needs can't be met and is refused (ValueError).
    """

    all_of: frozenset[frozenset[Need]] = frozenset()

    def __post_init__(self) -> None:
        for group in self.all_of:
            if not group:
                raise ValueError("a group of alternatives is empty: nobody could meet it")
            for need in group:
                if need.level not in LEVELS:
                    raise ValueError(f"{need.skill}: level {need.level} is not 1 to {LEVELS[-1]}")

    @classmethod
    def of(cls, *needs: Need) -> Self:
        """All of these needs, without alternatives."""
        return cls(frozenset(frozenset({need}) for need in needs))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text form; raises ValueError that names what is wrong in it."""
        groups = [part.strip() for part in text.split("&")] if text.strip() else []
        return cls(frozenset(_group(part, text) for part in groups))

    def met_by(self, skills: Mapping[str, int]) -> bool:
        """True when a seat with these skills (name → level) can serve."""
        return all(
            any(skills.get(need.skill, 0) >= need.level for need in group) for group in self.all_of
        )

    def needs(self) -> Iterable[Need]:
        """Every need that occurs, in order of skill and level."""
        return sorted({need for group in self.all_of for need in group})

    def lowered(self, skill: str, to: int) -> Self:
        """The same with every need of `skill` above level `to` lowered to it."""
        return self._mapped(
            lambda group: frozenset(
                Need(n.skill, to) if n.skill == skill and n.level > to else n for n in group
            )
        )

    def widened(self, skill: str, alternatives: Iterable[Need]) -> Self:
        """The same with `alternatives` allowed wherever `skill` is asked for."""
        more = frozenset(alternatives)
        return self._mapped(
            lambda group: group | more if any(n.skill == skill for n in group) else group
        )

    def without(self, skill: str) -> Self:
        """The same without the groups that ask for `skill`."""
        kept = (g for g in self.all_of if not any(n.skill == skill for n in g))
        return type(self)(frozenset(kept))

    def joined(self, other: "Requirement") -> Self:
        """Both requirements together."""
        return type(self)(self.all_of | other.all_of)

    def __str__(self) -> str:
        return " & ".join(sorted(_text(group) for group in self.all_of))

    def _mapped(self, change: Callable[[frozenset[Need]], frozenset[Need]]) -> Self:
        return type(self)(frozenset(change(group) for group in self.all_of))


def _group(part: str, whole: str) -> frozenset[Need]:
    inner = part[1:-1] if part.startswith("(") and part.endswith(")") else part
    return frozenset(_need(word.strip(), whole) for word in inner.split("|"))


def _need(word: str, whole: str) -> Need:
    found = _NEED.fullmatch(word)
    if found is None:
        raise ValueError(f"{word!r} in {whole!r} is not a need such as `lang:za>=2`")
    return Need(found[1], int(found[2] or 1))


def _text(group: frozenset[Need]) -> str:
    words = [n.skill if n.level == 1 else f"{n.skill}>={n.level}" for n in sorted(group)]
    return words[0] if len(words) == 1 else f"({' | '.join(words)})"
