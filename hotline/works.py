"""The engine's own tasks: those that run as long as it does, and passing ones nobody waits for."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import structlog

from hotline.reconcile import never_idle

log = structlog.get_logger(__name__)


class Works:
    """Keeps a reference to each task; an error of a lasting one ends the engine, of a passing one
    is logged."""

    def __init__(self) -> None:
        self._lasting: list[asyncio.Task[None]] = []
        self._passing: set[asyncio.Task[None]] = set()

    def start(self, works: Mapping[str, Coroutine[Any, Any, None]]) -> None:
        """Start what runs as long as the engine does, each by its name."""
        self._lasting += [asyncio.create_task(work, name=name) for name, work in works.items()]

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start what ends by itself."""
        task = asyncio.create_task(work)
        self._passing.add(task)
        task.add_done_callback(self._passed)

    def _passed(self, task: asyncio.Task[None]) -> None:
        self._passing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("task_failed", exc_info=task.exception())

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for `stop`; raises the error of a lasting task that ended before."""
        stopped = asyncio.create_task(_set(stop), name="stop")
        failed = asyncio.create_task(never_idle(self._lasting), name="tasks")
        done, pending = await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()

    async def end(self) -> None:
        """Cancel all and wait until they are gone."""
        for task in (*self._lasting, *self._passing):
            task.cancel()
        await asyncio.gather(*self._lasting, *self._passing, return_exceptions=True)


async def _set(stop: asyncio.Event) -> None:
    await stop.wait()
