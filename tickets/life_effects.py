"""What an accepted event asks of clocks, people and other tickets.

Clock effects follow from the two states and the event alone, so that `follow_clocks` can tell of
any past moment which clocks ran.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from tickets.consequences import (
    Audience,
    CallCitizen,
    Effect,
    EndChildren,
    MakeChild,
    Notify,
    TellMain,
    TellMerged,
    TellParent,
    Then,
)
from tickets.effects import (
    ClockEffect,
    ClockName,
    ExtendClock,
    PauseClock,
    PauseReason,
    ResumeClock,
    SetStatutory,
    StartClock,
    StopClock,
)
from tickets.errors import EventRefused
from tickets.life import Life, Limits, Told
from tickets.model import TicketState
from tickets.told_data import text, texts

S = TicketState
DESK, SIGN, FINISH = ClockName.DESK, ClockName.SIGN, ClockName.FINISH

DESKS = frozenset(
    {
        S.DRAFT, S.ANSWERED, S.PENDING_REVIEW, S.PENDING_INFO, S.MERGED, S.RETURN_REVIEW,
        S.JOINT_REVIEW, S.EXTENSION_REVIEW, S.REPLY_REVIEW, S.CALLBACK, S.MANUAL_REVIEW,
        S.REOPENED,
    }
)  # fmt: skip
"""States in which the next step is the centre's or the citizen's."""
WITH_UNIT = frozenset({S.DISPATCHED, S.IN_PROGRESS, S.STATUTORY})
UNFINISHED = WITH_UNIT | {
    S.RETURN_REVIEW, S.JOINT_REVIEW, S.EXTENSION_REVIEW, S.REPLY_REVIEW, S.PENDING_REVIEW,
    S.PENDING_INFO,
}  # fmt: skip
"""States in which FINISH, once begun, goes on or rests; in all others it has ended."""
RESTS = {
    S.PENDING_INFO: PauseReason.CITIZEN_INFO,
    S.REPLY_REVIEW: PauseReason.REPLY_REVIEW,
}

NOTICES: Mapping[str, tuple[Notify, ...]] = {
    "dispatched": (
        Notify(Audience.LEAD, "ticket-dispatched"), Notify(Audience.CO_UNITS, "ticket-dispatched"),
    ),
    "reassigned": (Notify(Audience.LEAD, "ticket-dispatched"),),
    "ruled": (Notify(Audience.LEAD, "ticket-ruled"),),
    "part_made": (Notify(Audience.LEAD, "ticket-dispatched"),),
    "units_added": (Notify(Audience.CO_UNITS, "ticket-dispatched"),),
    "return_asked": (Notify(Audience.REVIEWERS, "return-asked"),),
    "return_refused": (Notify(Audience.LEAD, "return-refused"),),
    "extension_asked": (Notify(Audience.REVIEWERS, "extension-asked"),),
    "extension_granted": (
        Notify(Audience.LEAD, "extension-granted"), Notify(Audience.CITIZEN, "extension-granted"),
    ),
    "extension_refused": (Notify(Audience.LEAD, "extension-refused"),),
    "reply_sent_back": (Notify(Audience.LEAD, "reply-sent-back"),),
    "refused": (Notify(Audience.CITIZEN, "not-accepted"),),
    "info_asked": (Notify(Audience.CITIZEN, "info-asked"),),
    "case_filed": (Notify(Audience.CITIZEN, "case-filed"),),
    "urged": (Notify(Audience.LEAD, "urged"),),
    "supervised": (Notify(Audience.LEAD, "supervised"),),
    "long_term_ended": (Notify(Audience.LEAD, "long-term-ended"),),
    "instructed": (Notify(Audience.LEAD, "instructed"), Notify(Audience.SUPERVISORS, "instructed")),
    "unsatisfied": (Notify(Audience.LEAD, "citizen-not-content"),),
}  # fmt: skip


def effects_of(
    before: Life | None, after: Life, told: Told, limits: Limits, *, closed: frozenset[TicketState]
) -> Iterator[Effect]:
    """Everything the event asks for: its clocks, then its words, then other tickets."""
    yield from clock_effects(before, after, told)
    yield from NOTICES.get(told.event, ())
    if before is None:
        return
    yield from _of_parts(before, after, told, closed)
    yield from _of_linked(before, after, closed)
    if after.state is S.CALLBACK and before.state is not S.CALLBACK:
        yield CallCitizen()
    if after.state is S.ANSWERED:
        yield Then("archived")
    if told.event == "unsatisfied" and after.round >= limits.supervised_from:
        yield Then("supervised", f"round {after.round}")


def follow_clocks(before: Life | None, after: Life, told: Told) -> Life:
    """The life after, with the clocks that run and rest then."""
    asked = tuple(clock_effects(before, after, told))
    if not asked:
        return after
    running, paused = set(after.running), set(after.paused)
    for effect in asked:
        match effect:
            case StartClock(clock):
                running.add(clock)
                paused.discard(clock)
            case StopClock(clock):
                running.discard(clock)
                paused.discard(clock)
            case PauseClock(clock):
                paused.add(clock)
            case ResumeClock(clock):
                paused.discard(clock)
            case SetStatutory():
                running.add(FINISH)
    return replace(after, running=frozenset(running), paused=frozenset(paused))


def clock_effects(before: Life | None, after: Life, told: Told) -> Iterator[ClockEffect]:
    """What becomes of the clocks: of each at most one start, stop, pause or resumption."""
    old = before.state if before else None
    moved = old is not after.state
    if moved and old in DESKS and after.state not in DESKS:
        yield StopClock(DESK)
    if moved and after.state in DESKS:
        yield StartClock(DESK, round=after.round, state=after.state)
    if after.state is S.DISPATCHED and (moved or told.event in _SIGNED_ANEW):
        yield StartClock(SIGN, unit=after.lead, round=after.round)
    elif moved and old is S.DISPATCHED:
        yield StopClock(SIGN)
    yield from _finish(before, after, told, moved)


_SIGNED_ANEW = frozenset({"reassigned"})


def _finish(before: Life | None, after: Life, told: Told, moved: bool) -> Iterator[ClockEffect]:
    had = before is not None and FINISH in before.running
    rested = before is not None and FINISH in before.paused
    if told.event == "case_filed":
        if rested:
            yield ResumeClock(FINISH)
        yield SetStatutory(_day(told, "due_on"), text(told.data, "basis"))
    elif told.event == "extension_granted":
        yield ExtendClock(FINISH, _whole(told.data.get("days")))
    elif told.event == "long_term_set":
        yield PauseClock(FINISH, PauseReason.LONG_TERM, _day(told, "review_on"))
    elif told.event == "long_term_ended":
        yield ResumeClock(FINISH)
    elif after.state is S.DISPATCHED and (moved or told.event in _SIGNED_ANEW):
        yield StartClock(FINISH, unit=after.lead, round=after.round)
    elif had and after.state not in UNFINISHED:
        yield StopClock(FINISH)
    elif had and moved and (reason := RESTS.get(after.state)):
        yield PauseClock(FINISH, reason)
    elif rested and moved:
        yield ResumeClock(FINISH)


def _of_parts(
    before: Life, after: Life, told: Told, closed: frozenset[TicketState]
) -> Iterator[Effect]:
    if told.event == "handed_down":
        for unit in texts(told.data, "units"):
            yield MakeChild(unit)
    ended = after.state in closed and before.state not in closed
    if after.open_children and (ended or told.event == "reassigned"):
        yield EndChildren()
    if ended and after.parent:
        yield TellParent()


def _of_linked(before: Life, after: Life, closed: frozenset[TicketState]) -> Iterator[Effect]:
    if after.state is S.MERGED and before.state is not S.MERGED:
        yield TellMain(after.main, joined=True)
    if before.state is S.MERGED and after.state not in (S.MERGED, S.ARCHIVED):
        yield TellMain(before.main, joined=False)
    if not after.repeats or before.state is after.state:
        return
    if after.state is S.CALLBACK:
        yield TellMerged("answered")
    elif after.state in closed:
        yield TellMerged("archived" if after.state is S.ARCHIVED else "gone")


def _day(told: Told, name: str) -> date:
    try:
        return date.fromisoformat(text(told.data, name))
    except ValueError as error:
        raise EventRefused("bad-data", f"{name} must be a day such as 2026-11-30") from error


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
