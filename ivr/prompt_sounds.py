"""Prompts as plain audio, for callers whose audio the engine leads itself."""

import asyncio
import wave
from collections import OrderedDict
from pathlib import Path

import structlog

from telephony.counters import PROMPTS_FAILED
from telephony.live_audio import RATE_HZ
from telephony.session import prompt_name

KEPT_BYTES = 64_000_000
"""An hour of prompts: all there are, unless somebody records very many."""

log = structlog.get_logger(__name__)


class PromptSounds:
    """Prompts below an installation's home. Read once; read again when the file has changed."""

    def __init__(self, prompts: Path) -> None:
        self._prompts = prompts
        self._kept: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._size = 0

    async def pcm(self, language: str, name: str) -> bytes:
        """8 kHz, mono, s16le; empty, counted and logged when there is no such prompt: the caller is
        led on without it."""
        known = prompt_name(language, name)
        file = self._prompts / f"{known}.wav"
        try:
            changed = file.stat().st_mtime_ns
            kept = self._kept.get(known)
            if kept is not None and kept[0] == changed:
                self._kept.move_to_end(known)
                return kept[1]
            pcm = await asyncio.to_thread(read_wav, file)
        except (OSError, ValueError) as error:
            PROMPTS_FAILED.inc()
            log.error("prompt_not_played", prompt=known, error=str(error))
            return b""
        self._keep(known, changed, pcm)
        return pcm

    def _keep(self, known: str, changed: int, pcm: bytes) -> None:
        self._forget(known)
        self._kept[known] = (changed, pcm)
        self._size += len(pcm)
        while self._size > KEPT_BYTES:
            self._forget(next(iter(self._kept)))

    def _forget(self, known: str) -> None:
        before = self._kept.pop(known, None)
        if before is not None:
            self._size -= len(before[1])


def read_wav(file: Path) -> bytes:
    """The samples of a WAV file; ValueError for any that isn't 8 kHz, mono, 16 bit."""
    try:
        with wave.open(str(file), "rb") as sound:
            shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
            if shape != (RATE_HZ, 1, 2):
                raise ValueError(f"{file} isn't 8 kHz, mono, 16 bit")
            return sound.readframes(sound.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{file} is no WAV file: {error}") from error
