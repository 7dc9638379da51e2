"""Which of the six kinds of request it is: the weight of patterns, the class's usual kind, and
what it is like among sentences whose kinds are known."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tickets.model import Kind
from tickets.understanding.model import Hit, KindGuess
from tickets.understanding.plain import Plain
from tickets.understanding.told import ToldKinds

SLIGHT = 0.05
"""A sentence that is less like a kind's is not like them."""


class KindWords:
    """Patterns and their weights for each kind. Raises KeyError, ValueError and re.error."""

    def __init__(self, data: Mapping[str, Any], told: Sequence[str] = ()) -> None:
        self._usual = float(data["usual"])
        self._like = float(data.get("like", 0.0))
        self._told = ToldKinds(told)
        self._asked = re.compile(data["asked"])
        self._patterns = [
            (Kind(kind), float(one["weight"]), _any_of(one["any"]))
            for kind, weighed in data["kinds"].items()
            for one in weighed
        ]

    def guess(self, text: Plain, usual: Kind | None) -> tuple[KindGuess, ...]:
        """Kinds with anything that speaks for them, best first; scores add up to 1.0."""
        if usual is Kind.CONSULTATION and not self._asked.search(text.text):
            usual = Kind.COMPLAINT
        weights: dict[Kind, float] = {} if usual is None else {usual: self._usual}
        hits: dict[Kind, set[Hit]] = {}
        for kind, weight, pattern in self._patterns:
            for match in pattern.finditer(text.text):
                if match.end() > match.start():
                    hits.setdefault(kind, set()).add(text.hit(*match.span()))
                    weights[kind] = weights.get(kind, 0.0) + weight
        for kind, share in self._told.like(text.text).items():
            if self._like and share > SLIGHT:
                weights[kind] = weights.get(kind, 0.0) + self._like * share
        total = sum(weights.values())
        guesses = [
            KindGuess(
                kind,
                round(weight / total, 3),
                tuple(sorted(hits.get(kind, ()), key=lambda hit: hit.start)),
            )
            for kind, weight in weights.items()
        ]
        return tuple(sorted(guesses, key=lambda guess: (-guess.score, guess.kind)))


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
