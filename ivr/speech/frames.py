"""The messages between the engine and a recognising worker: length, kind, ear, payload.

An *ear* is one recogniser in a worker; a call has a new one for every step and after every crash,
so nothing an old one still tells can be taken for news.
"""

import struct
from collections.abc import Iterator
from enum import IntEnum

_HEADER = struct.Struct("<IBI")
LONGEST = 16 * 1024 * 1024
"""Bytes of a payload; more is a broken stream."""


class Kind(IntEnum):
    """What a message says. The upper half goes from the worker to the engine."""

    OPEN = 1
    """JSON: the grammar's words, a list."""
    AUDIO = 2
    FLUSH = 3
    """Finish the utterance; answered by FLUSHED."""
    SYNC = 4
    """Answered by SYNCED when all before it is heard."""
    CLOSE = 5
    PING = 6
    """Answered by PONG at once, whatever waits."""
    PAUSE = 7
    """He is silent: tell what he has said, and listen on. Answered by PAUSED."""

    READY = 16
    """The model is loaded. JSON: what it can."""
    PARTIAL = 17
    """Samples the ear had heard (4 bytes), then the text, UTF-8."""
    FINAL = 18
    """Samples the ear had heard (4 bytes), then Vosk's JSON."""
    FLUSHED = 19
    """As FINAL."""
    SYNCED = 20
    PONG = 21
    PAUSED = 22
    """As FINAL."""


class BrokenStream(Exception):
    """The other side sends what is no message."""


def pack(kind: Kind, ear: int = 0, payload: bytes = b"") -> bytes:
    """One message."""
    return _HEADER.pack(len(payload), kind, ear) + payload


class Unpacker:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def take(self, data: bytes | memoryview) -> Iterator[tuple[Kind, int, bytes]]:
        """The messages that are complete with `data`; raises `BrokenStream`."""
        rest = self._rest
        rest += data
        at, end = 0, len(rest)
        while end - at >= _HEADER.size:
            length, kind, ear = _HEADER.unpack_from(rest, at)
            if length > LONGEST or kind not in _KINDS:
                raise BrokenStream(f"a message of kind {kind} and {length} bytes")
            until = at + _HEADER.size + length
            if until > end:
                break
            yield _KINDS[kind], ear, bytes(rest[at + _HEADER.size : until])
            at = until
        del rest[:at]


_KINDS = {int(kind): kind for kind in Kind}
