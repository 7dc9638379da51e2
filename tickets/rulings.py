"""What a policy says to the questions of the lifecycle: returned, extended, until when?"""

from collections.abc import Sequence

from tickets.calendar import WorkCalendar, moment
from tickets.clocks import TicketClock
from tickets.effects import ClockName
from tickets.life import Limits
from tickets.limits import Length, Measure
from tickets.policy import Matter, Policy
from tickets.timetable import Rules


def limits_of(rules: Rules, clocks: Sequence[TicketClock], matter: Matter) -> Limits:
    """A ticket's limits right now, by its clocks (all it ever had)."""
    policy = rules.policy
    finish = next((c for c in clocks if c.name is ClockName.FINISH and not c.stopped_at), None)
    sign = max((c for c in clocks if c.name is ClockName.SIGN), key=lambda c: c.seq, default=None)
    if finish is not None:
        matter = finish.matter
    times, days = extensions_of(policy, matter)
    return Limits(
        finish_due=moment(finish.due) if finish and finish.paused_at is None else None,
        return_until=moment(return_until(rules, sign.started_at)) if sign else None,
        extensions=times,
        extension_days=days,
        never_extended=frozenset({matter.kind.value}) if not times and matter.kind else frozenset(),
        returns=policy.returns.before_joint_review,
        unreachable=policy.follow_up.tries,
        supervised_from=policy.supervised_from_round,
    )


def extensions_of(policy: Policy, matter: Matter) -> tuple[int, int]:
    """How often a matter's limit may be extended, and by how many working days at most."""
    found = policy.finish_rule(matter).extensions
    times = found.times if matter.complexity in found.only else 0
    return times, found.limit.amount


def return_until(rules: Rules, dispatched_at: int) -> int:
    """Until when a unit may ask to return what it was given."""
    return counted_from(rules, dispatched_at, rules.policy.returns.within)


def counted_from(rules: Rules, at: int, length: Length) -> int:
    """When a length of time beginning at `at` is over, the first day as the policy has it."""
    calendar: WorkCalendar = rules.calendar
    if length.round_the_clock:
        return at + length.seconds(calendar)
    if length.measure is Measure.WORKING_DAY and not rules.policy.first_day_counts:
        at = calendar.day_after(at)
    return calendar.add(at, length.seconds(calendar))
