"""A ticket's clocks for people: due when and why, what is left, provisional or not. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from tickets.calendar import CalendarEnd, moment
from tickets.clocks import TicketClock, elapsed_s, marks_of, total_s
from tickets.desk_values import ClockTold
from tickets.effects import LONG_TERM
from tickets.explain import Said, explain
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
            reasons=tuple(one.en for one in reasons), days=tuple(one.en for one in days),
            reasons_zh=tuple(one.zh for one in reasons), days_zh=tuple(one.zh for one in days),
            rests=tuple(_rests(clock)),
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


def _why(clock: TicketClock, rules: Rules) -> tuple[tuple[Said, ...], tuple[Said, ...], bool]:
    """Reasons, days, and whether the due date is provisional."""
    matter = clock.matter
    try:
        found = explain(rules, clock.name, matter, clock.started_at, clock.state, clock.due)
        provisional = rules.calendar.provisional(clock.started_at, clock.due)
    except CalendarEnd as end:
        return (Said(str(end), "到期日超出工作日历范围"),), (), True
    if clock.state == LONG_TERM:
        until = Said(
            f"a long-term matter: looked at again on {clock.statutory}, then its clock goes on",
            f"挂账事项:{clock.statutory} 复查,之后恢复计时",
        )
        return (until,), (), provisional
    if found is None:
        gone = "the policy has no such clock any longer: it is as counted before"
        return (Said(gone, "现行政策已无此时限,按原计算结果"),), (), False
    days = found.days if clock.statutory is None else ()
    return (*found.reasons, *_besides(clock, rules)), days, provisional


def _besides(clock: TicketClock, rules: Rules) -> Iterator[Said]:
    """What changed its limit after it had begun."""
    if clock.statutory is not None:
        yield Said(
            f"a case was filed: due by law on {clock.statutory}",
            f"已立案:法定期限 {clock.statutory}",
        )
    if clock.extended_days:
        yield Said(
            f"extended by {clock.extended_days} working days",
            f"已延期{clock.extended_days}个工作日",
        )
    rested = [end for _, end in clock.spans[:-1] if end is not None]
    if times := len(rested) + (clock.paused_at is not None):
        yield Said(f"rested {times} times: not counted", f"暂停过{times}次,暂停期间不计")
    if clock.cap:
        whole = moment(clock.cap).astimezone(rules.calendar.zone)
        yield Said(
            f"no later than its whole, {whole.isoformat(timespec='minutes')}",
            f"不晚于主工单的期限 {whole:%Y-%m-%d %H:%M}",
        )
