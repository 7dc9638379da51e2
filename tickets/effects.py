"""What an accepted event asks of others, as values: clocks, words to people, tickets of its own.

`lifecycle.decide` returns them, the store carries them out in the event's own transaction: what
is done to clocks (`tickets.clocks`) and what is to be said are kept with the event or not at all.
"""

from dataclasses import dataclass
from enum import StrEnum


class Clock(StrEnum):
    """What can run on a ticket. Each kind runs once at a time; its length is the policy's.

    `SUBMIT` from the call to the draft's end, `REVIEW` a reviewer's turn, `INFO` waiting for the
    citizen, `SIGN` 签收, `FINISH` 办结, `RULING` a decision on a return or an extension, `LEGAL`
    a statutory case, `REPLY` the review of a reply, `CALLBACK` until the citizen was asked.
    """

    SUBMIT = "submit"
    REVIEW = "review"
    INFO = "info"
    SIGN = "sign"
    FINISH = "finish"
    RULING = "ruling"
    LEGAL = "legal"
    REPLY = "reply"
    CALLBACK = "callback"


class Audience(StrEnum):
    """Whom a word is for: the ticket's units, its citizen, or a role of the centre."""

    LEAD = "lead"
    CO_UNITS = "co_units"
    CITIZEN = "citizen"
    REVIEWERS = "reviewers"
    SUPERVISORS = "supervisors"
    LEADERS = "leaders"


@dataclass(frozen=True, slots=True)
class StartClock:
    """It begins at the event's time; one that runs already begins afresh. `until` is a moment
    the event itself names (ISO 8601 with zone, "" when the policy tells the length)."""

    clock: Clock
    until: str = ""


@dataclass(frozen=True, slots=True)
class PauseClock:
    """It stands still, `reason` says for what; what has elapsed is kept."""

    clock: Clock
    reason: str


@dataclass(frozen=True, slots=True)
class ResumeClock:
    """It goes on from where it was paused."""

    clock: Clock


@dataclass(frozen=True, slots=True)
class StopClock:
    """It has ended: `met` when what it measured was done, else the matter went another way."""

    clock: Clock
    met: bool


@dataclass(frozen=True, slots=True)
class ExtendClock:
    """It is given so many working days more."""

    clock: Clock
    working_days: int


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


Effect = (
    StartClock | PauseClock | ResumeClock | StopClock | ExtendClock | Notify | MakeChild
    | CallCitizen | EndChildren | TellParent | TellMain | TellMerged | Then
)  # fmt: skip
ClockEffect = StartClock | PauseClock | ResumeClock | StopClock | ExtendClock
