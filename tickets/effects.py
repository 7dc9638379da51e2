"""What a ticket's life asks of its clocks: the lifecycle's table returns these, clocks obey them.

The lifecycle (tickets/lifecycle.py) decides *that* a clock begins, rests or ends; how long it may
run, and which pauses count, are the policy's (tickets/policy.py). `storage.clocks`
writes them in the transaction of the event they belong to.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class ClockName(StrEnum):
    """What is measured. A ticket has at most one of each at a time.

    DESK is the platform's own: how long it may lie in a state whose next step is ours (review,
    judging a return, checking a reply, calling back) or the citizen's (PENDING_INFO).
    """

    DESK = "desk"
    SIGN = "sign"
    CONTACT = "contact"
    FINISH = "finish"


LONG_TERM = "LONG_TERM"
"""The `state` of a desk clock that runs until a long-term matter (挂账) is looked at again."""


class PauseReason(StrEnum):
    """Why a clock rests; a policy names those that count, the others change nothing.

    REPLY_REVIEW: the unit has replied, its reply is being checked (and goes back to it, or
    passes, which stops the clock).
    """

    CITIZEN_INFO = "citizen_info"
    LONG_TERM = "long_term"
    REPLY_REVIEW = "reply_review"


@dataclass(frozen=True, slots=True)
class StartClock:
    """Begin it; `unit` is who is measured ("" the platform itself).

    A clock that runs already in the same `round` and (DESK) `state` runs on and is handed to
    `unit`: a return or a reassignment takes no time from the citizen. SIGN always begins anew.
    CONTACT begins by itself with FINISH where the policy has one. DESK needs the `state` it
    measures.
    """

    clock: ClockName
    unit: str = ""
    round: int = 1
    state: str = ""


@dataclass(frozen=True, slots=True)
class StopClock:
    """It is done: whether in time is kept. One that doesn't run: nothing happens."""

    clock: ClockName


@dataclass(frozen=True, slots=True)
class PauseClock:
    """Let it rest, if the policy knows the reason; elapsed time stays. Twice is once.

    `until`: the local day on which somebody looks at it again, by a clock of the desk with state
    `LONG_TERM`, which ends when this one goes on or ends.
    """

    clock: ClockName
    reason: PauseReason
    until: date | None = None


@dataclass(frozen=True, slots=True)
class ResumeClock:
    """Let it go on with what remains; one that runs: nothing happens."""

    clock: ClockName


@dataclass(frozen=True, slots=True)
class ExtendClock:
    """A granted extension, in working days; cards near the new due date are given again.

    Whether it may be granted: the limits of `tickets.rulings`.
    """

    clock: ClockName
    days: int


@dataclass(frozen=True, slots=True)
class SetStatutory:
    """A case was filed (立案): FINISH is due at the end of this local day by law, named in
    `basis`, whatever the policy says."""

    due_on: date
    basis: str


ClockEffect = StartClock | StopClock | PauseClock | ResumeClock | ExtendClock | SetStatutory
