"""One worker process as the engine sees it: started, watched, spoken to, ended."""

import asyncio
import json
import mmap
import os
import socket
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import structlog

from ivr.speech.frames import BrokenStream, Kind, Unpacker, pack

log = structlog.get_logger(__name__)

_BUFFER = 1 << 20
_LAST_WORDS = 2000
_END_S = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: `hang_s` without any word from a worker that was asked for one and it is taken for
    dead; `load_s` for a model to load."""

    hang_s: float = 5.0
    load_s: float = 300.0


Heard = Callable[[Kind, int, bytes], None]


class WorkerProcess(asyncio.Protocol):
    """A process, and the line to it. `heard` is called with each message, `died` once."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard
        self._unpacker = Unpacker()
        self._transport: asyncio.Transport | None = None
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._busy = _SharedPage()
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[dict[str, object]] = self._loop.create_future()
        self._lost: asyncio.Future[str] = self._loop.create_future()
        self._asked_at = 0.0
        self._asked = False
        self.last_words = ""

    async def start(self, model: Path, nice: int, load_s: float) -> dict[str, object]:
        """Start it and wait for its model; what it can. Raises OSError with the reason."""
        ours, theirs = socket.socketpair()
        try:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            ours.setblocking(False)
            numbers = (theirs.fileno(), self._busy.number)
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "ivr.speech.worker",
                *map(str, numbers), str(nice), str(os.getpid()), str(model),
                stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, pass_fds=numbers,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        await self._loop.create_connection(lambda: self, sock=ours)
        self._reading = asyncio.create_task(self._read_last_words())
        self._reading.add_done_callback(_log_failure)
        waiting = (self._ready, self._lost)
        await asyncio.wait(waiting, timeout=load_s, return_when=asyncio.FIRST_COMPLETED)
        if self._ready.done():
            return self._ready.result()
        why = f"not loaded after {load_s:g} s"
        if self._lost.done():
            why = "its worker ended"
            await asyncio.wait({self._reading}, timeout=_END_S)  # what it said last
        raise OSError(f"{why}: {self.last_words}" if self.last_words else why)

    async def lost(self) -> str:
        """Wait until it is gone, or hangs; why."""
        return await asyncio.shield(self._lost)

    @property
    def pid(self) -> int:
        """0 before the start."""
        return self._process.pid if self._process is not None else 0

    @property
    def gone(self) -> bool:
        """Whether nothing more comes from it."""
        return self._lost.done()

    @property
    def busy_with(self) -> int:
        """The ear whose turn it is, or was when it died; 0 for none."""
        return self._busy.value

    def send(self, kind: Kind, ear: int = 0, payload: bytes = b"") -> None:
        """A message to it; nothing happens when it is gone."""
        if self._transport is not None:
            self._transport.write(pack(kind, ear, payload))

    def watch(self, hang_s: float) -> None:
        """To be called now and then while it has something to do: asks whether it lives, and takes
        it for dead when the last question wasn't answered in time."""
        now = self._loop.time()
        if not self._asked:
            self._asked, self._asked_at = True, now
            self.send(Kind.PING)
        elif now - self._asked_at > hang_s:
            self._lose(f"hung for {hang_s:g} s")

    async def end(self) -> None:
        """Kill it and wait for its end."""
        self._lose("ended")
        if self._transport is not None:
            self._transport.abort()
        process = self._process
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=_END_S)
            self._reading.cancel()
        self._busy.close()

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        self._asked = False
        try:
            for kind, ear, payload in self._unpacker.take(data):
                if kind is Kind.READY:
                    self._ready.set_result(json.loads(payload))
                elif kind is not Kind.PONG:
                    self._heard(kind, ear, payload)
        except BrokenStream as error:
            self._lose(str(error))

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._lose("died")

    def _lose(self, why: str) -> None:
        if not self._lost.done():
            self._lost.set_result(why)

    async def _read_last_words(self) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        while said := await self._process.stderr.read(_LAST_WORDS):
            if text := said.decode("utf-8", "replace").strip():
                lines = text.splitlines()
                self.last_words = next((line for line in lines if "ERROR" in line), lines[-1])
                log.warning("speech_worker_says", worker=self.pid, text=text)


class _SharedPage:
    """A page of memory that the worker inherits; it says in it whose turn it is."""

    def __init__(self) -> None:
        self.number = os.memfd_create("hotline-speech-busy")
        os.ftruncate(self.number, mmap.PAGESIZE)
        self._page = mmap.mmap(self.number, mmap.PAGESIZE)

    @property
    def value(self) -> int:
        found: int = struct.unpack_from("<I", self._page, 0)[0]
        return found

    def close(self) -> None:
        self._page.close()
        os.close(self.number)


def _log_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("task_failed", exc_info=task.exception())
