"""What the network learns from: spoken sentences as features, with the class of every third frame.

Utterance number n is the same whenever the same ones were made before it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ivr.speech.tiny import sound
from ivr.speech.tiny.espeak import Espeak, Manner, Samples, Spoken
from ivr.speech.tiny.features import SHIFT, frames_of, mfcc
from ivr.speech.tiny.lexicon import GARBAGE, SILENCE, Lexicon
from ivr.speech.tiny.vocabulary import Vocabulary
from ivr.speech.tiny.voices import SEEN

Classes = npt.NDArray[np.int64]
_WINDOW_CENTRE = 100
"""Samples from a frame's begin to its centre."""
_SHORTEST_S = 0.045
"""A phone shorter than one and a half output frames (30 ms each) could never be seen."""
_NO_SPEECH, _OTHER_SPEECH = 0.05, 0.15
_PLAIN_VOICE, _KNOWN_VOICE = 0.1, 0.55
"""Up to where the plain voice and espeak-ng's own variants speak; else drawn ones."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Features (frames, 40) and the class of each frame."""

    features: Samples
    classes: Classes


@dataclass(frozen=True, slots=True)
class Corpus:
    """Makes utterances; `variants` are espeak-ng's own that speak, `drawn` those made for it."""

    vocabulary: Vocabulary
    others: Sequence[str]
    lexicon: Lexicon
    espeak: Espeak
    drawn: Sequence[str]
    variants: Sequence[str] = SEEN

    def utterance(self, number: int) -> Utterance:
        """The utterance of this number."""
        chance = random.Random(number)  # noqa: S311 - has to be the same every time
        noise = np.random.default_rng(number)
        kind = chance.random()
        if kind < _NO_SPEECH:
            wave = sound.coded(sound.tones(int(8000 * chance.uniform(0.3, 2.0)), noise), noise)
            return Utterance(mfcc(wave), np.zeros(frames_of(len(wave)), np.int64))
        other = kind < _NO_SPEECH + _OTHER_SPEECH
        text = self._other_text(chance) if other else self._text(chance)
        spoken = self.espeak.say(text, self._manner(chance), seed=number)
        speed = chance.choice((0.85, 0.92, 1.0, 1.0, 1.0, 1.08, 1.15))
        speech = sound.to_telephone(
            spoken.samples, spoken.rate_hz, speed=speed, band=chance.random() < 0.5
        )
        wave, before = sound.on_the_line(speech, noise)
        scale = sound.RATE_HZ / (spoken.rate_hz * speed)
        classes = self._classes(spoken, scale, before, frames_of(len(wave)), other)
        return Utterance(mfcc(wave), classes)

    def _text(self, chance: random.Random) -> str:
        words = self.vocabulary.sentence(chance)
        if chance.random() < 0.3:  # characters in one run, as texts are written
            return "".join(words)
        pinyin = self.vocabulary.pinyin
        said = (pinyin[w].replace(" ", "") if chance.random() < 0.5 else w for w in words)
        return " ".join(said)

    def _other_text(self, chance: random.Random) -> str:
        return " ".join(chance.choice(self.others) for _ in range(chance.randint(1, 4)))

    def _manner(self, chance: random.Random) -> Manner:
        kind = chance.random()
        variant = ""
        if kind > _PLAIN_VOICE:
            variant = chance.choice(self.drawn if kind > _KNOWN_VOICE else self.variants)
        return Manner(
            variant, chance.randint(110, 230), chance.randint(20, 85), chance.randint(20, 80)
        )

    def _classes(
        self, spoken: Spoken, scale: float, before: int, frames: int, other: bool
    ) -> Classes:
        """The class at each frame's centre; short phones are drawn wider, last, over the others."""
        known, silence = self.lexicon.classes, self.lexicon.classes[SILENCE]
        classes = np.full(frames, silence, np.int64)
        short: list[tuple[float, float, int]] = []
        for (begin, phone), (end, _) in zip(spoken.phones, spoken.phones[1:], strict=False):
            if not phone:
                continue
            number = known[GARBAGE] if other else known.get(phone, known[GARBAGE])
            first, last = begin * scale + before, end * scale + before
            if last - first < _SHORTEST_S * sound.RATE_HZ:
                middle, half = (first + last) / 2, _SHORTEST_S * sound.RATE_HZ / 2
                short.append((middle - half, middle + half, number))
            else:
                _draw(classes, first, last, number)
        for first, last, number in short:
            _draw(classes, first, last, number)
        return classes


def _draw(classes: Classes, first: float, last: float, number: int) -> None:
    begin, end = (max(0, -int(-(at - _WINDOW_CENTRE) // SHIFT)) for at in (first, last))
    classes[begin:end] = number
