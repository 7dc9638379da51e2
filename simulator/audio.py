"""Voices made at run time: nothing recorded is shipped. 8 kHz, mono, encoded as G.711."""

import math
import shutil
import subprocess
import tempfile
from array import array
from functools import cache
from pathlib import Path
from typing import Literal

from simulator.errors import ProgramFailed

Codec = Literal["alaw", "ulaw"]

SAMPLE_RATE_HZ = 8000
PITCH_HZ = 130.0
SYLLABLES_PER_S = 4.0
FORMANTS = ((1, 0.5), (3, 0.9), (5, 0.5), (9, 0.35), (17, 0.2))
LOUDNESS = 16000
SYNTHESIS_S = 20.0
SEGMENT_ENDS = (0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF, 0x1FFF, 0x3FFF, 0x7FFF)


def speech_like(seconds: float, codec: Codec) -> bytes:
    """A voiced hum in the rhythm of syllables: loud enough that silence detection hears speech."""
    count = round(seconds * SAMPLE_RATE_HZ)
    second = _hummed_second(codec)
    return (second * (count // len(second) + 1))[:count]


@cache
def _hummed_second(codec: Codec) -> bytes:
    """Syllables and pitch begin anew each second: one is all there is to compute."""
    samples = array("h", bytes(2 * SAMPLE_RATE_HZ))
    for index in range(len(samples)):
        time_s = index / SAMPLE_RATE_HZ
        syllable = math.sin(math.pi * SYLLABLES_PER_S * time_s) ** 2
        angle = 2 * math.pi * PITCH_HZ * time_s
        wave = sum(weight * math.sin(harmonic * angle) for harmonic, weight in FORMANTS)
        samples[index] = round(LOUDNESS * syllable * wave / len(FORMANTS))
    return encode(samples, codec)


def spoken(text: str, voice: str, codec: Codec) -> bytes | None:
    """A sentence by espeak-ng and sox, or None where they aren't installed.

    Raises ProgramFailed when they are, and fail.
    """
    if not (shutil.which("espeak-ng") and shutil.which("sox")):
        return None
    with tempfile.TemporaryDirectory(prefix="hl-voice-") as folder:
        wide, raw = Path(folder) / "wide.wav", Path(folder) / "narrow.raw"
        _run("espeak-ng", "-v", voice, "-s", "150", "-w", str(wide), text)
        narrow = ("-t", "raw", "-r", str(SAMPLE_RATE_HZ), "-c", "1", "-b", "16", "-e", "signed")
        _run("sox", str(wide), *narrow, str(raw), "norm", "-6")
        samples = array("h")
        samples.frombytes(raw.read_bytes())
    return encode(samples, codec)


def silence(codec: Codec) -> int:
    """The byte of a silent sample."""
    return encode(array("h", [0]), codec)[0]


def encode(samples: "array[int]", codec: Codec) -> bytes:
    """Linear 16-bit samples as G.711 (ITU-T G.711), a byte a sample."""
    one = _ulaw if codec == "ulaw" else _alaw
    table: dict[int, int] = {value: one(value) for value in set(samples)}
    return bytes(table[value] for value in samples)


def _ulaw(sample: int) -> int:
    magnitude = min(abs(sample), 32635) + 0x84
    exponent = next(i for i, end in enumerate(SEGMENT_ENDS) if magnitude <= end)
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = 0x80 if sample < 0 else 0
    return ~(sign | exponent << 4 | mantissa) & 0xFF


def _alaw(sample: int) -> int:
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(sample if sample >= 0 else -sample - 1, 32767)
    exponent = next(i for i, end in enumerate(SEGMENT_ENDS) if magnitude <= end)
    mantissa = (magnitude >> (4 if exponent == 0 else exponent + 3)) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, timeout=SYNTHESIS_S, check=False)
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip()
        raise ProgramFailed(f"{command[0]} ended with {done.returncode}: {words}")
