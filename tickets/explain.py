"""How a due date came about, in words: the rule, what urgency left, every day on the way. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from tickets.calendar import WorkCalendar, moment
from tickets.effects import ClockName
from tickets.policy import Matter
from tickets.timetable import Mark, Plan, Rules
from tickets.workdays import DayFact, DaySource

WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True, slots=True)
class Explained:
    """A clock's due date with its reasons; `days` go from the beginning to the due date."""

    clock: ClockName
    begins: datetime
    due: datetime
    provisional: bool
    reasons: tuple[str, ...]
    days: tuple[str, ...]
    marks: tuple[Mark, ...]


def explain(
    rules: Rules, clock: ClockName, matter: Matter, at: int, state: str = ""
) -> Explained | None:
    """How long a clock that begins at `at` runs, and why; None: this policy has no such clock.
    `state`: what a clock of the desk measures."""
    plan = rules.plan(clock, matter.text, state)
    if plan is None:
        return None
    table = rules.timetable(plan, ((at, None),))
    calendar = rules.calendar
    return Explained(
        clock=clock,
        begins=moment(at),
        due=moment(table.due),
        provisional=calendar.provisional(at, table.due),
        reasons=tuple(_reasons(rules, plan, matter, at)),
        days=() if plan.limit.round_the_clock else tuple(_days(calendar, at, table.due)),
        marks=table.marks,
    )


def _reasons(rules: Rules, plan: Plan, matter: Matter, at: int) -> Iterator[str]:
    policy, calendar = rules.policy, rules.calendar
    clock = ClockName(plan.key.split("|", 1)[0])
    always = policy.round_the_clock.get(matter.always)
    whose = f"{policy.name} ({policy.id})"
    if always is not None and plan.limit in (always.sign, always.contact, always.finish):
        yield f"{whose}: {matter.always} has {plan.limit}, at any hour"
    elif clock is ClockName.FINISH:
        n = policy.finish.index(policy.finish_rule(matter)) + 1
        yield f"{whose}: rule {n} of finish fits, it gives {plan.limit}"
    else:
        yield f"{whose}: {clock} has {plan.limit}"
    percent = policy.percent(clock, matter)
    if percent != 100 and not plan.limit.round_the_clock:
        yield f"{matter.urgency}: {percent} % of it is left, {plan.limit_s / 3600:g} hours of work"
    if plan.first_day_left_out:
        yield f"days count from the next one, {_day(calendar, calendar.day_after(at))}"
    elif not plan.limit.round_the_clock and calendar.open_from(at) != at:
        opens = moment(calendar.open_from(at)).astimezone(calendar.zone)
        yield f"it begins outside working hours: counted from {opens:%Y-%m-%d %H:%M}"
    if not plan.limit.round_the_clock:
        yield f"a working day is {calendar.day_s / 3600:g} h: {', '.join(calendar.file.hours)}"


def _days(calendar: WorkCalendar, begin: int, due: int) -> Iterator[str]:
    day, last = calendar.local_day(begin), calendar.local_day(due)
    facts: list[tuple[date, DayFact]] = []
    while day <= last:
        facts.append((day, calendar.day(day)))
        day += timedelta(days=1)
    for (working, name, source), group in groupby(
        facts, lambda f: (f[1].working, f[1].name, f[1].source)
    ):
        span = [day for day, _ in group]
        text = _span(span[0], span[-1])
        if working:
            what = f"worked, {len(span)} day{'s' if len(span) > 1 else ''}"
            if name:
                what += (
                    f" (make-up day, {name}调休)" if source is DaySource.DECREED else f" ({name})"
                )
        else:
            what = f"not worked, {name}" if name else "not worked"
        if source is DaySource.LOCAL:
            what += ", a local day"
        elif source is DaySource.PROVISIONAL:
            what += ", provisional: not decreed yet"
        yield f"{text}: {what}"


def _span(first: date, last: date) -> str:
    told = f"{first} (周{WEEKDAYS[first.weekday()]})"
    return told if first == last else f"{told} to {last} (周{WEEKDAYS[last.weekday()]})"


def _day(calendar: WorkCalendar, at: int) -> str:
    return _span(calendar.local_day(at), calendar.local_day(at))
