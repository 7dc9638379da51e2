"""Live audio and a recogniser that do what a test says: the other ends of `ivr.spoken`."""

from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from ivr.prompt_sounds import PromptSounds
from ivr.speech.ports import Final, SpeechAway, Told, Word
from ivr.spoken import SpokenParts
from recordings.live import LiveRecordings, header
from telephony.errors import CallEnded
from telephony.live_audio import FRAME_S, Listener

SILENT = bytes(320)


def voice(seconds: float) -> list[bytes]:
    """Frames of something the voice detector takes for a voice: a rough tone in syllables."""
    frames = []
    for n in range(round(seconds / FRAME_S)):
        loud = 6000 + 1500 * (n % 3)
        samples = [loud * (i % 40 - 20) // 20 + (loud if i % 80 == 0 else 0) for i in range(160)]
        frames.append(array("h", samples).tobytes())
    return frames


def silence(seconds: float) -> list[bytes]:
    return [SILENT] * round(seconds / FRAME_S)


class FakeAudio:
    """`LiveAudio` whose caller is the test: `hears(frames)`, `presses`, `hangs_up`."""

    def __init__(self) -> None:
        self.at_s = 0.0
        self.pcm = b""
        self.did: list[str] = []
        self.paused = False
        self._left = 0
        self._listener: Listener | None = None

    @property
    def playing(self) -> bool:
        return self._left > 0

    def listen(self, listener: Listener) -> None:
        self._listener = listener

    def play(self, pcm: bytes) -> None:
        self.pcm, self._left, self.paused = pcm, len(pcm), False
        self.did.append("play")

    def pause(self) -> None:
        self.paused = True
        self.did.append("pause")

    def resume(self, *, back_s: float = 0.0) -> None:
        self.paused = False
        self._left += round(back_s * 16000)
        self.did.append("resume")

    def stop(self) -> None:
        if self._left:
            self.did.append("stop")
        self._left = 0

    async def over(self) -> None:
        raise CallEnded("hangup")

    def hears(self, frames: Sequence[bytes]) -> None:
        """The caller's frames; what plays goes on meanwhile."""
        assert self._listener is not None
        for frame in frames:
            self.at_s += FRAME_S
            if self._left > 0 and not self.paused:
                self._left -= 320
                if self._left <= 0:
                    self._left = 0
                    self._listener.played_out()
            self._listener.heard(frame)

    def presses(self, key: str) -> None:
        assert self._listener is not None
        self._listener.pressed(key)

    def hangs_up(self) -> None:
        assert self._listener is not None
        self._listener.ended()


class FakeCall:
    """A call that has only its audio and its name."""

    class info:
        call_id = "c-1"

    def __init__(self, audio: FakeAudio) -> None:
        self._audio = audio

    @asynccontextmanager
    async def live_audio(self) -> AsyncIterator[FakeAudio]:
        yield self._audio


class FakeHearing:
    """One call's recognition; `last` is what `flush` says."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.fed = 0
        self.grammars: list[tuple[str, ...]] = []
        self.last = Final()
        self.asked_silent: list[bool] = []
        self.waits: list[float] = []
        self.closed = False

    def listen_for(self, words: Sequence[str] = ()) -> None:
        self.grammars.append(tuple(words))

    def feed(self, pcm: bytes, *, within_s: float = 0.0) -> None:
        self.fed += len(pcm)
        self.waits.append(within_s)

    async def flush(self, *, silent: bool = False) -> Final:
        self.asked_silent.append(silent)
        return self.last

    async def caught_up(self) -> None:
        return None

    def close(self) -> None:
        self.closed = True


class FakeRecogniser:
    """Gives `FakeHearing`s; `away` refuses."""

    detail = "as the test says"

    def __init__(self) -> None:
        self.hearings: list[FakeHearing] = []
        self.away = False

    def able(self, language: str) -> bool:
        return not self.away

    def open(self, call_id: str, language: str, told: Told) -> FakeHearing:
        if self.away:
            raise SpeechAway("away")
        self.hearings.append(FakeHearing(told))
        return self.hearings[-1]


def final(text: str, at_s: float) -> Final:
    """Words of 0.2 s each that end at a time."""
    words = text.split()
    begun = at_s - 0.2 * len(words)
    spaced = (
        Word(word, begun + 0.2 * n, begun + 0.2 * (n + 1), 0.9) for n, word in enumerate(words)
    )
    return Final(tuple(spaced), at_s)


def parts(home: Path, prompt_s: float = 2.0) -> tuple[SpokenParts, FakeRecogniser]:
    """Parts with one prompt, `cmn/q`."""
    file = home / "prompts" / "cmn" / "q.wav"
    file.parent.mkdir(parents=True)
    pcm = b"\x10\x00" * round(prompt_s * 8000)
    file.write_bytes(header(len(pcm)) + pcm)
    recogniser = FakeRecogniser()
    return SpokenParts(PromptSounds(home / "prompts"), LiveRecordings(home), recogniser), recogniser
