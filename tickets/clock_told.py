"""A ticket's clocks for people: due when and why, what is left, provisional or not. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from tickets.calendar import CalendarEnd, moment
from tickets.clocks import TicketClock, elapsed_s, marks_of, total_s
from tickets.desk_values import ClockTold
from tickets.effects import LONG_TERM
from tickets.explain import explain
from tickets.timetable import Rules


def clocks_told(clocks: Iterable[TicketClock], rules: Rules, at: int) -> Iterator[ClockTold]:
    """Each clock at a moment (seconds since 1970), in the order they began."""
    for clock in sorted(clocks, key=lambda c: (c.started_at, c.name)):
        reasons, days, provisional = _why(clock, rules)
        until = clock.stopped_at or at
        total, elapsed = total_s(clock, rules), elapsed_s(clock, until, rules)
        yield ClockTold(
            clock=clock.name.value, unit=clock.unit, round=clock.round, state=clock.state,
            began=moment(clock.started_at), due=moment(clock.due), provisional=provisional,
            paused=clock.paused_at is not None,
            ended=moment(clock.stopped_at) if clock.stopped_at else None,
            in_time=clock.in_time if clock.stopped_at else None,
            total_s=total, elapsed_s=elapsed, remaining_s=total - elapsed,
            reasons=reasons, days=days, rests=tuple(_rests(clock)),
            marks=_marks(clock, rules),
        )  # fmt: skip


def _marks(clock: TicketClock, rules: Rules) -> tuple[tuple[str, datetime], ...]:
    try:
        return tuple((mark.name.value, moment(mark.at)) for mark in marks_of(clock, rules))
    except CalendarEnd:
        return ()


def _rests(clock: TicketClock) -> Iterator[tuple[datetime, datetime | None]]:
    """The gaps between its spans, and the one it is in."""
    for (_, ends), (begins, _) in pairwise(clock.spans):
        if ends is not None:
            yield moment(ends), moment(begins)
    if clock.paused_at is not None:
        yield moment(clock.paused_at), None


def _why(clock: TicketClock, rules: Rules) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Reasons, days, and whether the due date is provisional."""
    matter = clock.matter
    try:
        found = explain(rules, clock.name, matter, clock.started_at, clock.state)
        provisional = rules.calendar.provisional(clock.started_at, clock.due)
    except CalendarEnd as end:
        return (str(end),), (), True
    if clock.state == LONG_TERM:
        until = f"a long-term matter: looked at again on {clock.statutory}, then its clock goes on"
        return (until,), (), provisional
    if found is None:
        return ("the policy has no such clock any longer: it is as counted before",), (), False
    more: list[str] = []
    if clock.statutory is not None:
        more.append(f"a case was filed: due by law on {clock.statutory}")
    if clock.extended_days:
        more.append(f"extended by {clock.extended_days} working days")
    rested = [end for _, end in clock.spans[:-1] if end is not None]
    if rested or clock.paused_at is not None:
        more.append(f"rested {len(rested) + (clock.paused_at is not None)} times: not counted")
    if clock.cap:
        more.append(f"no later than its whole, {moment(clock.cap).isoformat(timespec='minutes')}")
    return (*found.reasons, *more), found.days, provisional
