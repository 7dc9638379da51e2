"""What tickets are found by beside state and unit, kept with the events that say it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from storage.among import Among
from storage.desk_tables import ticket_keys
from storage.prepared import Prepared
from storage.rows import DIALECTS
from tickets.desk_values import Card
from tickets.grams import plain
from tickets.life import Life, Role, Told
from tickets.spoken import Question, SpokenRequest
from tickets.told_data import text

PLACE_SIGNS = 40
_CARDS = frozenset(Card)
_KEYS = ticket_keys.c
_PUT = Prepared({name: i(ticket_keys).on_conflict_do_nothing() for name, i in DIALECTS.items()})
_OF = Among(
    _KEYS.number,
    lambda wanted: select(_KEYS.number, _KEYS.key).where(
        _KEYS.tenant == bindparam("of_tenant"), wanted
    ),
)


def class_keys(code: str) -> tuple[str, ...]:
    """A class leaf's three levels."""
    return tuple(f"class:{code[:n]}" for n in (2, 4, 6) if len(code) >= n) if code else ()


def area_keys(code: str) -> tuple[str, ...]:
    """The county, and the town where that is known."""
    return tuple(dict.fromkeys(f"area:{code[:n]}" for n in (6, 9) if len(code) >= n))


def place_key(place: str) -> tuple[str, ...]:
    """A place by its name as it is searched."""
    name = plain(place)[:PLACE_SIGNS]
    return (f"place:{name}",) if name else ()


def card_key(card: str) -> str:
    """A card (its event's name) that somebody gave by hand; those of clocks are `clock_marks`."""
    return f"card:{card}"


def keep_keys(connection: Connection, tenant: str, kept: Sequence[tuple[Life, Told]]) -> None:
    """What these events say tickets are found by."""
    for life, told in kept:
        now = _said(life, told)
        if now:
            _replace(connection, tenant, life.number, now)


def keep_spoken_keys(
    connection: Connection, tenant: str, number: str, spoken: SpokenRequest
) -> None:
    """What a spoken request says its ticket is found by."""
    matter, place = spoken.answer(Question.MATTER), spoken.answer(Question.PLACE)
    keys = {
        "class:": class_keys(matter.value if matter else ""),
        "area:": area_keys(place.value if place else ""),
        "place:": place_key(place.label if place else ""),
    }
    _put(connection, tenant, number, [key for found in keys.values() for key in found])


def keys_of(connection: Connection, tenant: str, numbers: Sequence[str]) -> dict[str, list[str]]:
    """The keys of these tickets."""
    found: dict[str, list[str]] = {number: [] for number in numbers}
    if numbers:
        for row in _OF.run(connection, numbers, of_tenant=tenant):
            found[row.number].append(row.key)
    return found


def _said(life: Life, told: Told) -> Mapping[str, tuple[str, ...]]:
    """By beginning: the keys that take the place of those with it."""
    data = told.data
    found: dict[str, tuple[str, ...]] = {}
    if told.event not in ("created", "merged"):
        if code := text(data, "class_code"):
            found["class:"] = class_keys(code)
        if code := text(data, "place_code"):
            found["area:"] = area_keys(code)
        if told.event == "submitted" and (place := text(data, "place")):
            found["place:"] = place_key(place)
    if told.event in _CARDS and told.actor.role is not Role.SYSTEM:
        found[card_key(told.event)] = (card_key(told.event),)
    if "co_units" in data or told.event == "units_added":
        found["co:"] = tuple(f"co:{unit}" for unit in life.co_units)
    return found


def _replace(
    connection: Connection, tenant: str, number: str, now: Mapping[str, tuple[str, ...]]
) -> None:
    for beginning in now:
        connection.execute(
            delete(ticket_keys).where(
                _KEYS.tenant == tenant, _KEYS.number == number, _KEYS.key.startswith(beginning)
            )
        )
    _put(connection, tenant, number, [key for keys in now.values() for key in keys])


def _put(connection: Connection, tenant: str, number: str, keys: Iterable[str]) -> None:
    rows: list[dict[str, Any]] = [{"tenant": tenant, "key": k, "number": number} for k in keys]
    _PUT.run_many(connection, rows)
