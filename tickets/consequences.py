"""What an accepted event asks of others than the clocks (`tickets.effects`), as values.

`lifecycle.decide` returns both kinds; the store carries them out in the event's own transaction.
"""

from dataclasses import dataclass
from enum import StrEnum

from tickets.effects import ClockEffect


class Audience(StrEnum):
    """Whom a word is for: the ticket's units, its citizen, or a role of the centre."""

    LEAD = "lead"
    CO_UNITS = "co_units"
    CITIZEN = "citizen"
    REVIEWERS = "reviewers"
    SUPERVISORS = "supervisors"
    LEADERS = "leaders"


@dataclass(frozen=True, slots=True)
class Notify:
    """A word to somebody; `message` is a stable id of the text."""

    audience: Audience
    message: str


@dataclass(frozen=True, slots=True)
class MakeChild:
    """A child ticket for this unit, due no later than its parent."""

    unit: str


@dataclass(frozen=True, slots=True)
class CallCitizen:
    """The citizen is to be phoned with the result and asked."""


@dataclass(frozen=True, slots=True)
class EndChildren:
    """Every open child ends with its parent."""


@dataclass(frozen=True, slots=True)
class TellParent:
    """The parent learns that this child ended."""


@dataclass(frozen=True, slots=True)
class TellMain:
    """The main ticket learns that this one was linked to it, or left it (`joined` False)."""

    main: str
    joined: bool


@dataclass(frozen=True, slots=True)
class TellMerged:
    """Tickets linked to this one learn what became of it: `answered` (their citizens are called
    with the same answer), `archived`, or `gone` (withdrawn, void: they go on by themselves)."""

    what: str


@dataclass(frozen=True, slots=True)
class Then:
    """The system itself lets this event follow at once, in the same transaction."""

    event: str
    reason: str = ""


Effect = (
    ClockEffect
    | Notify
    | MakeChild
    | CallCitizen
    | EndChildren
    | TellParent
    | TellMain
    | TellMerged
    | Then
)
