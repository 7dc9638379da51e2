"""How a due date came about, in words of both languages: the rule, what urgency left, every day
on the way. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from tickets.calendar import WorkCalendar, moment
from tickets.effects import ClockName
from tickets.limits import Length, Measure
from tickets.policy import AlwaysOn, Matter, Urgency
from tickets.timetable import Mark, Plan, Rules
from tickets.workdays import DayFact, DaySource

WEEKDAYS = "一二三四五六日"
_CLOCKS = {
    ClockName.DESK: "平台处理", ClockName.SIGN: "签收", ClockName.CONTACT: "首次联系",
    ClockName.FINISH: "办结",
}  # fmt: skip
_MEASURES = {
    Measure.WORKING_DAY: "个工作日", Measure.WORKING_HOUR: "个工作小时",
    Measure.WORKING_MINUTE: "分钟工作时间", Measure.HOUR: "小时", Measure.MINUTE: "分钟",
}  # fmt: skip
_ALWAYS = {AlwaysOn.DANGER: "险情", AlwaysOn.UTILITIES: "水电气"}
_URGENCIES = {Urgency.NORMAL: "一般", Urgency.URGENT: "急", Urgency.CRITICAL: "特急"}


class Said(NamedTuple):
    """The same in both languages."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Explained:
    """A clock's due date with its reasons; `days` go from the beginning to the due date, none where
    they don't count."""

    clock: ClockName
    begins: datetime
    due: datetime
    provisional: bool
    reasons: tuple[Said, ...]
    days: tuple[Said, ...]
    marks: tuple[Mark, ...]


def explain(
    rules: Rules, clock: ClockName, matter: Matter, at: int, state: str = "", until: int = 0
) -> Explained | None:
    """How long a clock that begins at `at` runs, and why; None: this policy has no such clock.
    `state`: what a clock of the desk measures; `until`: when it is due really (extended, rested),
    so far go its days."""
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
        days=()
        if plan.limit.round_the_clock
        else tuple(_days(calendar, plan, at, until or table.due)),
        marks=table.marks,
    )


def _reasons(rules: Rules, plan: Plan, matter: Matter, at: int) -> Iterator[Said]:
    policy, calendar = rules.policy, rules.calendar
    clock = ClockName(plan.key.split("|", 1)[0])
    always = policy.round_the_clock.get(matter.always)
    whose, limit = f"{policy.name} ({policy.id})", plan.limit
    if always is not None and limit in (always.sign, always.contact, always.finish):
        yield Said(
            f"{whose}: {matter.always} has {limit}, at any hour",
            f"{policy.name}政策:{_ALWAYS[matter.always]}类{_CLOCKS[clock]}时限{_length(limit)},昼夜计时",
        )
    elif clock is ClockName.FINISH:
        n = policy.finish.index(policy.finish_rule(matter)) + 1
        yield Said(
            f"{whose}: rule {n} of finish fits, it gives {limit}",
            f"{policy.name}政策:办结时限按第{n}条规则,{_length(limit)}",
        )
    else:
        yield Said(
            f"{whose}: {clock} has {limit}",
            f"{policy.name}政策:{_CLOCKS[clock]}时限{_length(limit)}",
        )
    percent = policy.percent(clock, matter)
    if percent != 100 and not limit.round_the_clock:
        hours = f"{plan.limit_s / 3600:g}"
        yield Said(
            f"{matter.urgency}: {percent} % of it is left, {hours} hours of work",
            f"{_URGENCIES[matter.urgency]}:时限缩短为{percent}%,{hours}个工作小时",
        )
    if plan.first_day_left_out:
        first = _day(calendar, calendar.day_after(at))
        yield Said(f"days count from the next one, {first}", f"自次日 {first} 起计算")
    elif not limit.round_the_clock and calendar.open_from(at) != at:
        opens = f"{moment(calendar.open_from(at)).astimezone(calendar.zone):%Y-%m-%d %H:%M}"
        yield Said(
            f"it begins outside working hours: counted from {opens}",
            f"开始于工作时间之外,自 {opens} 起计时",
        )
    if not limit.round_the_clock:
        length, hours = f"{calendar.day_s / 3600:g}", ", ".join(calendar.file.hours)
        yield Said(
            f"a working day is {length} h: {hours}",
            f"每个工作日{length}小时:{hours.replace(', ', '、')}",
        )


def _length(limit: Length) -> str:
    return f"{limit.amount}{_MEASURES[limit.measure]}"


def _days(calendar: WorkCalendar, plan: Plan, begin: int, due: int) -> Iterator[Said]:
    day, last = calendar.local_day(begin), calendar.local_day(due)
    left_out = day if plan.first_day_left_out else None
    facts: list[tuple[date, DayFact]] = []
    while day <= last:
        facts.append((day, calendar.day(day)))
        day += timedelta(days=1)
    for (out, working, name, source), group in groupby(
        facts, lambda f: (f[0] == left_out, f[1].working, f[1].name, f[1].source)
    ):
        span = [day for day, _ in group]
        if out and working:
            what = Said("the day it began, not counted", "开始当日,不计入")
        elif working:
            what = _worked(len(span), name, source)
        else:
            what = Said(
                f"not worked, {name}" if name else "not worked",
                f"休息,{name}" if name else "休息",
            )
        if source is DaySource.LOCAL:
            what = Said(f"{what.en}, a local day", f"{what.zh},本地安排")
        elif source is DaySource.PROVISIONAL:
            what = Said(
                f"{what.en}, provisional: not decreed yet", f"{what.zh},暂定(放假安排尚未公布)"
            )
        text = _span(span[0], span[-1])
        yield Said(f"{text}: {what.en}", f"{text.replace(' to ', ' 至 ')}:{what.zh}")


def _worked(days: int, name: str, source: DaySource) -> Said:
    en, zh = f"worked, {days} day{'s' if days > 1 else ''}", f"上班,{days}天"
    if not name:
        return Said(en, zh)
    if source is DaySource.DECREED:
        return Said(f"{en} (make-up day, {name}调休)", f"{zh}({name}调休)")
    return Said(f"{en} ({name})", f"{zh}({name})")


def _span(first: date, last: date) -> str:
    told = f"{first} (周{WEEKDAYS[first.weekday()]})"
    return told if first == last else f"{told} to {last} (周{WEEKDAYS[last.weekday()]})"


def _day(calendar: WorkCalendar, at: int) -> str:
    return _span(calendar.local_day(at), calendar.local_day(at))
