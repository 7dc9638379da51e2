"""A text made plain for matching: no blanks, one form of each sign, and the way back.

Chinese punctuation becomes ASCII's: ，！？： are full-width ASCII.
"""

from dataclasses import dataclass

from tickets.understanding.model import Hit

BARRIER = "\N{REPLACEMENT CHARACTER}"  # speech without a word for it: nothing matches across
_FORMS = {
    **{0xFF01 + i: 0x21 + i for i in range(94)},  # full-width ASCII
    ord("○"): ord("〇"),
}
LONGEST = 4000
"""Characters that are looked at: 20 minutes of talk. What comes after is left alone."""


@dataclass(frozen=True, slots=True)
class Plain:
    """`text` without blanks; `at[i]` is where its i-th sign stands in the text that was given."""

    text: str
    at: tuple[int, ...]
    given: str

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A non-empty stretch of `text` as offsets of the given text."""
        return self.at[start], self.at[end - 1] + 1

    def hit(self, start: int, end: int) -> Hit:
        """The stretch as a `Hit` with the words that were given."""
        begun, ended = self.span(start, end)
        return Hit(self.given[begun:ended], begun, ended)


def plain(text: str) -> Plain:
    """Take out blanks, fold full-width signs and capital letters; never raises."""
    given = text[:LONGEST]
    marked = given.replace("[unk]", BARRIER + " " * 4).translate(_FORMS)
    kept = [(sign, place) for place, sign in enumerate(marked) if not sign.isspace()]
    folded = "".join(_lower(sign) for sign, _ in kept)
    return Plain(folded, tuple(place for _, place in kept), text)


def _lower(sign: str) -> str:
    """Lower case, unless that takes more than one sign."""
    lower = sign.lower()
    return lower if len(lower) == 1 else sign
