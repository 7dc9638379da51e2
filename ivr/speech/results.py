"""Vosk's JSON as words with times."""

import json
from typing import Any

from ivr.speech.ports import RATE_HZ, Final, Word


def final(result: str | bytes, begun: int, until: int) -> Final:
    """A `Result()` or `FinalResult()`: `begun` is the sample at which its recogniser began, `until`
    the one it has heard to. Raises ValueError for what is no result."""
    try:
        told: dict[str, Any] = json.loads(result)
        words = tuple(_word(entry, begun / RATE_HZ) for entry in told.get("result", ()))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no result of Vosk's: {result[:200]!r}") from error
    return Final(words, until / RATE_HZ)


def _word(entry: dict[str, Any], offset_s: float) -> Word:
    return Word(
        str(entry["word"]),
        round(offset_s + float(entry["start"]), 3),
        round(offset_s + float(entry["end"]), 3),
        min(1.0, max(0.0, float(entry["conf"]))),
    )
