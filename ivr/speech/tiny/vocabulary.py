"""The words of the demonstration and the sentences they are used in, read from data.

`tickets/understanding/data/vocabulary.yaml` says what each of its parts means.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from ivr.speech.ports import UNKNOWN
from ivr.speech.tiny.place import OTHERS, VOCABULARY

_MOST_DIGITS = 11


class BadVocabulary(Exception):
    """The file is no vocabulary; the text says where."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every word with its pinyin, the groups of words, and the shapes of sentences."""

    pinyin: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]
    shapes: tuple[tuple[str, ...], ...]

    def sentence(self, chance: random.Random) -> list[str]:
        """Words as somebody might say them: mostly a shape, else any words in any order, so that
        each word is heard in each neighbourhood."""
        words = tuple(self.pinyin)
        kind = chance.random()
        if kind < 0.12:
            return self._digits(chance)
        if kind < 0.36:
            return [chance.choice(words) for _ in range(chance.randint(1, 6))]
        return [word for part in chance.choice(self.shapes) for word in self._fill(part, chance)]

    def _fill(self, part: str, chance: random.Random) -> list[str]:
        name = part.strip("{}")
        if name == part:
            return [part]
        return self._digits(chance) if name == "digits" else [chance.choice(self.groups[name])]

    def _digits(self, chance: random.Random) -> list[str]:
        many = chance.choice((3, 4, 5, 8, _MOST_DIGITS, _MOST_DIGITS))
        return [chance.choice(self.groups["digit"]) for _ in range(many)]


def load(file: Path = VOCABULARY) -> Vocabulary:
    """Read a vocabulary; raises `BadVocabulary`."""
    told = yaml.safe_load(file.read_text("utf-8"))
    pinyin: dict[str, str] = {}
    groups: dict[str, tuple[str, ...]] = {}
    for group, words in told["words"].items():
        groups[group] = tuple(words)
        for word, said in words.items():
            if pinyin.setdefault(word, said) != said or not str(said).strip():
                raise BadVocabulary(f"{file.name}: {group}: {word} has no pinyin, or two")
    shapes = tuple(tuple(shape.split()) for shape in told["sentences"])
    for part in _parts(shapes):
        if part.strip("{}") not in (*groups, "digits") and part not in pinyin:
            raise BadVocabulary(f"{file.name}: sentences: {part} is neither a word nor a group")
    if UNKNOWN in pinyin or not shapes or "digit" not in groups:
        raise BadVocabulary(f"{file.name}: it needs sentences, digits, and no {UNKNOWN}")
    return Vocabulary(pinyin, groups, shapes)


def other_words() -> tuple[str, ...]:
    """Pinyin of words that are not in the vocabulary: they teach what `[unk]` sounds like."""
    return tuple(yaml.safe_load(OTHERS.read_text("utf-8")))


def _parts(shapes: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    for shape in shapes:
        yield from shape
