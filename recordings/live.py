"""Recordings that the engine writes while somebody speaks: a whole WAV file at any moment.

What comes is kept in memory for a fifth of a second, then one thread writes it for all calls and
brings each header up to date: an engine that is killed leaves files anybody can play, shorter by
that fifth at most. A disk that is full or away costs no call anything; what couldn't be written is
tried again for a minute, after that its place in the file stays silent.
"""

import asyncio
import os
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from recordings.naming import outside
from recordings.wav import wav_length_s

RATE_HZ = 8000
BYTES_PER_S = 2 * RATE_HZ
HEADER_BYTES = 44
WRITE_EVERY_S = 0.2
KEPT_BYTES = 60 * BYTES_PER_S
CLOSE_S = 5.0

log = structlog.get_logger(__name__)

T = TypeVar("T")


class LiveRecording:
    """One voice being recorded: 8 kHz, mono, s16le. `failed`: the last try to write it failed."""

    __slots__ = ("_base", "_fd", "_file", "_unsaved", "_written", "failed")

    def __init__(self, file: Path) -> None:
        self._file = file
        self._fd = -1
        self._base = 0
        self._written = 0
        self._unsaved = bytearray()
        self.failed = False

    def write(self, pcm: bytes) -> None:
        """Take audio in; returns at once."""
        self._unsaved += pcm

    def save(self) -> None:
        """In the writer's thread: write what has come, then the header that tells of it."""
        pcm = bytes(self._unsaved)
        if not pcm and self._fd >= 0:
            return
        try:
            self._open()
            begun = self._base + self._written
            if not self._written:  # first of all: a disk may be full before the audio ends
                _write_all(self._fd, header(begun), 0)
            _write_all(self._fd, pcm, HEADER_BYTES + begun)
            _write_all(self._fd, header(begun + len(pcm)), 0)
        except (OSError, ValueError) as error:
            self._not_saved(error)
            return
        # += and this can't meet in the middle: both are one step of the interpreter.
        del self._unsaved[: len(pcm)]
        self._written += len(pcm)
        self.failed = False

    def read(self, from_s: float, to_s: float) -> bytes:
        """In the writer's thread: a piece of what was recorded, as far as it is there."""
        self.save()
        if self._fd < 0:
            return b""
        begin, end = (round(max(0.0, at_s) * RATE_HZ) * 2 for at_s in (from_s, to_s))
        end = min(end, self._written)
        return os.pread(self._fd, max(0, end - begin), HEADER_BYTES + self._base + begin)

    def finish(self) -> None:
        """In the writer's thread: the last of it, safely on the disk."""
        self.save()
        if self._fd >= 0:
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                log.error("recording_not_synced", file=str(self._file), error=str(error))
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        """Make the file; one that is there (an engine before us died) is gone on with."""
        if self._fd >= 0:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        there_s = wav_length_s(self._file) if self._file.exists() else 0.0
        self._base = round(there_s * RATE_HZ) * 2
        self._fd = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def _not_saved(self, error: Exception) -> None:
        if not self.failed:
            log.error("recording_not_written", file=str(self._file), error=str(error))
        self.failed = True
        too_much = len(self._unsaved) - KEPT_BYTES
        if too_much > 0:
            del self._unsaved[:too_much]
            self._written += too_much


class LiveRecordings:
    """All recordings under way below an installation's home, and the one thread that writes."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._open: set[LiveRecording] = set()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="live-recordings")
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Future[None] | None = None

    def begin(self, stored: str) -> LiveRecording:
        """Record to this path, relative to the home, from now on; ValueError for a strange one."""
        recording = LiveRecording(outside(self._home, stored))
        self._open.add(recording)
        if self._timer is None:
            self._wind_up()
        return recording

    async def read(self, recording: LiveRecording, from_s: float, to_s: float) -> bytes:
        """A piece of a recording under way, s16le; shorter, or empty, when it isn't there."""
        return await self._in_thread(lambda: recording.read(from_s, to_s))

    async def finish(self, recording: LiveRecording) -> None:
        """Write the last of it. A disk that doesn't answer is waited for only so long; the thread
        goes on with it."""
        self._open.discard(recording)
        await asyncio.wait({self._in_thread(recording.finish)}, timeout=CLOSE_S)

    async def close(self) -> None:
        """Finish all."""
        if self._timer is not None:
            self._timer.cancel()
        for recording in tuple(self._open):
            await self.finish(recording)
        self._writer.shutdown(wait=False)

    def _wind_up(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(WRITE_EVERY_S, self._save)

    def _save(self) -> None:
        """A slow disk isn't asked again before it has answered."""
        if not self._open:
            self._timer = None
            return
        if self._saving is None or self._saving.done():
            recordings = tuple(self._open)
            self._saving = self._in_thread(lambda: _save_all(recordings))
        self._wind_up()

    def _in_thread(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._writer, work)


def _save_all(recordings: tuple[LiveRecording, ...]) -> None:
    for recording in recordings:
        recording.save()


def header(data_bytes: int) -> bytes:
    """A WAV header, PCM 8 kHz mono 16 bit (RIFF, Microsoft 1991)."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", data_bytes + HEADER_BYTES - 8, b"WAVE"),
        *(b"fmt ", 16, 1, 1, RATE_HZ, BYTES_PER_S, 2, 16),
        *(b"data", data_bytes),
    )


def _write_all(fd: int, data: bytes, at: int) -> None:
    """A full disk may take a part first and complain only then."""
    while data:
        written = os.pwrite(fd, data, at)
        data, at = data[written:], at + written
