"""What units are told of their tickets (dispatches, cards, reminders, circulars), and citizens of
theirs. Pure."""

from collections.abc import Iterator

from tickets.consequences import Audience
from tickets.life import Life, Told
from tickets.life_effects import NOTICES

CARDS = frozenset({"reminded", "yellow_card", "red_card", "overdue_told", "circulated"})


def notices_of(life: Life, told: Told) -> Iterator[tuple[str, str]]:
    """Units and the messages they get of an event; `life` is after it."""
    if told.event in CARDS:
        if life.lead:
            yield life.lead, told.event
        return
    seen: set[tuple[str, str]] = set()
    for notice in NOTICES.get(told.event, ()):
        match notice.audience:
            case Audience.LEAD:
                units: tuple[str, ...] = (life.lead,) if life.lead else ()
            case Audience.CO_UNITS:
                units = life.co_units
            case _:
                units = ()
        for unit in units:
            if (unit, notice.message) not in seen:
                seen.add((unit, notice.message))
                yield unit, notice.message


def citizen_message(life: Life, told: Told) -> str:
    """The message that its citizen gets of an event; "" for none. Of a confidential ticket, and of
    a part of one, a machine tells him nothing."""
    if life.confidential or life.parent:
        return ""
    asked = NOTICES.get(told.event, ())
    return next((one.message for one in asked if one.audience is Audience.CITIZEN), "")
