"""`hotline bench speech`: the engine's way of hearing a caller against bare Vosk on like audio.

Callers talk with the engine over AudioSocket: first some who answer prompts and talk over them,
then a hundred who speak all at once. What the engine recorded of each is given to bare Vosk, which
tells what of CPU, words and time is ours. This module decides what is asked and measured; engine
and Vosk are given by the front door (`House`). docs/benchmarks.md tells how the figures are meant.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median
from typing import Protocol

from simulator.bench_calls import machine
from simulator.speech_callers import FRAME_S, Line, SpeechCaller, Utterance, Watched, talk

TARGETS: Mapping[str, float] = {
    "own_cpu_ms_per_s": 3.0,
    "words_lost": 0.0,
    "turn_p95_ms": 900.0,
    "own_ms": 100.0,
    "barge_in_ms": 300.0,
    "dropped_frames_100_callers": 0,
    "mb_per_caller": 5.0,
}
"""Upper limits. `words_lost` is bare Vosk's word accuracy less the engine's, 0 where ours is the
better: answers are cut at other places than a stream is, to either's luck."""

_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How many callers answer and for how long, and how many speak at once. Bare Vosk hears all of
    it again at the same pace."""

    answering: int = 20
    answering_s: float = 60.0
    speaking: int = 100
    speaking_s: float = 30.0
    utterances: int = 150
    seed: int = 12345


QUICK = Plan(answering=3, answering_s=20.0, speaking=5, speaking_s=12.0, utterances=12)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the engine has of one call: the words it heard, the frames that came and those it made
    up, and the recording (8 kHz, mono, s16le)."""

    text: str
    came: int
    filled: int
    recording: Path


@dataclass(frozen=True, slots=True)
class Bare:
    """What bare Vosk made of a recording: its words, and the places (s) where it ended utterances
    with words in them; `speech_ends` are where the caller stopped speaking, `cpu_s` and `audio_s`
    what it took for how much."""

    text: str
    endpoints: Sequence[float]
    speech_ends: Sequence[float]
    cpu_s: float
    audio_s: float


class House(Protocol):
    """What the front door gives."""

    def utterances(self, count: int, seed: int) -> Sequence[Utterance]:
        """Short answers in voices that the model knows."""
        ...

    async def open(self, count: int, *, answers: bool) -> Sequence[Line]:
        """Calls the engine waits for: it asks and listens, or only listens."""
        ...

    async def heard(self) -> Sequence[Heard]:
        """The calls that were opened, ended, in that order."""
        ...

    def cpu_s(self) -> float:
        """CPU of the engine and its recognisers so far."""
        ...

    def engine_cpu_s(self) -> float:
        """CPU of the engine alone so far."""
        ...

    def memory_bytes(self) -> int:
        """Memory of the engine and its recognisers now."""
        ...

    async def bare(self, recordings: Sequence[Path]) -> Sequence[Bare]:
        """The recordings through bare Vosk."""
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """Callers of one kind: what they saw, what the engine heard, and what it took."""

    watched: Sequence[Watched]
    heard: Sequence[Heard]
    bare: Sequence[Bare]
    cpu_s: float
    engine_cpu_s: float
    bytes_each: float

    @property
    def audio_s(self) -> float:
        return sum(one.audio_s for one in self.bare)

    @property
    def own_cpu_ms_per_s(self) -> float:
        """CPU of ours for a second of audio: all but what bare Vosk takes for the same."""
        return (self.cpu_s - sum(one.cpu_s for one in self.bare)) / self.audio_s * _MS

    @property
    def dropped(self) -> int:
        """Frames that a caller sent and nobody was told of, or that never came to him."""
        pairs = zip(self.watched, self.heard, strict=True)
        return sum(seen.sent - call.came + seen.missing for seen, call in pairs)


async def bench_speech(house: House, plan: Plan, say: Callable[[str], None]) -> dict[str, float]:
    """Measure everything; figures by name. Takes twice the callers' time, and some seconds."""
    whole_s = 2 * (plan.answering_s + plan.speaking_s)
    say(f"all in all about {whole_s:g} s from now, when nothing else runs")
    says = house.utterances(plan.utterances, plan.seed)
    say(f"1 of 4: {plan.answering} callers answer and talk over prompts, {plan.answering_s:g} s")
    answering = await _round(house, plan, says, say, answers=True)
    say(f"3 of 4: {plan.speaking} callers speak at once, {plan.speaking_s:g} s")
    speaking = await _round(house, plan, says, say, answers=False)
    return figures_of(answering, speaking)


def figures_of(answering: Round, speaking: Round) -> dict[str, float]:
    """The figures of two rounds. Accuracy is of those who answer: what they said is asked for."""
    turns = sorted(after for seen in answering.watched for _, after in seen.turns)
    own = sorted(own_times(answering))
    over = sorted(late for seen in answering.watched for late in seen.talked_over)
    accuracy = _accuracy([(seen.said, call.text) for seen, call in _pairs(answering)])
    bare = _accuracy(
        [(seen.said, one.text) for seen, one in zip(answering.watched, answering.bare, strict=True)]
    )
    cpu = {"answering": answering.own_cpu_ms_per_s, "speaking": speaking.own_cpu_ms_per_s}
    figures = {
        "own_cpu_ms_per_s": round(max(cpu.values()), 3),
        "own_cpu_ms_per_s_answering": round(cpu["answering"], 3),
        "own_cpu_ms_per_s_speaking": round(cpu["speaking"], 3),
        "engine_process_cpu_ms_per_s": round(speaking.engine_cpu_s / speaking.audio_s * _MS, 3),
        "engine_process_cpu_ms_per_s_answering": round(
            answering.engine_cpu_s / answering.audio_s * _MS, 3
        ),
        "vosk_cpu_ms_per_s": round(
            sum(one.cpu_s for one in speaking.bare) / speaking.audio_s * _MS, 3
        ),
        "word_accuracy": round(accuracy, 4),
        "bare_word_accuracy": round(bare, 4),
        "words_lost": round(max(0.0, bare - accuracy), 4),
        "turns": len(turns),
        "turn_p50_ms": round(_at(turns, 0.5) * _MS, 1),
        "turn_p95_ms": round(_at(turns, 0.95) * _MS, 1),
        "own_ms_p50": round(_at(own, 0.5) * _MS, 1),
        "own_ms": round(_at(own, 0.95) * _MS, 1),
        "talked_over": len(over),
        "barge_in_p50_ms": round(_at(over, 0.5) * _MS, 1),
        "barge_in_ms": round(_at(over, 0.95) * _MS, 1),
        "callers": len(speaking.watched),
        "dropped_frames_100_callers": speaking.dropped,
        "mb_per_caller": round(speaking.bytes_each / 1e6, 3),
    }
    return {name: value for name, value in figures.items() if value != inf}


def own_times(seen: Round) -> list[float]:
    """Of each turn the time beyond Vosk's own end point. Frames that the engine made up lie before
    some places in the recording, so the end of a caller's speech is looked for there."""
    times = []
    for watched, heard, bare in zip(seen.watched, seen.heard, seen.bare, strict=True):
        for sent_s, after_s in watched.turns:
            latest_s = sent_s + heard.filled * FRAME_S + FRAME_S
            ends = [at for at in bare.speech_ends if sent_s - FRAME_S <= at <= latest_s]
            following = [at - ends[0] for at in bare.endpoints if ends and at > ends[0]]
            if following and following[0] < after_s + 0.2:
                times.append(after_s - following[0])
    return times


def report(figures: Mapping[str, float], commit: str) -> dict[str, object]:
    """The JSON object every bench prints. Targets are upper limits; one not measured isn't met."""
    met = all(name in figures and figures[name] <= limit for name, limit in TARGETS.items())
    return {
        "bench": "speech",
        "commit": commit,
        "machine": machine(),
        "figures": dict(figures),
        "targets": dict(TARGETS),
        "met": met,
    }


async def _round(
    house: House,
    plan: Plan,
    says: Sequence[Utterance],
    say: Callable[[str], None],
    *,
    answers: bool,
) -> Round:
    count = plan.answering if answers else plan.speaking
    seconds = plan.answering_s if answers else plan.speaking_s
    cpu_s, engine_s, memory = house.cpu_s(), house.engine_cpu_s(), house.memory_bytes()
    lines = await house.open(count, answers=answers)
    callers = [
        SpeechCaller(line, says, plan.seed + n, answers=answers) for n, line in enumerate(lines)
    ]
    # Who is connected speaks at once: the engine would make up for a silence that nobody kept.
    await asyncio.gather(talk(callers, seconds), *(caller.connect() for caller in callers))
    memory = house.memory_bytes() - memory
    for caller in callers:
        caller.leave()
    heard = await house.heard()
    cpu_s, engine_s = house.cpu_s() - cpu_s, house.engine_cpu_s() - engine_s
    say(f"{2 if answers else 4} of 4: bare Vosk hears the same, at its pace, {seconds:g} s")
    bare = await house.bare([call.recording for call in heard])
    watched = [caller.watched for caller in callers]
    return Round(watched, heard, bare, cpu_s, engine_s, memory / count)


def _pairs(seen: Round) -> Sequence[tuple[Watched, Heard]]:
    return list(zip(seen.watched, seen.heard, strict=True))


def _accuracy(calls: Sequence[tuple[Sequence[str], str]]) -> float:
    """Word accuracy: 1 less the words to be changed, added and left out, per word said."""
    wrong = sum(distance(" ".join(said).split(), text.split()) for said, text in calls)
    words = sum(len(" ".join(said).split()) for said, _ in calls)
    return 1 - wrong / words if words else 0.0


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest words to change, add or leave out (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        before, row[0] = row[0], number
        for at, other in enumerate(heard, 1):
            before, row[at] = (
                row[at],
                min(row[at] + 1, row[at - 1] + 1, before + (word != other)),
            )
    return row[-1]


def _at(values: Sequence[float], part: float) -> float:
    """A percentile of sorted values; infinite when nothing was measured."""
    if not values:
        return inf
    return median(values) if part == 0.5 else values[min(len(values) - 1, int(part * len(values)))]
