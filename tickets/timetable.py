"""When a clock is due and when its cards come: a policy and a calendar, applied to its spans.

Pure. Clocks of one kind that count from the same moment have the same timetable, so those once
made are remembered: of a million clocks most share one.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date

from tickets.calendar import ALL_TIME, RoundTheClock, WorkCalendar
from tickets.effects import ClockName
from tickets.limits import Length, Measure
from tickets.policy import MarkName, MarkRule, Matter, Policy
from tickets.workdays import DAY_S

BASIS_VERSION = 1
"""Raised when the way of counting itself changes."""
REMEMBERED = 50_000
# Stored with every clock: a new mark goes to the end of MarkName.
BITS = {mark: 1 << n for n, mark in enumerate(MarkName)}

Span = tuple[int, int | None]
"""From when until when a clock ran; None: it still does."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A card, reminder or circular of a clock, and since when it is due."""

    name: MarkName
    bit: int
    at: int


@dataclass(frozen=True, slots=True)
class Timetable:
    """When the limit is used up, and the marks by time."""

    due: int
    marks: tuple[Mark, ...]

    def next_at(self, fired: int) -> int:
        """When the first mark is due that has no bit in `fired`; 0 when all were given."""
        return next((mark.at for mark in self.marks if not mark.bit & fired), 0)


@dataclass(frozen=True, slots=True)
class _PlannedMark:
    """A mark's rule in seconds."""

    name: MarkName
    bit: int
    before_s: int
    after_s: int
    plain: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """How clocks of one kind are counted. `extra_s` is what a day's extension adds."""

    key: str
    limit: Length
    limit_s: int
    extra_s: int
    first_day_left_out: bool
    always: bool
    marks: tuple[_PlannedMark, ...]
    timeline: WorkCalendar | RoundTheClock


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What clocks go by: a tenant's policy and calendar; `basis` names both: due dates counted by
    another basis are counted anew. Made by `rules_of`."""

    policy: Policy
    calendar: WorkCalendar
    basis: str
    _plans: dict[tuple[ClockName, str, str], Plan | None] = field(default_factory=dict)
    _made: dict[tuple[object, ...], Timetable] = field(default_factory=dict)

    def plan(self, clock: ClockName, matter: str, state: str) -> Plan | None:
        """How such a clock is counted (`matter` as text); None: the policy has none such."""
        key = (clock, matter, state)
        if key not in self._plans:
            if len(self._plans) >= REMEMBERED:
                self._plans.clear()
                self._made.clear()
            self._plans[key] = _plan(self, clock, Matter.parse(matter), state, "|".join(key))
        return self._plans[key]

    def counts_from(self, plan: Plan, begun: int) -> int:
        """From when a clock counts that began at `begun`: clocks that have never rested and count
        from the same moment have the same timetable. Raises `CalendarEnd`."""
        return self.calendar.day_after(begun) if plan.first_day_left_out else begun

    def timetable(
        self,
        plan: Plan,
        spans: tuple[Span, ...],
        extended_days: int = 0,
        statutory: date | None = None,
        cap: int = 0,
    ) -> Timetable:
        """A clock's timetable. While it rests, `due` is as if it went on at once, and only the
        marks it had come to before remain."""
        if plan.first_day_left_out:
            spans = _without_first_day(spans, self.counts_from(plan, spans[0][0]))
        key = (plan.key, spans, extended_days, statutory, cap)
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= REMEMBERED:
                self._made.clear()
            found = self._made[key] = _timetable(
                self.calendar, plan, spans, extended_days, statutory, cap
            )
        return found


def rules_of(policy: Policy, calendar: WorkCalendar) -> Rules:
    """Policy and calendar together; only what changes due dates and cards makes a new basis."""
    told = policy.model_dump_json(exclude={"id", "name", "source", "returns", "follow_up"})
    digest = hashlib.sha256(f"{BASIS_VERSION}{calendar.basis}{told}".encode())
    return Rules(policy, calendar, digest.hexdigest()[:16])


def counted_s(plan: Plan, spans: tuple[Span, ...], at: int, calendar: WorkCalendar) -> int:
    """Seconds these spans have counted until `at`; never falls as `at` rises."""
    if plan.first_day_left_out:
        spans = _without_first_day(spans, calendar.day_after(spans[0][0]))
    counted = 0
    for begins, ends in spans:
        until = at if ends is None else min(ends, at)
        if until > begins:
            counted += plan.timeline.position(until) - plan.timeline.position(begins)
    return counted


def _plan(rules: Rules, clock: ClockName, matter: Matter, state: str, key: str) -> Plan | None:
    policy, calendar = rules.policy, rules.calendar
    limit = policy.limit(clock, matter, state)
    if limit is None:
        return None
    in_days = limit.measure is Measure.WORKING_DAY
    # What runs round the clock is as short as it can be: urgency takes nothing more from it.
    percent = 100 if limit.round_the_clock else policy.percent(clock, matter)
    return Plan(
        key=key,
        limit=limit,
        limit_s=max(1, limit.seconds(calendar) * percent // 100),
        extra_s=DAY_S if limit.round_the_clock else calendar.day_s,
        first_day_left_out=in_days and not policy.first_day_counts,
        always=bool(matter.always),
        marks=tuple(_planned(rule, calendar) for rule in policy.marks.of(clock)),
        timeline=ALL_TIME if limit.round_the_clock else calendar,
    )


def _planned(rule: MarkRule, calendar: WorkCalendar) -> _PlannedMark:
    length = rule.before or rule.after
    return _PlannedMark(
        rule.mark,
        BITS[rule.mark],
        rule.before.seconds(calendar) if rule.before else 0,
        rule.after.seconds(calendar) if rule.after else 0,
        length is not None and length.round_the_clock,
    )


def _timetable(
    calendar: WorkCalendar,
    plan: Plan,
    spans: tuple[Span, ...],
    extended_days: int,
    statutory: date | None,
    cap: int,
) -> Timetable:
    total_s = plan.limit_s + extended_days * plan.extra_s
    if statutory is not None:
        due, half = calendar.close_of(statutory), spans[0][0]
    else:
        due = _used_up(plan, spans, total_s)
        half = _used_up(plan, spans, max(1, total_s // 2))
    if cap:
        due = min(due, cap)
    marks = [
        Mark(mark.name, mark.bit, _mark_at(mark, due, half, plan.always, calendar))
        for mark in plan.marks
    ]
    if (rests_since := spans[-1][1]) is not None:
        marks = [mark for mark in marks if mark.at <= rests_since]
    return Timetable(due, tuple(sorted(marks, key=lambda mark: (mark.at, mark.bit))))


def _used_up(plan: Plan, spans: tuple[Span, ...], amount_s: int) -> int:
    """When `amount_s` has been counted; for a clock that rests, as if it went on at once."""
    timeline, left, last = plan.timeline, amount_s, spans[0][0]
    for begins, ends in spans:
        position = timeline.position(begins)
        if ends is None or timeline.position(ends) - position >= left:
            return timeline.at(position + left)
        left -= timeline.position(ends) - position
        last = ends
    return timeline.at(timeline.position(last) + left)


def _mark_at(mark: _PlannedMark, due: int, half: int, always: bool, calendar: WorkCalendar) -> int:
    """When a mark is given; one before the due date not before half the time is up."""
    at = due
    if mark.before_s:
        early = due - mark.before_s if mark.plain else calendar.back(due, mark.before_s)
        at = min(due, max(early, half))
    elif mark.after_s:
        at = due + mark.after_s if mark.plain else calendar.add(due, mark.after_s)
    return at if always else calendar.open_from(at)


def _without_first_day(spans: tuple[Span, ...], counts_from: int) -> tuple[Span, ...]:
    """The spans cut to begin at `counts_from`; never none."""
    if len(spans) == 1 and spans[0][1] is None:
        return ((counts_from, None),)
    return tuple(
        (max(begins, counts_from), ends)
        for begins, ends in spans
        if ends is None or ends > counts_from
    ) or ((counts_from, counts_from),)
