"""A ticket's life as JSON and back: only what isn't as at its beginning."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from tickets.effects import ClockName
from tickets.life import Life
from tickets.model import TicketState

_FIELDS = [field for field in fields(Life) if field.name not in ("tenant", "number")]
_DEFAULTS = {field.name: field.default for field in _FIELDS}
_CLOCKS = frozenset({"running", "paused"})


def dump_life(life: Life) -> dict[str, Any]:
    """JSON values; sets in order, so that equal lives are equal texts."""
    values: dict[str, Any] = {}
    for name, default in _DEFAULTS.items():
        value = getattr(life, name)
        if default is MISSING or value != default:
            values[name] = sorted(value) if name in _CLOCKS else value
    return values


def load_life(tenant: str, number: str, values: Mapping[str, Any]) -> Life:
    """`dump_life`, back."""
    known = dict(values)
    known["state"] = TicketState(known["state"])
    for name in ("co_units", "cards", "handlers", "watchers"):
        if name in known:
            known[name] = tuple(known[name])
    for name in _CLOCKS & known.keys():
        known[name] = frozenset(map(ClockName, known[name]))
    return Life(tenant, number, **known)
