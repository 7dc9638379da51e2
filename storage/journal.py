"""The engine's own memory on disk for facts that SQL can't take now: JSON lines, synced.

`<folder>/<time>-<pid>.jsonl` are segments, each written by one process; a full drain removes
them (drain.py). Lines that were kept are on the disk; a torn last line never was acknowledged.
When the disk refuses too, lines stay in memory, are tried again, and the log says so.
"""

import asyncio
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from storage.callbacks import KeptCallback
from storage.codec import dump_call_record, dump_callback, dump_follow_up, dump_new_ticket
from storage.files import sync_folder, write_whole
from storage.follow_up_told import ToldFollowUp
from tickets.model import CallRecord, NewTicket

log = structlog.get_logger(__name__)

TICKET, CALL, CALLBACK, FOLLOW_UP = "ticket", "call", "callback", "follow_up"


class Journal:
    """`tickets.ports.Journal` in a folder that belongs to one engine."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.changed = asyncio.Event()
        self._lines = {segment: _count(segment) for segment in _segments(folder)}
        self._unwritten: list[bytes] = []
        self._lock = asyncio.Lock()
        self._handle: int | None = None
        self._open: Path | None = None
        if self.waiting:
            self.changed.set()

    @property
    def waiting(self) -> int:
        """How many facts are not yet in SQL."""
        return sum(self._lines.values()) + len(self._unwritten)

    @property
    def healthy(self) -> bool:
        """Whether everything kept is on the disk."""
        return not self._unwritten

    async def keep_ticket(self, new: NewTicket) -> None:
        """Keep a ticket to be made."""
        await self._keep(TICKET, dump_new_ticket(new))

    async def keep_call(self, record: CallRecord) -> None:
        """Keep a call's row to be written."""
        await self._keep(CALL, dump_call_record(record))

    async def keep_callback(self, kept: KeptCallback) -> None:
        """Keep a version of a callback to be saved."""
        await self._keep(CALLBACK, dump_callback(kept))

    async def keep_follow_up(self, told: ToldFollowUp) -> None:
        """Keep what came of a call to a citizen."""
        await self._keep(FOLLOW_UP, dump_follow_up(told))

    async def _keep(self, kind: str, data: Mapping[str, Any]) -> None:
        self._unwritten.append(json.dumps({"kind": kind, "data": data}).encode() + b"\n")
        self.changed.set()
        await self.flush()

    async def flush(self) -> None:
        """Write what is in memory, many lines with one sync; a failure is logged, not raised."""
        async with self._lock:
            lines = list(self._unwritten)
            if not lines:
                return  # whoever held the lock before us wrote ours too
            try:
                segment = await asyncio.to_thread(self._append, lines)
            except OSError as error:
                log.error("journal_unwritten", lines=len(lines), reason=str(error))
                self._lines |= {found: _count(found) for found in _segments(self.folder)}
            else:
                self._lines[segment] = self._lines.get(segment, 0) + len(lines)
                del self._unwritten[: len(lines)]

    def _append(self, lines: list[bytes]) -> Path:
        if self._handle is None or self._open is None:
            segment = self.folder / f"{time.time_ns():020}-{os.getpid()}.jsonl"
            self._handle = os.open(segment, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND)
            self._open = segment
            sync_folder(self.folder)
        try:
            rest = b"".join(lines)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            os.fsync(self._handle)
        except OSError:
            self._seal()  # half a line may stand at its end: nothing is added behind it
            raise
        return self._open

    def _seal(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
        self._handle = self._open = None

    async def sealed(self) -> list[Path]:
        """Every segment, oldest first; none of them will be written to any more."""
        await self.flush()
        async with self._lock:
            self._seal()
            return sorted(self._lines)

    async def take_unwritten(self) -> list[bytes]:
        """The lines the disk refused, for a drain that reaches SQL though the disk is full."""
        async with self._lock:
            return list(self._unwritten)

    async def drop_unwritten(self, lines: list[bytes]) -> None:
        """These are in SQL now."""
        async with self._lock:
            self._unwritten = [line for line in self._unwritten if line not in lines]

    async def remove(self, segment: Path) -> None:
        """A segment is in SQL, every line of it: forget it."""
        await asyncio.to_thread(_remove, segment)
        self._lines.pop(segment, None)

    async def reject(self, line: bytes, reason: str) -> None:
        """Move one line aside, with its reason; the same line twice is there once."""
        name = f"{hashlib.sha256(line).hexdigest()[:20]}.json"
        content = {"reason": reason, "line": line.decode(errors="backslashreplace")}
        text = json.dumps(content, ensure_ascii=True, indent=1)
        await asyncio.to_thread(write_whole, self.folder / "rejected" / name, text.encode())

    @property
    def rejected(self) -> int:
        """How many lines were moved aside: a person should look at them."""
        return len(list((self.folder / "rejected").glob("*.json")))


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def _count(segment: Path) -> int:
    return segment.read_bytes().count(b"\n")


def _remove(segment: Path) -> None:
    segment.unlink(missing_ok=True)
    sync_folder(segment.parent)
