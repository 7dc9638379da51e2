"""What `hotline bench speech` is given: a private engine for speech, bare Vosk, and voices."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import numpy as np
import psutil

from hotline.errors import SetupMissing
from hotline.speech_bare import WORKERS
from ivr.speech.tiny.espeak import Espeak, Manner
from ivr.speech.tiny.sound import to_telephone
from ivr.speech.tiny.vocabulary import load
from ivr.speech.tiny.voices import SEEN
from recordings.live import header
from simulator.bench_speech import Bare, Heard
from simulator.speech_callers import TALKED_OVER_ABOVE, Line, Utterance

SHORT_S, LONG_S = 0.6, 5.0
LOUDNESS = 0.3
AUDIBLE = 0.01
MOST_WORDS = 4
TOLD_S = 60.0
BARE_S = 600.0
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class SpeechHouse:
    """`simulator.bench_speech.House` with an engine in a process of its own."""

    def __init__(
        self, engine: asyncio.subprocess.Process, address: str, home: Path, model: Path
    ) -> None:
        self._engine = engine
        self._address = address
        self._home = home
        self._model = model

    def utterances(self, count: int, seed: int) -> Sequence[Utterance]:
        """Sentences of the model's own words, up to four, in voices it has learnt."""
        espeak, vocabulary = Espeak(), load()
        chance = Random(seed)  # noqa: S311 - has to be the same every time
        made: list[Utterance] = []
        while len(made) < count:
            words = vocabulary.sentence(chance)[:MOST_WORDS]
            manner = Manner(chance.choice(SEEN), chance.randint(140, 180))
            said = " ".join(vocabulary.pinyin[word].replace(" ", "") for word in words)
            spoken = espeak.say(said, manner, seed=len(made))
            wave = to_telephone(spoken.samples, spoken.rate_hz)
            wave *= LOUDNESS / max(1.0, float(np.abs(wave).max()))
            loud = np.flatnonzero(np.abs(wave) > AUDIBLE * LOUDNESS)
            sound = (wave[loud[0] : loud[-1] + 1] * 32767).astype("<i2").tobytes()
            made.append(Utterance(" ".join(words), sound))
        return made

    async def open(self, count: int, *, answers: bool) -> Sequence[Line]:
        """Tell the engine to wait for so many calls."""
        assert self._engine.stdin is not None
        order = {"calls": count, "answers": answers}
        self._engine.stdin.write(json.dumps(order).encode() + b"\n")
        told = await _told(self._engine)
        return [Line(self._address, UUID(name)) for name in told["uuids"]]

    async def heard(self) -> Sequence[Heard]:
        """What the engine has of them."""
        told = await _told(self._engine)
        return [
            Heard(call["text"], call["came"], call["filled"], self._home / call["stored"])
            for call in told["heard"]
        ]

    def cpu_s(self) -> float:
        """Engine and workers."""
        times = [process.cpu_times() for process in self._processes()]
        return sum(time.user + time.system for time in times)

    def engine_cpu_s(self) -> float:
        """The engine alone."""
        times = psutil.Process(self._engine.pid).cpu_times()
        return times.user + times.system

    def memory_bytes(self) -> int:
        """Engine and workers, without what they share with others."""
        return sum(process.memory_full_info().uss for process in self._processes())

    async def bare(self, recordings: Sequence[Path]) -> Sequence[Bare]:
        """As many processes as the engine has workers, each with as many of the recordings: what
        two share of a core's caches, Vosk shares in either case."""
        shares = [recordings[n::WORKERS] for n in range(WORKERS)]
        told = await asyncio.gather(*(self._bare(share) for share in shares))
        return [told[n % WORKERS][n // WORKERS] for n in range(len(recordings))]

    async def _bare(self, recordings: Sequence[Path]) -> Sequence[Bare]:
        files = [str(file) for file in recordings]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "hotline.speech_bare", str(self._model), *files),
            stdout=PIPE,
            env={**os.environ, **_ENVIRONMENT},
        )
        async with asyncio.timeout(BARE_S):
            said, _ = await process.communicate()
        return [Bare(**json.loads(line)) for line in said.splitlines()]

    def _processes(self) -> list[psutil.Process]:
        engine = psutil.Process(self._engine.pid)
        return [engine, *engine.children(recursive=True)]


@asynccontextmanager
async def speech_house(model: Path) -> AsyncIterator[SpeechHouse]:
    """An engine that hears with this model; raises SetupMissing when there is none."""
    if not await asyncio.to_thread(model.is_dir):
        raise SetupMissing(f"there is no model {model}: run `make setup` once")
    with tempfile.TemporaryDirectory(prefix="hl-speech-") as folder:
        home = Path(folder)
        prompts = home / "prompts" / "cmn"
        _tone(prompts / "short.wav", SHORT_S, TALKED_OVER_ABOVE // 2)
        _tone(prompts / "long.wav", LONG_S, TALKED_OVER_ABOVE * 2)
        engine = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "hotline.speech_arena", str(home), str(model)),
            stdin=subprocess.PIPE,
            stdout=PIPE,
            limit=1 << 24,
        )
        try:
            ready = await _told(engine)
            yield SpeechHouse(engine, ready["address"], home, model)
        finally:
            if engine.returncode is None:
                engine.kill()
            await engine.wait()


async def _told(engine: asyncio.subprocess.Process) -> Any:
    """The engine's next line; raises EOFError when it has gone."""
    assert engine.stdout is not None
    async with asyncio.timeout(TOLD_S):
        line = await engine.stdout.readline()
    if not line:
        raise EOFError("the benchmark's engine has ended")
    return json.loads(line)


def _tone(file: Path, seconds: float, loud: int) -> None:
    """A prompt that is easily told from silence: never a frame of zeros in it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    wave = np.where(np.arange(round(seconds * 8000)) % 20 < 10, loud, -loud)
    pcm = wave.astype("<i2").tobytes()
    file.write_bytes(header(len(pcm)) + pcm)
