"""How the vocabulary's words sound: espeak-ng's phones, from characters and from pinyin."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ivr.speech.ports import UNKNOWN
from ivr.speech.tiny.espeak import Espeak
from ivr.speech.tiny.vocabulary import Vocabulary

SILENCE, GARBAGE = "SIL", "GBG"
_SHORTEST_GARBAGE = 5
"""States of `[unk]`: one output frame each, so that it is at least 150 ms of speech."""
_PLACES = (("B", "begin"), ("I", "internal"), ("E", "end"), ("S", "singleton"))


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Pronunciations of every word (and `[unk]`), and the numbers of what is in them.

    A class (Kaldi: pdf) is one output of the network: a phone wherever it stands in its word. Phone
    ids count from 1, words from 1 in the order of `words`.
    """

    words: Mapping[str, tuple[tuple[str, ...], ...]]
    classes: Mapping[str, int]
    phones: Mapping[str, int]

    @property
    def word_ids(self) -> dict[str, int]:
        """As in `words.txt`."""
        names = ("<eps>", *self.words, "<s>", "</s>")
        return {name: number for number, name in enumerate(names)}

    def phone_ids(self, sounds: tuple[str, ...]) -> list[int]:
        """A pronunciation as position-dependent phones."""
        if len(sounds) == 1:
            return [self.phones[f"{sounds[0]}_S"]]
        middle = [self.phones[f"{sound}_I"] for sound in sounds[1:-1]]
        return [self.phones[f"{sounds[0]}_B"], *middle, self.phones[f"{sounds[-1]}_E"]]

    def class_of_phone(self) -> list[int]:
        """The class of each phone id; the entry of id 0 means nothing."""
        return [0, *(self.classes[name.rsplit("_", 1)[0]] for name in self.phones)]

    def boundaries(self) -> list[tuple[int, str]]:
        """Kaldi's `word_boundary.int`."""
        places = dict(_PLACES)
        return [
            (number, places.get(name.rsplit("_", 1)[-1], "nonword"))
            for name, number in self.phones.items()
        ]


def build(vocabulary: Vocabulary, espeak: Espeak) -> Lexicon:
    """Let espeak-ng say every word both ways."""
    words: dict[str, tuple[tuple[str, ...], ...]] = {}
    for word, pinyin in vocabulary.pinyin.items():
        said = (espeak.say(text).sounds for text in (pinyin.replace(" ", ""), word))
        words[word] = tuple(dict.fromkeys(said))
    words[UNKNOWN] = ((GARBAGE,) * _SHORTEST_GARBAGE,)
    sounds = sorted(_sounds(words.values()))
    classes = {name: number for number, name in enumerate((SILENCE, *sounds))}
    placed = (f"{sound}_{letter}" for sound in sounds for letter, _ in _PLACES)
    phones = {name: number for number, name in enumerate((SILENCE, *placed), 1)}
    return Lexicon(words, classes, phones)


def _sounds(words: Iterable[tuple[tuple[str, ...], ...]]) -> set[str]:
    return {sound for said in words for sounds in said for sound in sounds}
