"""AudioSocket as bytes: messages in, messages out. Pure; the connection carries them.

Each message is a kind (one byte), a length (two bytes, most significant first) and so many bytes.
Asterisk 22 sends UUID first, then audio (8 kHz, mono, s16le) and keys; it takes audio and hang-up.
https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/
"""

from collections.abc import Iterator
from uuid import UUID

from telephony.errors import PeerError

HANGUP, ID, DTMF, AUDIO, ERROR = 0x00, 0x01, 0x03, 0x10, 0xFF
HEAD_BYTES = 3
LONGEST_AUDIO_BYTES = 8000
"""Half a second. Asterisk sends 320 bytes; other lengths have been seen, so long ones haven't."""
LONGEST_ERROR_BYTES = 64
KEYS = "0123456789*#"
OTHER_KEYS = "ABCD"
HANGUP_MESSAGE = bytes([HANGUP, 0, 0])


class BadMessage(PeerError):
    """The peer doesn't speak AudioSocket; `reason` is counted."""

    id = "audiosocket-bad-message"

    def __init__(self, reason: str) -> None:
        super().__init__(f"not an AudioSocket message: {reason}")
        self.reason = reason


def head(kind: int, length: int) -> bytes:
    """The first three bytes of a message."""
    return bytes((kind, length >> 8, length & 0xFF))


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The whole messages at the beginning of `data`. Raises BadMessage as soon as a head is seen
    that no message of Asterisk's has, whether or not its body has come."""
    at = 0
    while len(data) - at >= HEAD_BYTES:
        kind, length = data[at], data[at + 1] << 8 | data[at + 2]
        check_head(kind, length)
        end = at + HEAD_BYTES + length
        if end > len(data):
            return
        yield kind, data[at + HEAD_BYTES : end]
        at = end


def check_head(kind: int, length: int) -> None:
    """Raises BadMessage for a kind we don't know, or a length that its kind never has."""
    if kind == AUDIO:
        fits = length % 2 == 0 and length <= LONGEST_AUDIO_BYTES
    elif kind == DTMF:
        fits = length == 1
    elif kind == HANGUP:
        fits = length == 0
    elif kind == ID:
        fits = length == 16
    elif kind == ERROR:
        fits = length <= LONGEST_ERROR_BYTES
    else:
        raise BadMessage("unknown_kind")
    if not fits:
        raise BadMessage("wrong_length")


def key_of(body: bytes) -> str:
    """The key of a DTMF message; "" for A to D, which no telephone of a citizen has. Raises
    BadMessage for what is no key."""
    key = body.decode("latin-1")
    if key in OTHER_KEYS:
        return ""
    if key not in KEYS:
        raise BadMessage("wrong_key")
    return key


def id_of(body: bytes) -> UUID:
    """The UUID a connection says it is for."""
    return UUID(bytes=body)
