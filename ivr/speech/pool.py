"""Recognition on this machine: worker processes with one model, and the calls they hear."""

import asyncio
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import structlog

from ivr.speech.frames import Kind
from ivr.speech.hearing import MOST_BLAMED, WorkerHearing
from ivr.speech.ports import Hearing, SpeechAway, Told
from ivr.speech.process import Limits, WorkerProcess

log = structlog.get_logger(__name__)

_AGAIN_S, _AGAIN_MOST_S = 0.2, 60.0
_STEADY_S = 30.0
"""A worker that lived so long is replaced at once when it dies."""


class VoskPool:
    """`Recogniser` of one language: a model in some worker processes.

    A worker that dies or hangs is replaced; its calls go on with another one, which hears again
    what wasn't final. A call over whose audio workers die again and again is told `SpeechLost`.
    """

    def __init__(
        self,
        model: Path,
        *,
        language: str,
        workers: int,
        nice: int = 0,
        limits: Limits = Limits(),  # noqa: B008
    ) -> None:
        self._model, self.language, self._count = model, language, workers
        self._nice, self._limits = nice, limits
        self._ready: dict[WorkerProcess, dict[int, WorkerHearing]] = {}
        self._homeless: list[WorkerHearing] = []
        self._last_ear = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._watching: asyncio.TimerHandle | None = None
        self._why_not = "its workers are being started"
        self._there = asyncio.Event()

    def start(self) -> None:
        """Begin to start the workers; calls can be heard as soon as one is ready."""
        for number in range(self._count):
            task = asyncio.create_task(self._keep(), name=f"speech-{self.language}-{number}")
            task.add_done_callback(_log_failure)
            self._tasks.append(task)

    async def close(self) -> None:
        """End the workers; calls that are still heard are told `SpeechLost`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._ending, return_exceptions=True)
        for hearing in (*self._homeless, *self._hearings()):
            hearing.lose("the engine stops")
        if self._watching is not None:
            self._watching.cancel()

    async def ready(self, patience_s: float) -> None:
        """Return when calls can be heard; raises `SpeechAway` when they can't be in time."""
        try:
            async with asyncio.timeout(patience_s):
                await self._there.wait()
        except TimeoutError:
            raise SpeechAway(self.detail, language=self.language) from None

    @property
    def calls(self) -> int:
        """How many calls are being heard."""
        return len(self._homeless) + sum(map(len, self._ready.values()))

    def able(self, language: str) -> bool:
        return language == self.language and bool(self._ready)

    def open(self, call_id: str, language: str, told: Told) -> Hearing:
        if not self.able(language):
            raise SpeechAway(self.detail, language=language)
        hearing = WorkerHearing(self, call_id, told)
        self.attach(hearing)
        return hearing

    @property
    def detail(self) -> str:
        ready = len(self._ready)
        if ready == self._count:
            return f"{self.language}: {self._model.name} in {ready} workers"
        return f"{self.language}: {self._model}: {ready} of {self._count} workers: {self._why_not}"

    @property
    def pids(self) -> list[int]:
        """The processes that are ready."""
        return [worker.pid for worker in self._ready]

    @property
    def busy_with(self) -> list[int]:
        """The ear whose turn it is in each process; 0 for none."""
        return [worker.busy_with for worker in self._ready]

    # --- for hearings

    def attach(self, hearing: WorkerHearing) -> None:
        """A new ear, with the least busy worker or, when there is none, as soon as there is."""
        self.detach(hearing)
        worker = min(self._ready, key=lambda w: len(self._ready[w]), default=None)
        if worker is None:
            self._homeless.append(hearing)
            hearing.begin(None, 0)
            return
        self._last_ear = self._last_ear % 0xFFFFFFFF + 1
        self._ready[worker][self._last_ear] = hearing
        hearing.begin(worker, self._last_ear)
        self._watch()

    def detach(self, hearing: WorkerHearing) -> None:
        """Its ear is closed and told no more."""
        if hearing in self._homeless:
            self._homeless.remove(hearing)
        for worker, ears in self._ready.items():
            if ears.pop(hearing.ear, None) is not None:
                worker.send(Kind.CLOSE, hearing.ear)

    # --- workers

    async def _keep(self) -> None:
        """Have one worker, for ever."""
        loop, pause_s = asyncio.get_running_loop(), _AGAIN_S
        while True:
            begun = loop.time()
            try:
                await self._one_life()
            except OSError as error:
                if self._why_not != str(error):
                    log.error("speech_model_unusable", model=str(self._model), reason=str(error))
                self._why_not = str(error)
            if loop.time() - begun > _STEADY_S:
                pause_s = _AGAIN_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _AGAIN_MOST_S)

    async def _one_life(self) -> None:
        ears: dict[int, WorkerHearing] = {}
        worker = WorkerProcess(partial(_heard, ears))
        try:
            facts = await worker.start(self._model, self._nice, self._limits.load_s)
            log.info("speech_worker_ready", worker=worker.pid, model=str(self._model), **facts)
            self._ready[worker] = ears
            self._there.set()
            homeless, self._homeless = self._homeless, []
            for hearing in homeless:
                self.attach(hearing)
            why = await worker.lost()
            log.error("speech_worker_lost", worker=worker.pid, reason=why, calls=len(ears))
            self._why_not = f"a worker {why}"
        finally:
            self._ready.pop(worker, None)
            if not self._ready:
                self._there.clear()
            culprit = ears.get(worker.busy_with)
            ending = asyncio.create_task(worker.end())
            ending.add_done_callback(_log_failure)
            ending.add_done_callback(self._ending.discard)
            self._ending.add(ending)  # its keeper may be cancelled meanwhile
            self._move(ears, culprit)
            await asyncio.shield(ending)

    def _move(self, ears: dict[int, WorkerHearing], culprit: WorkerHearing | None) -> None:
        """The calls of a dead worker go on elsewhere, but for one that kills them."""
        moving = list(ears.values())
        ears.clear()
        for hearing in moving:
            if hearing is culprit:
                hearing.blamed += 1
                if hearing.blamed >= MOST_BLAMED:
                    hearing.lose(f"{MOST_BLAMED} workers died over its audio")
                    continue
            self.attach(hearing)

    def _watch(self) -> None:
        """Ask workers that hear somebody whether they live, as long as there are any."""
        if self._watching is None and any(self._ready.values()):
            again_s = self._limits.hang_s / 4
            self._watching = asyncio.get_running_loop().call_later(again_s, self._watch_now)

    def _watch_now(self) -> None:
        self._watching = None
        for worker, ears in self._ready.items():
            if ears:
                worker.watch(self._limits.hang_s)
        self._watch()

    def _hearings(self) -> Iterable[WorkerHearing]:
        return [hearing for ears in self._ready.values() for hearing in ears.values()]


def _heard(ears: dict[int, WorkerHearing], kind: Kind, ear: int, payload: bytes) -> None:
    hearing = ears.get(ear)
    if hearing is not None:
        hearing.heard(kind, payload)


def _log_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("task_failed", exc_info=task.exception())
