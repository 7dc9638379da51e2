"""Sound files for Asterisk: spoken by espeak-ng, shaped by sox, measured before they are kept.

Both run as processes (espeak-ng is GPL). Every sound ends as 8 kHz mono in three formats: `.alaw`
and `.ulaw`, which a trunk plays without transcoding, and `.wav` for everything else.
"""

import array
import math
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

RATE_HZ = 8000
FORMATS = ("wav", "alaw", "ulaw")
SPEECH_DBFS = -16.0
MUSIC_DBFS = -26.0
PROCESS_S = 60
_AUDIBLE = 0.01
_CODED = {"alaw": "a-law", "ulaw": "mu-law"}
_NOTES = "C4 E4 G4 E4 A4 G4 E4 D4 C4 D4 G4 A4 G4 D4 C4"
_NOTE_S = 2
# Silence off both ends, rumble off, quiet and loud parts brought nearer, a breath left around.
_TRIM = ("silence", "1", "0.01", "0.4%")
_COMPAND = ("compand", "0.005,0.08", "6:-70,-60,-35,-22,-20,-14,0,-8")
_SHAPED = (
    *_TRIM,
    "reverse",
    *_TRIM,
    "reverse",
    "highpass",
    "120",
    *_COMPAND,
    "pad",
    "0.04",
    "0.12",
)


class AudioError(Exception):
    """A sound couldn't be made; the message says which and why."""

    id = "audio"


@dataclass(frozen=True, slots=True)
class Measured:
    """A sound's length, loudness, highest peak and the silence around it."""

    length_s: float
    rms_dbfs: float
    peak_dbfs: float
    leading_s: float
    trailing_s: float


def speak(text: str, voice: str, words_per_minute: int, wav: Path) -> None:
    """Speak a text to a WAV file, evened to `SPEECH_DBFS`."""
    raw = wav.with_suffix(".raw.wav")
    command = ["espeak-ng", "-v", voice, "-s", str(words_per_minute), "-w", str(raw), "--stdin"]
    _run(command, text)
    shaped = wav.with_suffix(".shaped.wav")
    _sox(str(raw), *_plain(shaped), *_SHAPED)
    _level(shaped, wav, SPEECH_DBFS)


def convert(recording: Path, wav: Path) -> None:
    """A recording by people, whatever its rate and channels; its level is left as it is."""
    _sox(str(recording), *_plain(wav))


def melody(wav: Path) -> None:
    """Thirty seconds of soft plucked notes that can be played in a loop."""
    notes = _NOTES.split()
    for note in set(notes):
        start = ["synth", str(_NOTE_S), "pluck", note, "fade", "t", "0.01", str(_NOTE_S), "1.2"]
        _sox("-n", *_plain(wav.with_name(f"{wav.stem}.{note}.wav")), *start)
    played = [str(wav.with_name(f"{wav.stem}.{note}.wav")) for note in notes]
    joined = wav.with_suffix(".joined.wav")
    _sox(*played, *_plain(joined), "gain", "-6", "lowpass", "2200", "reverb", "30")
    _level(joined, wav, MUSIC_DBFS)


def silence(seconds: float, wav: Path) -> None:
    """Nothing to be heard, for so long."""
    _sox("-n", *_plain(wav), "trim", "0", f"{seconds:g}")


def encode(wav: Path) -> None:
    """The G.711 twins of a WAV file, beside it."""
    for ending, coding in _CODED.items():
        target = wav.with_suffix(f".{ending}")
        _sox(str(wav), "-t", "raw", "-e", coding, "-b", "8", str(target))


def measure(wav: Path) -> Measured:
    """Measure a 16-bit mono WAV file; raises AudioError for any other."""
    try:
        with wave.open(str(wav), "rb") as handle:
            if (handle.getsampwidth(), handle.getnchannels()) != (2, 1):
                raise AudioError(f"{wav} isn't 16-bit mono")
            rate = handle.getframerate()
            samples = array.array("h", handle.readframes(handle.getnframes()))
    except (OSError, EOFError, wave.Error) as why:
        raise AudioError(f"{wav} can't be read: {why}") from why
    if sys.byteorder == "big":
        samples.byteswap()
    if not samples:
        return Measured(0.0, -math.inf, -math.inf, 0.0, 0.0)
    audible = int(_AUDIBLE * 32768)
    heard = [i for i, sample in enumerate(samples) if abs(sample) > audible]
    first, last = (heard[0], heard[-1]) if heard else (len(samples), len(samples) - 1)
    return Measured(
        length_s=len(samples) / rate,
        rms_dbfs=_dbfs(math.sqrt(sum(s * s for s in samples) / len(samples))),
        peak_dbfs=_dbfs(max(abs(s) for s in samples)),
        leading_s=first / rate,
        trailing_s=(len(samples) - 1 - last) / rate,
    )


def _level(source: Path, target: Path, dbfs: float) -> None:
    """Bring a sound to a loudness. Peaks that would clip are limited, which takes some loudness
    away again: so in two rounds."""
    between = target.with_suffix(".level.wav")
    for before, after in ((source, between), (between, target)):
        found = measure(before)
        if math.isinf(found.rms_dbfs):
            raise AudioError("nothing is to be heard in it")
        _sox(str(before), *_plain(after), "gain", "-l", f"{dbfs - found.rms_dbfs:.2f}")


def _plain(wav: Path) -> tuple[str, ...]:
    return "-r", str(RATE_HZ), "-c", "1", "-b", "16", "-e", "signed-integer", str(wav)


def _dbfs(amplitude: float) -> float:
    return 20 * math.log10(amplitude / 32768) if amplitude else -math.inf


def _sox(*arguments: str) -> None:
    # -R: the same noise each time, so that the same text gives the same file; -D: no dither.
    _run(["sox", "-R", "-D", "-V1", *arguments])


def _run(command: list[str], text: str = "") -> None:
    """Run a program with a deadline; raises AudioError with its own last words."""
    try:
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, timeout=PROCESS_S, check=False
        )
    except FileNotFoundError as why:
        raise AudioError(f"the program {command[0]} is missing: install it") from why
    except subprocess.TimeoutExpired as why:
        raise AudioError(f"{command[0]} didn't end within {PROCESS_S} s") from why
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise AudioError(f"{command[0]} failed: {said[-1] if said else done.returncode}")
