"""What each event takes from outside: its data's fields with their types. Pure.

Only people's events are here; those that follow by themselves are the system's. `decide` refuses
what the table and the ticket forbid, this refuses what was written wrongly: unknown fields,
wrong types, unknown choices, characters that no page should show.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tickets.errors import EventRefused
from tickets.life_events import Event
from tickets.life_rules import EMERGENCIES, REFUSABLE, VOIDS
from tickets.model import Kind
from tickets.policy import AlwaysOn, Complexity, Urgency
from tickets.script import SAYS, SAYS_ZH, has_script
from tickets.told_data import LONGEST_TEXT, MOST_UNITS

E = Event
LAYOUT = frozenset("\n\r\t")


class Shape(StrEnum):
    """What a field holds."""

    TEXT = "text"
    IDS = "ids"
    WHOLE = "whole"
    DAY = "day"
    CHOICE = "choice"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event's data; `most` are signs of a text, or a whole number's largest."""

    name: str
    shape: Shape = Shape.TEXT
    needed: bool = False
    choices: tuple[str, ...] = ()
    most: int = LONGEST_TEXT


def _must(name: str, shape: Shape = Shape.TEXT, **more: object) -> Field:
    return Field(name, shape, needed=True, **more)  # type: ignore[arg-type] # as Field takes them


def _choice(name: str, choices: object, *, needed: bool = False) -> Field:
    return Field(name, Shape.CHOICE, needed, tuple(sorted(str(c) for c in choices)))  # type: ignore[attr-defined] # an iterable


NOTE = Field("note", most=1000)
REASON, NEEDED_REASON = Field("reason"), _must("reason")
UNITS = _must("units", Shape.IDS)
LEAD = (_must("lead", most=60), Field("co_units", Shape.IDS))
MATTER = (
    _choice("kind", Kind), _choice("urgency", Urgency), _choice("complexity", Complexity),
    _choice("always", [one for one in AlwaysOn if one]), Field("class_code", most=20),
)  # fmt: skip
"""What limits depend on; holds until another event says otherwise."""
WORDS = (
    Field("title", most=200), Field("text"), Field("place", most=200),
    Field("place_code", most=12), Field("requester", most=60), Field("channel", most=40),
)  # fmt: skip
ASKED = (Field("solved", Shape.FLAG), Field("satisfied", Shape.FLAG), REASON)
DAYS = _must("days", Shape.WHOLE, most=260)

FIELDS: Mapping[Event, tuple[Field, ...]] = {
    E.ANSWERED: (_must("answer"), *WORDS, *MATTER),
    E.REFUSED: (_choice("code", REFUSABLE, needed=True), REASON, Field("basis")),
    E.SUBMITTED: (*WORDS, *MATTER),
    E.TRANSFERRED: (_choice("to", EMERGENCIES, needed=True), REASON),
    E.HANDED_BACK: (NEEDED_REASON,),
    E.VOIDED: (_choice("code", VOIDS, needed=True), REASON),
    E.RESTORED: (NEEDED_REASON,),
    E.INFO_ASKED: (_must("question"),),
    E.INFO_GIVEN: (_must("text"),),
    E.INFO_EXPIRED: (REASON,),
    E.LINKED: (_must("main", most=20), REASON),
    E.UNLINKED: (NEEDED_REASON,),
    E.DISPATCHED: (*LEAD, REASON, *MATTER),
    E.REASSIGNED: (*LEAD, NEEDED_REASON, *MATTER),
    E.SIGNED: (),
    E.RETURN_ASKED: (NEEDED_REASON, _must("basis"), _must("suggested", most=60)),
    E.RETURN_GRANTED: (REASON,),
    E.RETURN_REFUSED: (NEEDED_REASON,),
    E.RULED: (*LEAD, NEEDED_REASON),
    E.HANDED_DOWN: (UNITS, REASON),
    E.UNITS_ADDED: (UNITS, REASON),
    E.EXTENSION_ASKED: (NEEDED_REASON, DAYS),
    E.EXTENSION_GRANTED: (DAYS, REASON),
    E.EXTENSION_REFUSED: (NEEDED_REASON,),
    E.CASE_FILED: (_must("due_on", Shape.DAY), _must("basis")),
    E.REPLIED: (_must("reply"), Field("public_reply"), Field("evidence", Shape.IDS)),
    E.REPLY_PASSED: (Field("public_reply"), REASON),
    E.REPLY_SENT_BACK: (NEEDED_REASON,),
    E.SATISFIED: ASKED,
    E.UNSATISFIED: ASKED,
    E.MIXED: ASKED,
    E.UNREACHABLE: (REASON,),
    E.ARCHIVED: (REASON,),
    E.CLOSED: (NEEDED_REASON,),
    E.APPEALED: (NEEDED_REASON,),
    E.REVIEWED: (REASON,),
    E.WITHDRAWN: (Field("recording", most=200), Field("code", most=40), REASON),
    E.URGED: (REASON,),
    E.REMINDED: (REASON,),
    E.SUPERVISED: (NEEDED_REASON,),
    E.YELLOW_CARD: (REASON,),
    E.RED_CARD: (REASON,),
    E.OVERDUE_TOLD: (REASON,),
    E.CIRCULATED: (REASON,),
    E.INSTRUCTED: (_must("text"),),
    E.LONG_TERM_SET: (NEEDED_REASON, _must("review_on", Shape.DAY)),
    E.LONG_TERM_ENDED: (NEEDED_REASON,),
    E.CONFIDED: (REASON,),
    E.CONTACTED: (_must("how", most=200), Field("result")),
    E.NOTED: (_must("text"), *MATTER),
}


def fields_of(event: str) -> tuple[Field, ...]:
    """What an event takes; raises `EventRefused` for what nobody outside may tell."""
    try:
        known = Event(event)
    except ValueError:
        raise EventRefused("unknown-event", f"there is no event {event[:40]!r}") from None
    if known not in FIELDS:
        raise EventRefused("system-event", f"{event} follows by itself, nobody tells it")
    return (*FIELDS[known], NOTE)


def from_outside(event: str, data: Mapping[str, object]) -> None:
    """Raises `EventRefused` for data that isn't as the event takes it."""
    known = {field.name: field for field in fields_of(event)}
    if unknown := sorted(set(data) - set(known)):
        raise EventRefused(
            "bad-data", f"{event} has no field {unknown[0][:40]!r}; it takes {', '.join(known)}"
        )
    for name, value in data.items():
        _check(known[name], value)
    if missing := [f.name for f in known.values() if f.needed and data.get(f.name) in (None, "")]:
        raise EventRefused("missing-data", f"{event} needs {', '.join(missing)}")


def clean(value: str) -> bool:
    """Whether a text has no control characters but line ends and tabs."""
    return all(unicodedata.category(c) not in ("Cc", "Cs") or c in LAYOUT for c in value)


def _check(field: Field, value: object) -> None:
    match field.shape:
        case Shape.FLAG:
            good, wanted = isinstance(value, bool), "must be true or false"
        case Shape.WHOLE:
            whole = isinstance(value, int) and not isinstance(value, bool)
            good = whole and 1 <= value <= field.most  # type: ignore[operator] # an int
            wanted = f"must be a whole number from 1 to {field.most}"
        case Shape.IDS:
            good = isinstance(value, list | tuple) and all(map(_word, value))
            good = good and len(value) <= MOST_UNITS  # type: ignore[arg-type] # a list
            wanted = f"must be a list of {MOST_UNITS} ids at most"
        case Shape.CHOICE:
            good, wanted = value in field.choices, f"must be one of {', '.join(field.choices)}"
        case Shape.DAY:
            good, wanted = _is_day(value), "must be a day such as 2026-11-30"
        case Shape.TEXT:
            _check_text(field, value)
            return
    if not good:
        unknown = field.name in ("code", "to")
        raise EventRefused("unknown-code" if unknown else "bad-data", f"{field.name} {wanted}")


def _check_text(field: Field, value: object) -> None:
    if not isinstance(value, str):
        raise EventRefused("bad-data", f"{field.name} must be a text")
    if len(value) > field.most:
        raise EventRefused("too-long", f"{field.name} has {field.most} signs at most")
    if not clean(value):
        raise EventRefused("bad-data", f"{field.name} holds control characters: leave them out")
    if has_script(value):
        raise EventRefused("script", f"{field.name} {SAYS}", SAYS_ZH)


def _word(value: object) -> bool:
    return (
        isinstance(value, str) and 0 < len(value) <= 200 and clean(value) and not has_script(value)
    )


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value))
    except ValueError:
        return False
