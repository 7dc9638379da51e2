"""Builds the tiny model into a folder of a cache that is named by what it is built from.

The same sources give the same folder, so a second run has nothing to do; a built model is moved to
its place whole, so a killed run leaves nothing half.
"""

import functools
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ivr.speech.ports import UNKNOWN
from ivr.speech.tiny import graph, lexicon, model_files, speakers, vocabulary
from ivr.speech.tiny.corpus import Classes, Corpus, Utterance
from ivr.speech.tiny.espeak import Espeak, Samples, SpeechMissing
from ivr.speech.tiny.lexicon import GARBAGE
from ivr.speech.tiny.network import Examples, Network
from ivr.speech.tiny.place import NAME, place

UTTERANCES, EPOCHS, HIDDEN = 4500, 8, 128
SENTENCES = 20000
"""Of which the order of words is learned."""
_PROCESSES, _TOGETHER = 2, 50
_UNKNOWN_COST = 6.0
_GARBAGE_PRIOR = 0.05
"""Kaldi divides by it: the lower, the oftener `[unk]` wins. Tried: 0.02 to 0.05, costs 4 to 7."""
Progress = Callable[[str, float], None]
"""What is being done, and how far it is (0.0 to 1.0)."""


def build(cache: Path, progress: Progress = lambda what, part: None) -> Path:
    """Build it unless it is there; its folder. Older ones are removed.

    Raises `SpeechMissing`, `BadVocabulary`, OSError.
    """
    target = place(cache)
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="new-") as folder:
            made = Path(folder) / "model"
            made.mkdir()
            _make(made, progress)
            made.chmod(0o755)
            made.replace(target)
    for old in cache.glob(f"{NAME}*"):
        if old != target:
            shutil.rmtree(old, ignore_errors=True)
    return target


def _make(folder: Path, progress: Progress) -> None:
    words = vocabulary.load()
    sounds = lexicon.build(words, Espeak())
    utterances: list[Utterance] = []
    data = speakers.installed()
    if data is None:
        raise SpeechMissing("espeak-ng's data (Debian package espeak-ng-data)")
    with tempfile.TemporaryDirectory() as voices:
        speakers.draw(Path(voices), data)
        for part in _utterances(UTTERANCES, Path(voices)):
            utterances += part
            progress("speech", len(utterances) / UTTERANCES)
    examples = Examples.of(utterances)
    network = Network(len(sounds.classes), HIDDEN)
    network.train(
        examples, EPOCHS, progress=lambda done, total, loss: progress("network", done / total)
    )
    chance = random.Random(7)  # noqa: S311 - has to be the same every time
    grammar = graph.bigram(
        (words.sentence(chance) for _ in range(SENTENCES)), sounds.word_ids, UNKNOWN, _UNKNOWN_COST
    )
    priors = _priors([u.classes for u in utterances], sounds.classes[GARBAGE], len(sounds.classes))
    model_files.write(folder, sounds, network.folded(examples), priors, grammar)
    progress("model", 1.0)


def _priors(seen: Sequence[Classes], garbage: int, count: int) -> Samples:
    counts = np.bincount(np.concatenate(seen), minlength=count) + 1.0
    priors: Samples = counts / counts.sum()
    priors[garbage] = _GARBAGE_PRIOR
    return priors


def _utterances(count: int, voices: Path) -> Iterator[list[Utterance]]:
    """All utterances in their order, made by processes: espeak-ng has one voice at a time.

    What it said before can be heard in what it says; so each process is always given the same
    parts in the same order.
    """
    parts = [range(at, min(at + _TOGETHER, count)) for at in range(0, count, _TOGETHER)]
    with ExitStack() as stack:
        pools = [stack.enter_context(ProcessPoolExecutor(1)) for _ in range(_PROCESSES)]
        made = [
            pools[number % _PROCESSES].submit(_spoken, voices, part)
            for number, part in enumerate(parts)
        ]
        for future in made:
            yield future.result()


def _spoken(voices: Path, numbers: range) -> list[Utterance]:
    corpus = _corpus(os.getpid(), voices)
    return [corpus.utterance(number) for number in numbers]


@functools.cache
def _corpus(process: int, voices: Path) -> Corpus:
    """One of each process's own: it may be a fork of another."""
    words, espeak = vocabulary.load(), Espeak(voices)
    sounds = lexicon.build(words, espeak)
    return Corpus(words, vocabulary.other_words(), sounds, espeak, speakers.names())
