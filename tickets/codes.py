"""Codes that people give: a class must be one of the classification, a place one that can be told.
Pure."""

from collections.abc import Collection, Iterable, Mapping

from tickets.divisions import Division, covers
from tickets.errors import EventRefused
from tickets.told_data import text


def check_codes(
    data: Mapping[str, object], leaves: Collection[str], divisions: Iterable[Division]
) -> None:
    """Raises `EventRefused` for a `class_code` that is no leaf of the classification nor a level
    above one, or a `place_code` that lies in none of the divisions known (a town needn't be named
    itself, it lies in its county)."""
    code = text(data, "class_code")
    if code and not any(len(code) % 2 == 0 and leaf.startswith(code) for leaf in leaves):
        raise EventRefused("unknown-code", f"class_code: the classification has no {code[:20]!r}")
    place = text(data, "place_code")
    if place and not any(covers(one.code, place) for one in divisions):
        raise EventRefused("unknown-code", f"place_code: {place[:20]!r} lies in no known division")
