"""Who may see what of a ticket. Pure. What he may do is the lifecycle's (`decide`).

A department sees its own unit's tickets alone. Who has to speak with the citizen sees who he is;
of a confidential ticket (保密) only the centre's desks do, and a unit speaks with him through them.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from tickets.life import Actor, Life, Role

DESKS = frozenset({Role.SEAT, Role.REVIEWER, Role.SUPERVISOR})
"""Who speaks with citizens, or judges what was said to them."""
READERS = DESKS | {Role.LEADER, Role.AUDITOR, Role.ADMINISTRATOR, Role.SYSTEM}
_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?(1[3-9]\d)[- ]?(\d{4})[- ]?(\d{4})(?!\d)")


class Requester(StrEnum):
    """How much of the citizen is shown: all, his number masked, or nothing."""

    SHOWN = "shown"
    MASKED = "masked"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody sees of a ticket; `ticket` False: nothing at all."""

    ticket: bool
    requester: Requester = Requester.HIDDEN


def sight(actor: Actor | None, life: Life, parent: Life | None = None) -> Sight:
    """What an actor sees; None is a wall that anybody may look at. `parent`: the ticket that this
    one is a part of, whose unit sees its parts."""
    if actor is not None and actor.role is Role.DEPARTMENT:
        units = {life.lead, *life.co_units} | ({parent.lead} if parent else set())
        if not actor.unit or actor.unit not in units:
            return Sight(False)
        return Sight(True, Requester.HIDDEN if life.confidential else Requester.SHOWN)
    if actor is not None and actor.role not in READERS:
        return Sight(False)
    if actor is not None and actor.role in DESKS | {Role.SYSTEM}:
        return Sight(True, Requester.SHOWN)
    if life.confidential:
        return Sight(True, Requester.HIDDEN)
    administers = actor is not None and actor.role is Role.ADMINISTRATOR
    return Sight(True, Requester.SHOWN if administers else Requester.MASKED)


def number_for(seen: Requester, number: str) -> str:
    """A phone number as far as it is shown: `13812345678` → `138****5678`."""
    if seen is Requester.SHOWN or not number:
        return number
    if seen is Requester.HIDDEN:
        return ""
    return f"{number[:-8]}****{number[-4:]}" if len(number) >= 11 else "****"


def name_for(seen: Requester, name: str) -> str:
    """A name as far as it is shown: the family name alone when masked."""
    if seen is Requester.SHOWN or not name:
        return name
    return f"{name[0]}**" if seen is Requester.MASKED else ""


def text_for(seen: Requester, text: str) -> str:
    """A text without the mobile numbers in it for those to whom the citizen isn't shown."""
    if seen is Requester.SHOWN:
        return text
    return _PHONE.sub(r"\1****\3" if seen is Requester.MASKED else "****", text)
