"""Many words looked for in a text at once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A word of a lexicon, where it stands, and what it means."""

    word: str
    start: int
    end: int
    meaning: T


class Lexicon(Generic[T]):
    """Words and their meanings, found by first sign and length."""

    def __init__(self, entries: Iterable[tuple[str, T]]) -> None:
        self._meanings: dict[str, T] = {word: meaning for word, meaning in entries if word}
        lengths: dict[str, set[int]] = {}
        for word in self._meanings:
            lengths.setdefault(word[0], set()).add(len(word))
        self._lengths = {sign: tuple(sorted(all_, reverse=True)) for sign, all_ in lengths.items()}

    def all(self, text: str) -> Iterator[Found[T]]:
        """Every word in the text, also those within longer ones."""
        meanings, lengths = self._meanings, self._lengths
        for start, sign in enumerate(text):
            for length in lengths.get(sign, ()):
                word = text[start : start + length]
                if word in meanings:
                    yield Found(word, start, start + len(word), meanings[word])

    def longest(self, text: str) -> Iterator[Found[T]]:
        """From left to right the longest word at each place, none within another."""
        until = 0
        for found in self.all(text):
            if found.start >= until:
                until = found.end
                yield found
