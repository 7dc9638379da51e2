"""`hotline bench understanding`: the evaluation set on text, and spoken by voices nobody learnt."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from time import perf_counter

import numpy as np

from hotline.errors import PartsFailed, SetupMissing
from ivr.speech.pool import VoskPool
from ivr.speech.ports import Final, SpeechAway, SpeechEvent, SpeechLost, Word
from ivr.speech.tiny.espeak import Espeak, Manner, SpeechMissing
from ivr.speech.tiny.sound import on_the_line, to_telephone
from ivr.speech.tiny.vocabulary import load
from ivr.speech.tiny.voices import UNSEEN
from simulator.bench_calls import machine
from tickets.understanding.lexicon import Lexicon
from tickets.understanding.model import Understanding
from tickets.understanding.scoring import HALVES, PARAPHRASED, Case, load_cases, score
from tickets.understanding.understand import understand

TARGETS = {
    "kind_accuracy": 0.95,
    "class_accuracy": 0.90,
    "place_accuracy": 0.95,
    "phone_accuracy": 0.99,
    "danger_recall": 1.0,
    "danger_precision": 0.90,
}
"""What is to be reached, on text, by the held-out half and by the whole; audio is only reported."""

WORKERS, READY_S, HEARD_S = 2, 30.0, 600.0
_PAUSE = "\0"
_SIGNS = {sign: han for han, sign in zip("零一二三四五六七八九", "0123456789", strict=True)}


def bench_understanding(
    model: Path, say: Callable[[str], None], *, audio: bool
) -> dict[str, float]:
    """The figures; without prefix the whole set, `held_out_` that half, `paraphrased_` sentences
    written after the rules, `audio_` the whole by ear, `audio_known_` sentences of words the model
    knows."""
    halves = {half: load_cases(half) for half in HALVES}
    cases = [case for half in HALVES for case in halves[half]]
    understand("")
    say(f"{len(cases)} sentences on text")
    begun = perf_counter()
    read = [(case, understand(case.text)) for case in cases]
    figures = {"ms_a_sentence": round((perf_counter() - begun) / len(cases) * 1000, 3)}
    held_out = {case.id for case in halves["held_out"]}
    figures |= score(read)
    figures |= _named("held_out_", score([pair for pair in read if pair[0].id in held_out]))
    paraphrased = [(case, understand(case.text)) for case in load_cases(PARAPHRASED)]
    told = _named(f"{PARAPHRASED}_", score(paraphrased))
    figures |= {name: told[name] for name in told if "kind" in name or "class" in name}
    if audio:
        heard = list(zip(cases, _listen(cases, model, say), strict=True))
        figures |= _named("audio_", score(heard))
        known = [pair for pair in heard if pair[0].known]
        figures |= _named("audio_known_", score(known))
    return figures


def report(figures: Mapping[str, float], commit: str) -> dict[str, object]:
    """The JSON object every bench prints; targets are lower limits, for the held-out half too."""
    met = all(
        figures.get(f"{part}{name}", 0.0) >= limit
        for name, limit in TARGETS.items()
        for part in ("", "held_out_")
    )
    return {
        "bench": "understanding",
        "commit": commit,
        "machine": machine(),
        "figures": dict(figures),
        "targets": dict(TARGETS),
        "met": met,
    }


def pinyin(text: str, known: Mapping[str, str]) -> str:
    """A sentence as espeak-ng's voice reads it best: the words of the demonstration as the model
    learnt them, all else in one go up to the next pause."""
    signs = "".join(_SIGNS.get(sign, sign) for sign in text)
    plain = "".join(sign if sign.isalnum() else _PAUSE for sign in signs)
    words: list[str] = []
    until = 0
    for found in Lexicon(known.items()).longest(plain):
        _add(words, plain[until : found.start])
        words.append(found.meaning.replace(" ", ""))
        until = found.end
    _add(words, plain[until:])
    return " ".join(words)


def _add(words: list[str], text: str) -> None:
    """Add what no word of the model covers; a pause ends the word before it."""
    for pause, part in groupby(text, key=lambda sign: sign == _PAUSE):
        if not pause:
            words.append(_spelt("".join(part)))
        elif words:
            words[-1] += ","


def _spelt(text: str) -> str:
    """Pinyin with tones as digits, sign by sign."""
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")  # read at its import: they take 45 MB
    from pypinyin import Style, lazy_pinyin

    read = lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True)
    return "".join(read).replace("ü", "v")


def _listen(cases: Sequence[Case], model: Path, say: Callable[[str], None]) -> list[Understanding]:
    """What is understood of each sentence when the tiny model has heard it."""
    if not model.is_dir():
        raise SetupMissing(f"there is no model {model}: run `make setup` once")
    say("speaking them, each with a voice the model has never heard")
    try:
        sounds = _spoken(cases)
        said = asyncio.run(_heard(sounds, model))
    except (SpeechMissing, SpeechAway, TimeoutError) as error:
        raise PartsFailed(f"bench understanding: {error}") from error
    return [understand(_joined(words), words) for words in said]


def _spoken(cases: Sequence[Case]) -> list[bytes]:
    """8 kHz audio of every sentence over some telephone line; the same at every run."""
    espeak, known = Espeak(), load().pinyin
    sounds = []
    for index, case in enumerate(cases):
        manner = Manner(UNSEEN[index % len(UNSEEN)], 140 + 5 * (index % 9))
        spoken = espeak.say(pinyin(case.text, known), manner, seed=index)
        chance = np.random.default_rng(index)
        wave, _ = on_the_line(to_telephone(spoken.samples, spoken.rate_hz), chance)
        sounds.append(wave.astype("<i2").tobytes())
    return sounds


async def _heard(sounds: Sequence[bytes], model: Path) -> list[tuple[Word, ...]]:
    """The words of each, through the project's own workers. Raises SpeechAway."""
    pool = VoskPool(model, language="cmn", workers=WORKERS)
    pool.start()
    try:
        await pool.ready(READY_S)
        async with asyncio.timeout(HEARD_S):
            return [await _hear(pool, index, sound) for index, sound in enumerate(sounds)]
    finally:
        await pool.close()


async def _hear(pool: VoskPool, index: int, sound: bytes) -> tuple[Word, ...]:
    words: list[Word] = []

    def told(event: SpeechEvent) -> None:
        if isinstance(event, Final):
            words.extend(event.words)
        elif isinstance(event, SpeechLost):
            raise SpeechAway(event.reason, language="cmn")

    hearing = pool.open(f"bench-{index}", "cmn", told)
    hearing.feed(sound)
    last = await hearing.flush()
    hearing.close()
    return (*words, *last.words)


def _joined(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def _named(prefix: str, figures: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}{name}": value for name, value in figures.items()}
