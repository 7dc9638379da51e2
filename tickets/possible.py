"""What somebody may do with a ticket right now. Pure: the table itself is asked, event by event,
with made-up data, so that no second table can tell something else."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tickets.errors import EventRefused
from tickets.event_fields import FIELDS, Field, Shape, fields_of
from tickets.life import Actor, Life, Limits, Told
from tickets.lifecycle import OVERLAYS, TABLE, decide

DATA_MATTERS = frozenset({"missing-data", "bad-data", "unknown-code", "unknown-unit", "unit-twice"})
"""Refusals that other data may lift."""


@dataclass(frozen=True, slots=True)
class Possible:
    """An event somebody may tell, where it may lead, and what it takes. `refused` and `reason`:
    his role may, but the ticket doesn't take it now."""

    event: str
    to: tuple[str, ...]
    fields: tuple[Field, ...]
    refused: str = ""
    reason: str = ""


def possible(life: Life, actor: Actor, limits: Limits, now: datetime) -> Iterator[Possible]:
    """The events that an actor may tell of a ticket, in the table's order."""
    for event in FIELDS:
        step = TABLE.get((life.state, event))
        overlay = OVERLAYS.get(event)
        who = step.who if step else overlay.who if overlay and life.state in overlay.states else ()
        if actor.role not in who:
            continue
        to = tuple(map(str, step.targets)) if step else (str(life.state),)
        refused = _refused(life, Told(event, actor, now, _made_up(event, now)), limits)
        if refused is None or refused.id in DATA_MATTERS:
            yield Possible(event, to, fields_of(event))
        else:
            yield Possible(event, to, fields_of(event), refused.id, refused.reason)


def _refused(life: Life, told: Told, limits: Limits) -> EventRefused | None:
    try:
        decide(life, told, limits)
    except EventRefused as refused:
        return refused
    return None


def _made_up(event: str, now: datetime) -> dict[str, object]:
    """Data that is right as far as that can be known."""
    return {field.name: _value(field, now) for field in fields_of(event) if field.needed} | (
        {"code": "-"} if event == "withdrawn" else {}
    )


def _value(field: Field, now: datetime) -> object:
    match field.shape:
        case Shape.WHOLE:
            return 1
        case Shape.IDS:
            return ["-"]
        case Shape.CHOICE:
            return field.choices[0]
        case Shape.DAY:
            return (now + timedelta(days=30)).date().isoformat()
        case Shape.FLAG:
            return True
        case Shape.TEXT:
            return "-"
