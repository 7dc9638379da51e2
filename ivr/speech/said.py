"""Recognised words as they are kept: what can't have been said stands there as unheard."""

from collections.abc import Iterable

from ivr.speech.ports import UNKNOWN, Word
from tickets.spoken import SpokenWord

LONGEST_SIGN_S = 0.6
"""A word that takes longer for each of its signs is hum or music that was taken for it."""
UNHEARD = "…"
"""Stands in a transcript for speech the recogniser has no word for."""


def plausible(words: Iterable[Word]) -> tuple[SpokenWord, ...]:
    """The words with their places; noise and unknown ones as `UNHEARD`, of which nobody is sure."""
    return tuple(_kept(word) for word in words)


def _kept(word: Word) -> SpokenWord:
    known = word.text != UNKNOWN and word.end_s - word.start_s <= LONGEST_SIGN_S * (
        len(word.text) + 0.5
    )
    return SpokenWord(
        word.text if known else UNHEARD,
        round(word.start_s, 3),
        round(word.end_s, 3),
        round(word.confidence, 3) if known else 0.0,
    )
