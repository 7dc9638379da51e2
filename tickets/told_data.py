"""Reads the data of an event, and bounds it: whatever comes in from outside is checked here."""

import json
from collections.abc import Mapping

from tickets.errors import EventRefused

LONGEST_TEXT = 10_000
MOST_BYTES = 32 * 1024
MOST_UNITS = 20
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_ZH = {"days": "工作日数"}
_NUL = "\\u0000"
_UNSTORABLE = "a text holds characters that can't be stored"


def checked(data: Mapping[str, object]) -> None:
    """Raises `EventRefused` for what is too long, or isn't JSON."""
    try:
        told = _ENCODE(dict(data))
        size = len(told.encode())
    except UnicodeEncodeError as error:  # halves of surrogate pairs
        raise EventRefused("bad-data", _UNSTORABLE) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise EventRefused("bad-data", f"the data isn't JSON: {error}") from error
    longest = max((len(v) for v in data.values() if isinstance(v, str)), default=0)
    if size > MOST_BYTES or longest > LONGEST_TEXT:
        raise EventRefused(
            "too-long", f"{LONGEST_TEXT} characters a text, {MOST_BYTES} bytes in all at most"
        )
    if _NUL in told and any(_unstorable(value) for value in data.values()):
        raise EventRefused("bad-data", _UNSTORABLE)


def text(data: Mapping[str, object], name: str) -> str:
    """A text of the data without blanks around it, "" when it has none."""
    value = data.get(name)
    return value.strip() if isinstance(value, str) else ""


def texts(data: Mapping[str, object], name: str, *, least: int = 1) -> tuple[str, ...]:
    """A list of at least so many different, non-empty texts; raises `EventRefused`."""
    value = data.get(name)
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
        raise EventRefused("missing-data", f"{name} must be a list of ids")
    if not least <= len(value) <= MOST_UNITS or len(set(value)) != len(value):
        raise EventRefused("bad-data", f"{name}: {least} to {MOST_UNITS} different ids")
    return tuple(value)


def numbers(data: Mapping[str, object], name: str, least: int, most: int) -> int:
    """A whole number in a range; raises `EventRefused`."""
    value = data.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise EventRefused(
            "bad-data", f"{name} must be a whole number from {least} to {most}",
            f"{_ZH.get(name, name)}须为{least}到{most}的整数。",
        )  # fmt: skip
    return value


def _unstorable(value: object) -> bool:
    """NUL, which PostgreSQL's text can't hold."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_unstorable(v) or _unstorable(k) for k, v in value.items())
    return isinstance(value, list | tuple) and any(_unstorable(v) for v in value)
