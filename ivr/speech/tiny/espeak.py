"""Speech from text by espeak-ng, with the exact sample at which every phone begins.

libespeak-ng is called in a process of the builder's own (`espeak-ng` as a program can't tell its
phones); it is GPL and no part of what runs. Source: espeak-ng/src/include/espeak-ng/speak_lib.h.
"""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.floating[Any]]
"""Audio at int16's scale, or numbers computed of it."""
VOICE = "cmn-latn-pinyin"
_SYNCHRONOUS, _PHONEME_EVENTS = 2, 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_UTF8 = 1
_LIST_ENDS, _PHONE_BEGINS = 0, 7


class SpeechMissing(Exception):
    """espeak-ng or a voice of it isn't there."""


class _Id(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8),
    ]  # fmt: skip


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("unique", ctypes.c_uint), ("text_position", ctypes.c_int),
        ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p), ("id", _Id),
    ]  # fmt: skip


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a text is spoken: a variant of the voice ("" is the plain one), words a minute, pitch
    and its range (0 to 100)."""

    variant: str = ""
    rate: int = 160
    pitch: int = 50
    range: int = 50


@dataclass(frozen=True, slots=True)
class Spoken:
    """A spoken text: its samples at `rate_hz`, and where each phone begins ("" is silence)."""

    samples: Samples
    rate_hz: int
    phones: tuple[tuple[int, str], ...]

    @property
    def sounds(self) -> tuple[str, ...]:
        """The phones without silences."""
        return tuple(phone for _, phone in self.phones if phone)


class Espeak:
    """One process has one; not for several threads. `folder` holds its `espeak-ng-data` where that
    isn't the installed one."""

    def __init__(self, folder: Path | None = None) -> None:
        try:
            self._library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise SpeechMissing("libespeak-ng.so.1 (Debian package libespeak-ng1)") from error
        self._c = ctypes.CDLL(None)
        self._pcm: list[bytes] = []
        self._phones: list[tuple[int, str]] = []
        self._kept = _CALLBACK(self._take)  # the library keeps only the address
        data = str(folder).encode() if folder is not None else None
        self.rate_hz: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS)
        if self.rate_hz <= 0:
            raise SpeechMissing("espeak-ng's data (Debian package espeak-ng-data)")
        self._library.espeak_SetSynthCallback(self._kept)

    def say(self, text: str, manner: Manner = Manner(), *, seed: int = 0) -> Spoken:
        """Speak a text (characters, or pinyin with tone digits); the same for the same `seed`.

        A variant that espeak-ng doesn't know sounds like the plain voice. Raises `SpeechMissing`
        when there is no Mandarin voice.
        """
        voice = f"{VOICE}+{manner.variant}" if manner.variant else VOICE
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SpeechMissing(f"espeak-ng's voice {voice}")
        for name, value in (
            (_RATE, manner.rate), (_PITCH, manner.pitch), (_RANGE, manner.range),
        ):  # fmt: skip
            self._library.espeak_SetParameter(name, value, 0)
        self._pcm.clear()
        self._phones.clear()
        self._c.srand(seed)  # breath and hiss of some variants are drawn with rand()
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.frombuffer(b"".join(self._pcm), np.int16).astype(np.float32)
        return Spoken(samples, self.rate_hz, tuple(self._phones))

    def _take(self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: object) -> int:
        if wave and count > 0:
            self._pcm.append(ctypes.string_at(wave, 2 * count))
        at = 0
        while (event := events[at]).type != _LIST_ENDS:  # type: ignore[index] # a C array
            if event.type == _PHONE_BEGINS:
                name = bytes(event.id.string).split(b"\0")[0].decode()
                self._phones.append((event.sample, "" if name.startswith("_") else name))
            at += 1
        return 0
