"""What a citizen may hear of a ticket by telephone, and do to it, without a person (decision 0265).

Nobody else's matter is told. Two things are always asked for: *whose* it is, and *which*.

| He calls from | He keys | He hears of |
|---|---|---|
| the telephone on record | the last four digits of the number | his newest one with that ending |
| the telephone on record | the whole number | that ticket |
| any other, or none is shown | the whole number, then the last four digits of the telephone | it |

The number alone never suffices: numbers are counted, so anybody can guess one. Whatever is wrong
(no such ticket, a confidential one, one of somebody else) is answered with the same words.
Pure: values in, values out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tickets.life import Life, Told
from tickets.lifecycle import OPEN
from tickets.model import TicketState
from tickets.number import format_number, is_number

ENDING = 4
"""Digits: of a ticket's number, of a telephone."""
DAYS_BACK = 120
"""An ending is looked for among the tickets of so many days."""
MOST_A_DAY = 100_000
"""Tickets of one day among which an ending is looked for."""
CALLER_TRIES = 5
"""Wrong answers from one telephone within a day; then a person has to help."""
HIDDEN_TRIES = 50
"""The same of all telephones together that show no number."""
TICKET_TRIES = 10
"""Wrong answers about one ticket within a day, from wherever."""
CALL_TRIES = 3
"""Wrong answers within one call."""


@dataclass(frozen=True, slots=True)
class OwnTicket:
    """A ticket as its citizen may hear of it. `phones` are those on record (E.164), `refused` the
    code with which it wasn't accepted, `urged_on` the local day it was last urged by telephone."""

    tenant: str
    number: str
    call_id: str
    state: TicketState
    phones: frozenset[str]
    due: datetime | None = None
    refused: str = ""
    urged_on: date | None = None


@dataclass(frozen=True, slots=True)
class Addition:
    """A citizen's further words: his voice (relative to the home), its seconds, the call, and the
    language he speaks ("": nobody knows)."""

    call_id: str
    stored: str
    seconds: float
    at: datetime
    language: str = ""


def ending_of(entered: str) -> str:
    """The last four digits, when they are what was keyed; else ""."""
    return entered if len(entered) == ENDING else ""


def number_of(entered: str) -> str:
    """The whole number, when it is what was keyed; else ""."""
    return entered if is_number(entered) else ""


def with_ending(ending: str, today: date) -> Sequence[str]:
    """The numbers a ticket with this ending may have."""
    days = [today - timedelta(days=back) for back in range(DAYS_BACK)]
    counts = [n for n in range(int(ending), MOST_A_DAY, 10**ENDING) if n]
    return [format_number(day, n) for day in days for n in counts]


def has_ending(ticket: OwnTicket, digits: str) -> bool:
    """Whether one of its telephones ends so."""
    return len(digits) == ENDING and any(phone.endswith(digits) for phone in ticket.phones)


def tellable(life: Life) -> bool:
    """Whether a machine may speak of it at all: nothing confidential, no unit's part of one."""
    return not life.confidential and not life.parent


def may_urge(state: TicketState) -> bool:
    """Whether there is anybody to be urged."""
    return state in OPEN


_WANTED = frozenset({TicketState.PENDING_INFO, TicketState.MANUAL_REVIEW})
_REOPENED = frozenset({TicketState.ARCHIVED, TicketState.NOT_ACCEPTED, TicketState.WITHDRAWN})


def added_as(state: TicketState) -> str:
    """The event by which his further words come to the ticket; "" when nobody would hear them
    there: then they are a request of their own."""
    if state in _WANTED:
        return "info_given"
    if state in _REOPENED:
        return "appealed"
    return "noted" if state in OPEN else ""


def urge_key(day: date) -> str:
    """What makes urging happen once a day, however often and wherever it is asked for."""
    return f"urged-by-phone-{day.isoformat()}"


def refusal_of(history: Sequence[Told]) -> str:
    """The code of the last refusal in a ticket's history; "" when there was none."""
    codes = [told.data.get("code") for told in history if told.event == "refused"]
    return str(codes[-1]) if codes and codes[-1] else ""
