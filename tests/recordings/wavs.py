"""WAV files as Asterisk writes them: 8 kHz, 16 bit, one channel."""

import struct
from pathlib import Path

RATE = 16_000


def wav(
    seconds: float, *, told: int | None = None, extra: bytes = b"", fmt: bytes | None = None
) -> bytes:
    """A file's bytes; `told` is the data size in the header (None: the true one)."""
    data = b"\0" * round(seconds * RATE)
    head = fmt or struct.pack("<HHIIHH", 1, 1, 8000, RATE, 2, 16)
    size = len(data) if told is None else told
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + extra
    body = b"WAVE" + chunks + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def put(file: Path, content: bytes) -> Path:
    """Write a file and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file
