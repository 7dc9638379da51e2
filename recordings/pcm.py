"""The samples of a recording."""

import struct
from collections.abc import Iterator
from pathlib import Path

_PCM = 1


class NoSpeechAudio(ValueError):
    """What lies there isn't 8 kHz, mono, 16 bit: the text says what it is."""


def pcm_blocks(file: Path, block: int) -> Iterator[bytes]:
    """The samples of a WAV file (8 kHz, mono, s16le) in blocks of so many bytes, the last shorter.

    A header that was never completed (its writer was killed) is taken by the file's size. Raises
    `NoSpeechAudio`, OSError.
    """
    with file.open("rb") as handle:
        head = handle.read(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            raise NoSpeechAudio("it has no RIFF/WAVE header")
        known = False
        while len(chunk := handle.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                break
            body = handle.read(length + length % 2)
            if name == b"fmt ":
                _check(body)
                known = True
        else:
            raise NoSpeechAudio("it has no audio")
        if not known:
            raise NoSpeechAudio("it doesn't say what audio it has")
        left = length or 1 << 62
        while left and (data := handle.read(min(block, left))):
            left -= len(data)
            yield data[: len(data) - len(data) % 2]


def _check(body: bytes) -> None:
    if len(body) < 16:
        raise NoSpeechAudio("its description is cut off")
    code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if (code, channels, rate, bits) != (_PCM, 1, 8000, 16):
        raise NoSpeechAudio(f"it is format {code}, {channels} channels, {rate} Hz, {bits} bits")
