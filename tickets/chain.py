"""The chain of a ticket's events: each carries a hash of itself and of the one before.

Whoever changes, removes or inserts an event must make all later ones of that ticket anew; the
seals (storage/seals.py) notice that, and an end that was cut off.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

FIRST = b""
_ENCODE = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode


def link(
    before: bytes,
    *,
    tenant: str,
    number: str,
    seq: int,
    at: datetime,
    event: str,
    actor: Sequence[str],
    state: str,
    key: str,
    data: Mapping[str, object] | str,
) -> bytes:
    """The event's hash (SHA-256, 32 bytes). `before` is the hash of the event before, `FIRST`
    for the first; `data` are JSON values, or these as `canonical_text` has them; `at` is aware,
    its instant counts and not its zone."""
    when = at.astimezone(UTC).isoformat(timespec="microseconds")
    told = _ENCODE((tenant, number, seq, when, event, *actor, state, key))
    text = data if isinstance(data, str) else _ENCODE(data)
    return sha256(before + f"{told[:-1]},{text}]".encode()).digest()


def canonical(value: object) -> bytes:
    """JSON that doesn't depend on the order of keys, nor on how a database kept it."""
    return _ENCODE(value).encode()


def canonical_text(value: object) -> str:
    """`canonical`, as text."""
    return _ENCODE(value)
