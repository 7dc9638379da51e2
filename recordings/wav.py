"""How long a WAV file plays, from its header and its size; the audio itself isn't read."""

import struct
from pathlib import Path

HEADER_READ = 4096


def wav_length_s(file: Path) -> float:
    """Seconds of audio; 0.0 for a header without audio, or for no whole header.

    An unfinalised header (its writer was killed: data size 0 or beyond the end) is taken by the
    file's size. Raises FileNotFoundError, and ValueError for what is no WAV file.
    """
    with file.open("rb") as handle:
        head = handle.read(HEADER_READ)
        size = handle.seek(0, 2)
    return length_of(head, size)


def length_of(head: bytes, size: int) -> float:
    """`wav_length_s` of a file's first bytes (up to 4096) and its size in bytes."""
    if len(head) < 12:
        return 0.0
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise ValueError("no RIFF/WAVE header")
    byte_rate, at = 0, 12
    while at + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, at)
        if name == b"fmt " and at + 24 <= len(head):
            byte_rate = struct.unpack_from("<I", head, at + 16)[0]
        if name == b"data":
            return _data_s(length, size - at - 8, byte_rate)
        at += 8 + length + length % 2
    return 0.0


def _data_s(told: int, there: int, byte_rate: int) -> float:
    if byte_rate == 0:
        raise ValueError("a WAV header without a byte rate")
    return (told if 0 < told <= there else max(there, 0)) / byte_rate
