"""Which kind a sentence is like: counted from sentences whose kinds are known (naive Bayes).

What speaks for a kind is how often its sentences hold the same one, two or three signs. Source of
the method: M. E. Maron, Automatic Indexing, 1961, doi:10.1145/321075.321084.
"""

import math
from collections.abc import Iterable, Mapping

from tickets.model import Kind
from tickets.understanding.plain import plain

LONGEST = 3
SHRUNK = 3.0
"""As many sentences as speak for the mean of all kinds beside a kind's own."""
SURE = 1.0
_BEGIN, _END = "^", "$"


class ToldKinds:
    """Sentences with their kinds, one a line: `kind|kind text`. Raises ValueError for others."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._kinds = tuple(Kind)
        self._sentences = [0.0] * len(self._kinds)
        counts: dict[str, list[float]] = {}
        for line in filter(str.strip, lines):
            kinds, _, text = line.partition(" ")
            named = [self._kinds.index(Kind(kind)) for kind in kinds.split("|")]
            for at in named:
                self._sentences[at] += 1 / len(named)
            for signs in _pieces(plain(text).text):
                found = counts.setdefault(signs, [0.0] * len(self._kinds))
                for at in named:
                    found[at] += 1 / len(named)
        self._speaks = {
            signs: self._speaking(found) for signs, found in counts.items() if sum(found) > 1
        }

    def like(self, text: str) -> Mapping[Kind, float]:
        """How probable each kind is for a text without blanks; together 1.0, and nothing for a text
        of which no sign is known."""
        pieces = _pieces(text) if text else ()
        told = [speaks for signs in pieces if (speaks := self._speaks.get(signs))]
        if not told:
            return {}
        strength = SURE / math.sqrt(len(told))
        sums = [strength * sum(column) for column in zip(*told, strict=True)]
        parts = [math.exp(one - max(sums)) for one in sums]
        whole = sum(parts)
        return {kind: part / whole for kind, part in zip(self._kinds, parts, strict=True)}

    def _speaking(self, found: list[float]) -> tuple[float, ...]:
        """The logarithm of each kind's share against the mean of them."""
        usual = sum(found) / sum(self._sentences)
        shares = [
            math.log((one + SHRUNK * usual) / (of + SHRUNK))
            for one, of in zip(found, self._sentences, strict=True)
        ]
        mean = sum(shares) / len(shares)
        return tuple(share - mean for share in shares)


def _pieces(text: str) -> set[str]:
    whole = f"{_BEGIN}{text}{_END}"
    return {
        whole[at : at + size]
        for size in range(1, LONGEST + 1)
        for at in range(len(whole) - size + 1)
    }
