"""Where spoken requests lie, and how long they are."""

import asyncio
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import structlog

from recordings.disk import free_bytes
from recordings.naming import inside, outside, request_path
from recordings.wav import wav_length_s

log = structlog.get_logger(__name__)

HEADER_BYTES = 44
"""Of a WAV file: less is none."""
ROOM_BYTES = 2**20
"""Less than this is no room for a request."""


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """A spoken request: `inside` as Asterisk sees it, without extension, `stored` relative to
    the home, with `.wav`."""

    inside: str
    stored: str


class VoiceFiles(Protocol):
    """The places of spoken requests, seen from a conversation."""

    def place(self, call_id: str, day: date, take: int) -> VoiceFile:
        """Where the caller's `take`-th attempt (from 1) belongs; the same answer every time."""
        ...

    async def prepare(self, file: VoiceFile) -> None:
        """Make its folder; Asterisk doesn't. A full disk is logged, never raised."""
        ...

    async def seconds(self, stored: str) -> float:
        """Length of the audio that lies there; 0.0 when there is none."""
        ...

    async def torn(self, stored: str) -> bool:
        """Whether Asterisk couldn't write there: a file without so much as its header, or no file
        and no room for one."""
        ...


class HomeVoiceFiles:
    """Spoken requests below an installation's home."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def place(self, call_id: str, day: date, take: int) -> VoiceFile:
        stored = request_path(call_id, day, str(take))
        return VoiceFile(inside(stored).removesuffix(".wav"), stored)

    async def prepare(self, file: VoiceFile) -> None:
        folder = outside(self._home, file.stored).parent
        try:
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        except OSError as error:
            log.error("request_folder_failed", folder=str(folder), error=str(error))

    async def torn(self, stored: str) -> bool:
        return await asyncio.to_thread(_torn, outside(self._home, stored))

    async def seconds(self, stored: str) -> float:
        return await asyncio.to_thread(self._seconds, outside(self._home, stored))

    def _seconds(self, file: Path) -> float:
        try:
            return wav_length_s(file)
        except FileNotFoundError:
            return 0.0
        except (OSError, ValueError) as error:
            log.error("request_unreadable", file=str(file), error=str(error))
            return 0.0


def _torn(file: Path) -> bool:
    try:
        return file.stat().st_size < HEADER_BYTES
    except FileNotFoundError:
        return not file.parent.exists() or free_bytes(file.parent) < ROOM_BYTES
    except OSError:
        return True
