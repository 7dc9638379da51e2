"""What it is about: leaves of the classification whose words are in the text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tickets.model import Kind
from tickets.understanding.lexicon import Found, Lexicon
from tickets.understanding.model import ClassGuess
from tickets.understanding.plain import Plain

SUGGESTED = 5
"""Leaves that are suggested at most."""

_SURE = 10.0
"""The weight of words from which a score nears 1.0."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf, its names from the domain down, and the kind that is usual there."""

    code: str
    path: tuple[str, str, str]
    unit: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Clue:
    """Words that speak for a leaf when all of them are said."""

    leaf: int
    words: tuple[str, ...]
    weight: float


class ClassTree:
    """All leaves with their words, from the data's `domains`. Raises KeyError and ValueError."""

    def __init__(self, domains: Iterable[Mapping[str, Any]]) -> None:
        self.leaves: list[Leaf] = []
        clues: list[_Clue] = []
        for domain in domains:
            for group in domain["groups"]:
                for leaf in group["leaves"]:
                    path = (domain["name"], group["name"], leaf["name"])
                    known = Leaf(str(leaf["code"]), path, leaf["unit"], Kind(leaf["kind"]))
                    clues.extend(_clue(len(self.leaves), text) for text in leaf["words"].split())
                    self.leaves.append(known)
        by_word: dict[str, list[_Clue]] = {}
        for clue in clues:
            for word in clue.words:
                by_word.setdefault(word, []).append(clue)
        self._lexicon = Lexicon((word, tuple(found)) for word, found in by_word.items())

    def guess(self, text: Plain) -> tuple[ClassGuess, ...]:
        """The leaves that have words in the text, best first, at most `SUGGESTED`."""
        said: dict[str, list[Found[tuple[_Clue, ...]]]] = {}
        for found in self._lexicon.all(text.text):
            said.setdefault(found.word, []).append(found)
        weights: dict[int, list[tuple[float, tuple[str, ...]]]] = {}
        for clue in {clue for founds in said.values() for clue in founds[0].meaning}:
            if all(word in said for word in clue.words):
                weights.setdefault(clue.leaf, []).append((clue.weight, clue.words))
        guesses = [self._guess(text, leaf, clues, said) for leaf, clues in weights.items()]
        guesses.sort(key=lambda guess: (-guess[0], guess[1].code))
        return tuple(guess for _, guess in guesses[:SUGGESTED])

    def _guess(
        self,
        text: Plain,
        leaf: int,
        clues: list[tuple[float, tuple[str, ...]]],
        said: Mapping[str, list[Found[tuple[_Clue, ...]]]],
    ) -> tuple[float, ClassGuess]:
        """One leaf's weight: a word within a longer one of the same leaf counts no second time."""
        clues.sort(key=lambda clue: (-clue[0], clue[1]))
        weight, taken = 0.0, set[int]()
        counted: list[Found[tuple[_Clue, ...]]] = []
        for worth, words in clues:
            places = {at for word in words for at in range(said[word][0].start, said[word][0].end)}
            fresh = len(places - taken) / len(places)
            if fresh > 0:
                weight += worth * fresh
                taken |= places
                counted.extend(said[word][0] for word in words)
        known = self.leaves[leaf]
        hits = tuple(
            text.hit(start, end) for start, end in sorted({(f.start, f.end) for f in counted})
        )
        score = round(weight / (weight + _SURE / 3), 3)
        return weight, ClassGuess(known.code, known.path, known.unit, score, hits)

    def usual_kind(self, code: str) -> Kind | None:
        """The kind that requests of a leaf usually are."""
        return next((leaf.kind for leaf in self.leaves if leaf.code == code), None)


def _clue(leaf: int, text: str) -> _Clue:
    words, _, weight = text.partition("=")
    return _Clue(leaf, tuple(words.split("&")), float(weight) if weight else len(words))
