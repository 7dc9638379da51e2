"""Bare Vosk for `hotline bench speech`: recordings in, words, end points and CPU out (JSON).

`python -m hotline.speech_bare MODEL WAV…`. One model, one recogniser a recording, slices of the
length the engine gives it, and at their times: a processor that has slept between two slices is
slower than one that never does, for Vosk as for us. Nothing of the engine.
"""

import json
import sys
import time
import wave
from collections.abc import Sequence
from typing import Any

SLICE = 960
SLICE_S = 0.06
RATE_HZ = 8000
WORKERS = 2
"""Processes that recognise, with the engine and without."""
GROUPS = 3
"""Recordings are heard in so many groups, one after another within a slice's time."""
WARM_UP_S = 5
FRAME = 320
STOPPED_FRAMES = 12


class Listener:
    """One recording, as any program would give it to Vosk."""

    def __init__(self, model: Any, pcm: bytes) -> None:
        import vosk

        self._pcm = pcm
        self._recogniser = vosk.KaldiRecognizer(model, RATE_HZ)
        self._recogniser.SetWords(True)
        self._at = 0
        self._texts: list[str] = []
        self._endpoints: list[float] = []
        self._cpu_s = 0.0

    def hear(self) -> bool:
        """The next slice; False when there is none."""
        piece = self._pcm[self._at : self._at + SLICE]
        self._at += len(piece)
        begun = time.thread_time()
        ended = bool(piece) and self._recogniser.AcceptWaveform(piece)
        text = json.loads(self._recogniser.Result())["text"] if ended else ""
        self._cpu_s += time.thread_time() - begun
        if text:
            self._texts.append(text)
            self._endpoints.append(self._at / (2 * RATE_HZ))
        return bool(piece)

    def told(self) -> dict[str, object]:
        """What came of it."""
        self._texts.append(json.loads(self._recogniser.FinalResult())["text"])
        return {
            "text": " ".join(filter(None, self._texts)),
            "endpoints": self._endpoints,
            "speech_ends": speech_ends(self._pcm),
            "cpu_s": self._cpu_s,
            "audio_s": len(self._pcm) / (2 * RATE_HZ),
        }


def speech_ends(pcm: bytes) -> list[float]:
    """Where somebody stopped speaking (s): the bench's callers are silent to the last bit then."""
    frames = [any(pcm[at : at + FRAME]) for at in range(0, len(pcm), FRAME)]
    ends = []
    for number, spoke in enumerate(frames):
        if spoke and not any(frames[number + 1 : number + 1 + STOPPED_FRAMES]):
            ends.append((number + 1) * FRAME / (2 * RATE_HZ))
    return ends


def live(listeners: Sequence[Listener]) -> None:
    """Hear all of them at once, as long as they last."""
    left = list(listeners)
    next_at = time.monotonic()
    while left:
        for group in range(GROUPS):
            done = [one for one in left[group::GROUPS] if not one.hear()]
            left = [one for one in left if one not in done]
            next_at += SLICE_S / GROUPS
            time.sleep(max(0.0, next_at - time.monotonic()))


def main(words: Sequence[str]) -> None:
    """See above."""
    import vosk

    vosk.SetLogLevel(-1)
    model = vosk.Model(words[0])
    warm = Listener(model, bytes(2 * RATE_HZ * WARM_UP_S))
    while warm.hear():
        pass
    listeners = []
    for file in words[1:]:
        with wave.open(file, "rb") as sound:
            listeners.append(Listener(model, sound.readframes(sound.getnframes())))
    live(listeners)
    for listener in listeners:
        sys.stdout.write(json.dumps(listener.told()) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
