"""What proves a reply (佐证材料): pictures and documents, known by what is in them. Pure.

A file's id is the hash of its content: an event that names it is chained, so nobody can put another
picture in its place.
"""

import re
from hashlib import sha256

LONGEST = 5 * 1024 * 1024
"""Bytes of one file."""
MOST = 30
"""Files of one ticket."""
KINDS = {"jpg": "image/jpeg", "png": "image/png", "pdf": "application/pdf"}
_BEGINS = {"jpg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-"}
_ID = re.compile(r"[0-9a-f]{64}\.(?:jpg|png|pdf)")


def evidence_id(content: bytes) -> str:
    """What a file is called: its SHA-256 and its kind; "" for what is no picture or PDF."""
    for kind, begins in _BEGINS.items():
        if content.startswith(begins):
            return f"{sha256(content).hexdigest()}.{kind}"
    return ""


def is_evidence(name: str) -> bool:
    """Whether a word is the id of a file."""
    return _ID.fullmatch(name) is not None


def media_of(name: str) -> str:
    """The media type of a file with this id."""
    return KINDS[name.rpartition(".")[2]]
