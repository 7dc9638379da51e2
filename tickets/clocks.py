"""One ticket's clocks: begin, rest, go on, extend, end. Pure; instants are seconds since 1970.

A clock keeps *when* it ran (its spans), never how much it has used up. So a new policy or calendar
only means to count the same spans anew: what has elapsed and what was paused can't be lost.
"""

from dataclasses import dataclass, replace
from datetime import date

from tickets.effects import ClockName
from tickets.policy import Matter
from tickets.timetable import Mark, Plan, Rules, Span, Timetable, counted_s

GRACE_S = 1800
"""Marks of the closing hour are still given this long after it."""


@dataclass(frozen=True, slots=True)
class TicketClock:
    """A clock. `seq` counts a ticket's clocks of one name, `term` its granted extensions.

    `due` is when the limit is used up; for one that rests: if it went on at the moment it was
    paused, so it only becomes later. `cap` is the parent's due (0: none). `fired` has a bit for
    each mark given in this term, `next_at` is when the next one is due (0: none).
    """

    tenant: str
    number: str
    name: ClockName
    seq: int
    matter: Matter
    spans: tuple[Span, ...]
    unit: str = ""
    round: int = 1
    state: str = ""
    extended_days: int = 0
    statutory: date | None = None
    parent: str = ""
    cap: int = 0
    term: int = 0
    fired: int = 0
    due: int = 0
    next_at: int = 0
    stopped_at: int = 0

    @property
    def started_at(self) -> int:
        """When it began."""
        return self.spans[0][0]

    @property
    def paused_at(self) -> int | None:
        """Since when it rests; None when it runs or has ended."""
        return None if self.stopped_at else self.spans[-1][1]

    @property
    def in_time(self) -> bool:
        """Whether it ended by its due date (a clock that has ended)."""
        return self.stopped_at <= self.due


def settle(clock: TicketClock, rules: Rules) -> TicketClock:
    """Due date and next mark counted anew; spans, extensions and given marks stay as they are.

    A clock the policy doesn't have (any longer) is left as it was, without marks to come.
    """
    if clock.stopped_at:
        return clock
    times = times_of(
        rules, clock.name, clock.matter.text, clock.state, clock.spans, clock.extended_days,
        clock.statutory, clock.cap, clock.fired,
    )  # fmt: skip
    if times is None:
        return clock if not clock.next_at else replace(clock, next_at=0)
    due, next_at = times
    if (due, next_at) == (clock.due, clock.next_at):
        return clock
    return replace(clock, due=due, next_at=next_at)


def times_of(
    rules: Rules,
    name: ClockName,
    matter: str,
    state: str,
    spans: tuple[Span, ...],
    extended_days: int,
    statutory: date | None,
    cap: int,
    fired: int,
) -> tuple[int, int] | None:
    """A running clock's due date and next mark; None when the policy has none such. `matter` is
    as text: a million clocks are counted anew without making objects of their rows."""
    plan = rules.plan(name, matter, state)
    if plan is None:
        return None
    table = rules.timetable(plan, spans, extended_days, statutory, cap)
    return table.due, table.next_at(fired)


def pause(clock: TicketClock, at: int, rules: Rules) -> TicketClock:
    """Let it rest from `at` on; one that rests or has ended is left alone."""
    if clock.stopped_at or clock.paused_at is not None:
        return clock
    return settle(replace(clock, spans=_closed(clock.spans, at)), rules)


def resume(clock: TicketClock, at: int, rules: Rules) -> TicketClock:
    """Let it go on from `at`; one that runs or has ended is left alone."""
    paused_at = clock.paused_at
    if paused_at is None:
        return clock
    if at <= paused_at:  # no time has passed: as if it had never been paused
        spans: tuple[Span, ...] = (*clock.spans[:-1], (clock.spans[-1][0], None))
    else:
        spans = (*clock.spans, (at, None))
    return settle(replace(clock, spans=spans), rules)


def extend(clock: TicketClock, days: int, rules: Rules) -> TicketClock:
    """Give it `days` working days more; its marks are given again near the new due date."""
    if clock.stopped_at or days < 1:
        return clock
    days += clock.extended_days
    return settle(replace(clock, extended_days=days, term=clock.term + 1, fired=0), rules)


def set_statutory(clock: TicketClock, due_on: date, rules: Rules) -> TicketClock:
    """Due at the end of work of this day by law; its marks are given again near it."""
    if clock.stopped_at or clock.statutory == due_on:
        return clock
    return settle(replace(clock, statutory=due_on, term=clock.term + 1, fired=0), rules)


def stop(clock: TicketClock, at: int) -> TicketClock:
    """End it: nothing more is set off; `in_time` tells how it went."""
    if clock.stopped_at:
        return clock
    at = max(at, clock.started_at)
    return replace(clock, spans=_closed(clock.spans, at), stopped_at=at, next_at=0)


def fire(clock: TicketClock, now: int, rules: Rules) -> tuple[TicketClock, tuple[Mark, ...]]:
    """The marks to be given now, oldest first, and the clock that has given them.

    Outside working hours nothing is given unless the class is round the clock: then `next_at`
    is the next opening.
    """
    plan = _plan(clock, rules)
    if plan is None or clock.stopped_at:
        return replace(clock, next_at=0), ()
    table = _timetable(clock, plan, rules)
    due = tuple(m for m in table.marks if m.at <= now and not m.bit & clock.fired)
    if due and not plan.always and not rules.calendar.open_at(now, GRACE_S):
        opens = rules.calendar.open_from(now)
        return replace(clock, due=table.due, next_at=opens), ()
    fired = clock.fired
    for mark in due:
        fired |= mark.bit
    return replace(clock, due=table.due, fired=fired, next_at=table.next_at(fired)), due


def marks_of(clock: TicketClock, rules: Rules) -> tuple[Mark, ...]:
    """Its cards, reminders and circulars by time, given or to come; none after it rests or ends.
    Raises `CalendarEnd`."""
    plan = _plan(clock, rules)
    return _timetable(clock, plan, rules).marks if plan else ()


def total_s(clock: TicketClock, rules: Rules) -> int:
    """Seconds it has in all: its limit, as urgency leaves it, and its extensions; where a law or
    its whole names the due date, what counts until then. 0: no limit."""
    plan = _plan(clock, rules)
    if plan is None:
        return 0
    if clock.statutory is not None or (clock.cap and clock.due == clock.cap):
        return elapsed_s(clock, clock.due, rules)
    return plan.limit_s + clock.extended_days * plan.extra_s


def elapsed_s(clock: TicketClock, at: int, rules: Rules) -> int:
    """Seconds it has counted until `at`, pauses left out; never falls as `at` rises."""
    plan = _plan(clock, rules)
    return counted_s(plan, clock.spans, at, rules.calendar) if plan else 0


def remaining_s(clock: TicketClock, at: int, rules: Rules) -> int:
    """What is left of `total_s`; below zero past the due date."""
    return total_s(clock, rules) - elapsed_s(clock, at, rules)


def _plan(clock: TicketClock, rules: Rules) -> Plan | None:
    return rules.plan(clock.name, clock.matter.text, clock.state)


def _timetable(clock: TicketClock, plan: Plan, rules: Rules) -> Timetable:
    return rules.timetable(plan, clock.spans, clock.extended_days, clock.statutory, clock.cap)


def _closed(spans: tuple[Span, ...], at: int) -> tuple[Span, ...]:
    begins, ends = spans[-1]
    return spans if ends is not None else (*spans[:-1], (begins, max(begins, at)))
