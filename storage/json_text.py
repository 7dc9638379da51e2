"""JSON that is made once: for a ticket's chain and for its row."""

import json
from typing import Any


class JsonText(str):
    """JSON as text already; columns take it as it is."""

    __slots__ = ()


_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


def dump_json(value: Any) -> str:
    """A column's text: `JsonText` as it is, other values encoded."""
    return value if isinstance(value, JsonText) else _ENCODE(value)
