"""Real speech and the real model for tests of recognition."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from hotline.settings import Settings
from ivr.speech.pool import VoskPool
from ivr.speech.ports import Final, Hearing, SpeechEvent, SpeechLost
from ivr.speech.process import Limits
from ivr.speech.tiny.espeak import Espeak, Manner
from ivr.speech.tiny.place import place
from ivr.speech.tiny.sound import to_telephone

FRAME = 320
SENTENCE = "我要投诉民族大道的路灯坏了"
DANGER = "煤气泄漏"
WAIT_S = 60.0


def model() -> Path:
    """The model set-up has built."""
    folder = place(Settings().cache.resolve() / "speech")
    assert folder.is_dir(), f"there is no {folder}: run `make setup`"
    return folder


@functools.cache
def _espeak() -> Espeak:
    return Espeak()


@functools.cache
def speech(text: str, variant: str = "", *, before_s: float = 0.4, after_s: float = 1.5) -> bytes:
    """A text as somebody says it on the telephone, with silence around."""
    spoken = _espeak().say(text, Manner(variant))
    wave = to_telephone(spoken.samples, spoken.rate_hz) * 0.6
    quiet = [np.zeros(round(8000 * seconds)) for seconds in (before_s, after_s)]
    return np.concatenate([quiet[0], wave, quiet[1]]).clip(-32768, 32767).astype("<i2").tobytes()


def frames(pcm: bytes, size: int = FRAME) -> list[bytes]:
    """Audio as it comes: 20 ms at a time, or so many bytes."""
    return [pcm[at : at + size] for at in range(0, len(pcm), size)]


class Ear:
    """Keeps what a hearing tells."""

    def __init__(self) -> None:
        self.events: list[SpeechEvent] = []
        self._news = asyncio.Event()

    def __call__(self, event: SpeechEvent) -> None:
        self.events.append(event)
        self._news.set()

    @property
    def finals(self) -> list[Final]:
        """Utterances with words."""
        return [e for e in self.events if isinstance(e, Final) and e.words]

    @property
    def text(self) -> str:
        """All final words, as Chinese is written."""
        return "".join(final.text.replace(" ", "") for final in self.finals)

    @property
    def lost(self) -> list[SpeechLost]:
        return [e for e in self.events if isinstance(e, SpeechLost)]

    async def until(self, ready: Callable[[], bool]) -> None:
        """Wait for an event after which this holds."""
        async with asyncio.timeout(WAIT_S):
            while not ready():
                self._news.clear()
                await self._news.wait()


async def hear(hearing: Hearing, pcm: bytes, size: int = FRAME) -> None:
    """Feed it all and wait until it is heard."""
    for frame in frames(pcm, size):
        hearing.feed(frame)
    async with asyncio.timeout(WAIT_S):
        await hearing.caught_up()


@asynccontextmanager
async def pool(
    *, workers: int = 1, hang_s: float = 20.0, at: Path | None = None
) -> AsyncIterator[VoskPool]:
    """Workers with the real model, ready to hear."""
    made = VoskPool(at or model(), language="cmn", workers=workers, limits=Limits(hang_s=hang_s))
    made.start()
    try:
        await made.ready(WAIT_S)
        yield made
    finally:
        await made.close()
