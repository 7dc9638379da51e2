"""The tails of figures on disk: files mapped into memory, so that SIGKILL takes nothing with it.

`<folder>/<tenant>/<name>` is written by one engine, one file for each time it begins to count a
tenant. A line is a copy into memory, no system call; the kernel keeps it when the process is gone
(a power cut may take it). All room is taken from the disk beforehand: a full one changes nothing.
"""

import mmap
import os
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from queue_manager.figure_tail import Tail, nowhere

log = structlog.get_logger(__name__)

ROOM = 4 * 2**20
"""Some 30,000 lines: twelve minutes without SQL at 40 calls a second."""


class TailFile:
    """Lines with numbers; see `queue_manager.figure_tail.Tail`."""

    __slots__ = ("_at", "_map", "_number", "_stored", "name", "path")

    def __init__(self, path: Path, room: int = ROOM) -> None:
        """Raises OSError when there is no room for it."""
        self.path = path
        self.name = path.name
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
        try:
            os.posix_fallocate(handle, 0, room)
            self._map: mmap.mmap | None = mmap.mmap(handle, room)
        except OSError:
            path.unlink()
            raise
        finally:
            os.close(handle)
        self._at = 0
        self._number = 0
        self._stored = 0

    @property
    def number(self) -> int:
        """That of the last line."""
        return self._number

    def note(self, line: str) -> int:
        """Keep a line; its number."""
        self._number += 1
        text = f"{self._number} {line}\n".encode()
        end = self._at + len(text)
        if self._map is not None and end <= len(self._map):
            self._map[self._at : end] = text
            self._at = end
        elif self._map is not None:
            self.close()
            log.error("figures_tail_full", file=str(self.path))
        return self._number

    def stored(self, number: int) -> None:
        """All lines up to a number are in SQL: their room is free again if no other came."""
        if number == self._number and self._map is not None and self._at:
            self._map[: self._at] = bytes(self._at)
            self._at = 0

    def close(self) -> None:
        """Nothing more is noted."""
        if self._map is not None:
            self._map.close()
            self._map = None


class FigureTails:
    """The tails of all tenants in a folder that belongs to one engine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._current: dict[str, TailFile] = {}

    def begin(self, tenant: str) -> Tail:
        """A new tail: those before it are `left`. Without room for it one that keeps nothing, and
        it is logged."""
        self.retire(tenant)
        folder = self._folder / tenant
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tail = TailFile(folder / f"{time.time_ns():020}")
        except OSError as error:
            log.error("figures_tail_missing", tenant=tenant, reason=str(error))
            return nowhere
        self._current[tenant] = tail
        return tail.note

    def current(self, tenant: str) -> TailFile | None:
        """The tail that is being written."""
        return self._current.get(tenant)

    def retire(self, tenant: str) -> None:
        """Who counted here counts no more: what isn't stored of it is `left`."""
        tail = self._current.pop(tenant, None)
        if tail is not None:
            tail.close()
            if not tail.number:
                tail.path.unlink(missing_ok=True)

    def left(self, tenant: str) -> Sequence[Path]:
        """Files that nobody writes any more, oldest first."""
        current = self._current.get(tenant)
        files = sorted((self._folder / tenant).glob("*"))
        return [file for file in files if current is None or file != current.path]


def read_lines(file: Path) -> list[tuple[int, str]]:
    """The whole lines of a tail with their numbers. Raises OSError."""
    content = file.read_bytes().partition(b"\0")[0]
    whole, _, _ = content.rpartition(b"\n")
    found: list[tuple[int, str]] = []
    for line in whole.decode(errors="replace").splitlines():
        number, _, text = line.partition(" ")
        if number.isdigit():
            found.append((int(number), text))
    return found
