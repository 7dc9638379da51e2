"""Phoning a citizen with the result (回访): who is phoned when, and what comes of it. Pure.

A follow-up is one answered question to one citizen: a reply that passed review, told to him who
asked for it, or to one whose ticket was linked to that one. It is written down with the event that
asks for it, is rung at most so often as the policy says, within its hours, and comes to exactly one
end. Whatever an attempt brings is `Heard`; words that come late, or twice, change nothing.

| What was heard | Event | Then |
|---|---|---|
| solved and satisfied | `satisfied` | archived by itself |
| unsolved, or not satisfied | `unsatisfied` | the next round |
| one question answered, or none though both were asked; no number | `mixed` | a person |
| nobody there, no key, gone before an answer | `unreachable` | again later; a person at last |
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from tickets.calendar import WorkCalendar
from tickets.follow_up_rules import FollowUpRules, allowed_from

LEASE_S = 1200
"""After so long an attempt of which nothing was heard is taken for lost; calls are shorter."""
_LEG = re.compile(
    r"(?P<node>[a-z0-9]+)-(?P<tenant>[a-z0-9_]+)\.(?P<number>[0-9]+)\.f(?P<n>[0-9]+)"
    r"\.(?P<attempt>[0-9]+)"
)
ALONE = "hl"


class FollowUpState(StrEnum):
    """Where a follow-up stands; all but the first two are ends.

    SUPERSEDED: the ticket went on by itself (a person phoned, it was withdrawn, answered anew).
    """

    WAITING = "waiting"
    CALLING = "calling"
    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    MIXED = "mixed"
    UNREACHED = "unreached"
    SUPERSEDED = "superseded"


ENDS = frozenset(FollowUpState) - {FollowUpState.WAITING, FollowUpState.CALLING}


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A follow-up as it is kept: the `n`-th of its ticket. `main` is the ticket whose reply is told
    ("": its own). Times are whole seconds since 1970, 0 for none. `next_at` is when he may be rung,
    or, while he is, when the attempt counts as lost; `phone` (E.164) and `node` are those of the
    last attempt, `result` how it ended, `solved` and `satisfied` his answers."""

    tenant: str
    number: str
    n: int
    made_at: int
    next_at: int
    main: str = ""
    state: FollowUpState = FollowUpState.WAITING
    attempts: int = 0
    phone: str = ""
    node: str = ""
    result: str = ""
    solved: bool | None = None
    satisfied: bool | None = None
    ended_at: int = 0

    @property
    def over(self) -> bool:
        """It has come to its end."""
        return self.state in ENDS


@dataclass(frozen=True, slots=True)
class Leg:
    """A call that phones a citizen: of which follow-up, and the how manieth; `node` is the engine's
    ("" when there is only one). `id` is its Uniqueid: Asterisk makes none twice."""

    node: str
    tenant: str
    number: str
    n: int
    attempt: int

    @property
    def id(self) -> str:
        """The call's id."""
        return f"{self.node or ALONE}-{self.tenant}.{self.number}.f{self.n}.{self.attempt}"

    @classmethod
    def parse(cls, call_id: str) -> "Leg | None":
        """The leg of this call; None for any other call."""
        match = _LEG.fullmatch(call_id)
        if match is None:
            return None
        node = "" if match["node"] == ALONE else match["node"]
        return cls(node, match["tenant"], match["number"], int(match["n"]), int(match["attempt"]))


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of an attempt. `result` is a word for people (`busy`, `no_key`, `answered` …);
    `whole`: both questions were asked to the end; `hopeless`: he can't be rung at all. `recording`
    and `answered_at` (epoch, seconds) are the call's, if there was one."""

    result: str
    solved: bool | None = None
    satisfied: bool | None = None
    whole: bool = False
    hopeless: bool = False
    recording: str = ""
    answered_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Concluded:
    """What an attempt makes of a follow-up, and the event that its ticket is told."""

    follow_up: FollowUp
    event: str


def verdict(heard: Heard) -> FollowUpState | None:
    """What he has said; None when nothing that could be held against anybody."""
    answers = (heard.solved, heard.satisfied)
    if False in answers:
        return FollowUpState.UNSATISFIED
    if answers == (True, True):
        return FollowUpState.SATISFIED
    if True in answers or heard.whole or heard.hopeless:
        return FollowUpState.MIXED
    return None


def claimed(
    follow_up: FollowUp, now: int, rules: FollowUpRules, calendar: WorkCalendar, node: str
) -> FollowUp:
    """A waiting one whose time has come: to be rung now, written down before it is done, or at the
    next hour at which he may be."""
    allowed = allowed_from(rules, calendar, now)
    if allowed > now:
        return replace(follow_up, next_at=allowed)
    return replace(
        follow_up, state=FollowUpState.CALLING, attempts=follow_up.attempts + 1,
        next_at=now + LEASE_S, node=node,
    )  # fmt: skip


def put_back(follow_up: FollowUp, at: int) -> FollowUp:
    """He wasn't rung after all: no try, once more at `at`."""
    return replace(
        follow_up, state=FollowUpState.WAITING, attempts=follow_up.attempts - 1, next_at=at
    )


def concluded(
    follow_up: FollowUp,
    attempt: int,
    heard: Heard,
    now: int,
    rules: FollowUpRules,
    calendar: WorkCalendar,
) -> Concluded | None:
    """What an attempt has brought; None when it changes nothing. What somebody said counts from any
    attempt of an open follow-up, that nobody was reached only from the one under way."""
    said = verdict(heard)
    under_way = follow_up.state is FollowUpState.CALLING and attempt == follow_up.attempts
    if follow_up.over or not 0 < attempt <= follow_up.attempts or (not under_way and said is None):
        return None
    moved = replace(follow_up, result=heard.result, solved=heard.solved, satisfied=heard.satisfied)
    if said is not None:
        return Concluded(replace(moved, state=said, ended_at=now, next_at=0), said.value)
    if follow_up.attempts >= rules.tries:
        return Concluded(_unreached(moved, now), "unreachable")
    again = allowed_from(rules, calendar, now + rules.pause_s(follow_up.attempts))
    return Concluded(replace(moved, state=FollowUpState.WAITING, next_at=again), "unreachable")


def after_event(follow_up: FollowUp, now: int, *, still_asked: bool) -> FollowUp:
    """The follow-up once its ticket has heard of the attempt. `still_asked`: the ticket still waits
    for its citizen's word. Otherwise nobody is rung any more."""
    if still_asked or follow_up.over:
        return follow_up
    return _unreached(follow_up, now)


def superseded(follow_up: FollowUp, now: int) -> FollowUp:
    """The ticket waits for this answer no longer."""
    return replace(follow_up, state=FollowUpState.SUPERSEDED, ended_at=now, next_at=0)


def _unreached(follow_up: FollowUp, now: int) -> FollowUp:
    return replace(follow_up, state=FollowUpState.UNREACHED, ended_at=now, next_at=0)
