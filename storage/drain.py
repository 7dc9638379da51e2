"""Writes the journal to SQL when that is back: in order, each fact once, none lost.

Facts can be written twice without harm (a ticket is made of a set of facts, a call row is
written once), so a segment is removed only after all of it was committed, and a crash at any
point repeats at most that segment. A line that SQL refuses is moved aside and blocks nobody.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from storage.callbacks import SqlCallbacks
from storage.codec import load_call_record, load_callback, load_follow_up, load_new_ticket
from storage.follow_ups import SqlFollowUps
from storage.journal import CALL, CALLBACK, FOLLOW_UP, TICKET, Journal
from tickets.errors import StoreAway
from tickets.ports import CallStore, TicketStore

log = structlog.get_logger(__name__)

CHUNK = 100
RETRY_S = 1.0


class Drain:
    """The way from the journal into SQL."""

    def __init__(
        self,
        journal: Journal,
        tickets: TicketStore,
        calls: CallStore,
        callbacks: SqlCallbacks | None = None,
        follow_ups: SqlFollowUps | None = None,
    ) -> None:
        self._journal = journal
        self._tickets = tickets
        self._calls = calls
        self._callbacks = callbacks
        self._follow_ups = follow_ups

    async def run(self, wait_healthy: Callable[[], Awaitable[None]]) -> None:
        """Drain whenever there is something and the store is there; for ever."""
        while True:
            await self._journal.changed.wait()
            await wait_healthy()
            try:
                await self.drain()
            except (StoreAway, OSError) as error:
                log.warning("journal_not_drained", reason=str(error))
                await asyncio.sleep(RETRY_S)

    async def drain(self) -> int:
        """Write everything; how many lines. Raises `StoreAway` and then goes on another time."""
        self._journal.changed.clear()
        try:
            count = 0
            for segment in await self._journal.sealed():
                count += await self._drain_segment(segment)
            count += await self._drain_memory()
        except BaseException:
            self._journal.changed.set()
            raise
        if count:
            log.info("journal_drained", lines=count)
        return count

    async def _drain_segment(self, segment: Path) -> int:
        content = await asyncio.to_thread(segment.read_bytes)
        lines = [line for line in content.split(b"\n") if line]
        await self._write(lines, segment.stem)
        await self._journal.remove(segment)
        return len(lines)

    async def _drain_memory(self) -> int:
        lines = await self._journal.take_unwritten()
        await self._write(lines, "memory")
        await self._journal.drop_unwritten(lines)
        return len(lines)

    async def _write(self, lines: Sequence[bytes], name: str) -> None:
        for first in range(0, len(lines), CHUNK):
            chunk = lines[first : first + CHUNK]
            results = await asyncio.gather(*map(self._apply, chunk), return_exceptions=True)
            for n, (line, result) in enumerate(zip(chunk, results, strict=True), first + 1):
                if result is None:
                    continue
                if isinstance(result, StoreAway) or not isinstance(result, Exception):
                    raise result
                log.error(
                    "journal_line_rejected", segment=name, line=n,
                    reason=type(result).__name__, pii_detail=str(result),
                )  # fmt: skip
                await self._journal.reject(line, f"{type(result).__name__}: {result}")

    async def _apply(self, line: bytes) -> None:
        entry = json.loads(line)
        match entry:
            case {"kind": kind, "data": data} if kind == TICKET:
                await self._tickets.create(load_new_ticket(data))
            case {"kind": kind, "data": data} if kind == CALL:
                await self._calls.record(load_call_record(data))
            case {"kind": kind, "data": data} if kind == CALLBACK and self._callbacks is not None:
                await self._callbacks.save(load_callback(data))
            case {"kind": kind, "data": data} if kind == FOLLOW_UP and self._follow_ups is not None:
                told = load_follow_up(data)
                await self._follow_ups.conclude(told.leg, told.heard, told.at)
            case _:
                raise ValueError("neither a ticket, a call, a callback nor a follow-up")
