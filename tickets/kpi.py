"""Figures of tickets from their events and clocks, each with numerator and denominator. Pure.

Who isn't counted is as telling as who is: a callback nobody answered is never satisfied, what was
not accepted is nobody's unfinished work. Rates of calls (接通率 …) are `queue_manager.figures`'.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from tickets.clocks import TicketClock
from tickets.effects import ClockName
from tickets.life import Told
from tickets.model import TicketState

NOT_ACCEPTED = frozenset(
    {TicketState.DRAFT, TicketState.NOT_ACCEPTED, TicketState.TRANSFERRED, TicketState.VOID}
)
ASKED = frozenset({"satisfied", "unsatisfied", "mixed"})
"""Callbacks in which the citizen answered."""


@dataclass(frozen=True, slots=True)
class Share:
    """A rate that shows what it was made of; None while nothing has happened."""

    numerator: int = 0
    denominator: int = 0

    @property
    def rate(self) -> float | None:
        """0.0 to 1.0."""
        return self.numerator / self.denominator if self.denominator else None

    def __add__(self, other: "Share") -> "Share":
        return Share(self.numerator + other.numerator, self.denominator + other.denominator)


@dataclass(frozen=True, slots=True)
class Story:
    """One ticket for the figures: its events with the states they led to, oldest first, and every
    clock it ever had. `unit`, `class_code`, `area` are what it is grouped by."""

    number: str
    history: Sequence[tuple[Told, TicketState]]
    clocks: Sequence[TicketClock] = ()
    unit: str = ""
    class_code: str = ""
    area: str = ""

    @property
    def state(self) -> TicketState:
        """Where it stands."""
        return self.history[-1][1]


@dataclass(frozen=True, slots=True)
class Kpis:
    """The figures of some tickets, in the order and by the formulas of GB/T 33358 and the cities'
    published ones."""

    tickets: int
    first_call_answer: Share
    signed_in_time: Share
    contacted_in_time: Share
    finished_in_time: Share
    returned: Share
    dispatched_right: Share
    called_back: Share
    reached: Share
    satisfied: Share
    solved: Share
    closed: Share

    def __add__(self, other: "Kpis") -> "Kpis":
        """The figures of both together: of other tickets than these."""
        return Kpis(*(a + b for a, b in zip(_values(self), _values(other), strict=True)))


def kpis(stories: Iterable[Story], now: int) -> Kpis:
    """Count them; `now` (seconds since 1970) decides which open clocks are overdue already.

    - 直接答复率: closed on the call ÷ accepted
    - 按时签收率, 响应率, 按时办结率: ended in time ÷ due (ended, or past their due date)
    - 退单率: returns asked ÷ dispatches; 派单准确率: 1 − upheld returns ÷ dispatches
    - 回访率: called ÷ closed, and reached ÷ closed, of what a unit had handled
    - 满意率, 解决率: of those who actually answered; 办结率: closed ÷ accepted
    """
    counts: Counter[str] = Counter()
    for story in stories:
        _count(story, now, counts)

    def share(top: str, bottom: str) -> Share:
        return Share(counts[top], counts[bottom])

    return Kpis(
        tickets=counts["tickets"],
        first_call_answer=share("direct", "accepted"),
        signed_in_time=share("sign_in_time", "sign_due"),
        contacted_in_time=share("contact_in_time", "contact_due"),
        finished_in_time=share("finish_in_time", "finish_due"),
        returned=share("returns", "dispatches"),
        dispatched_right=Share(counts["dispatches"] - counts["upheld"], counts["dispatches"]),
        called_back=share("called", "handled_closed"),
        reached=share("reached", "handled_closed"),
        satisfied=share("satisfied", "rated"),
        solved=share("solved", "solved_known"),
        closed=share("closed", "accepted"),
    )


def _values(figures: Kpis) -> Iterator[Any]:
    return (getattr(figures, field.name) for field in fields(figures))


def by_group(
    stories: Iterable[Story], group: Callable[[Story], str], now: int
) -> Mapping[str, Kpis]:
    """The figures of each unit, class or area: `group` names it."""
    groups: dict[str, list[Story]] = {}
    for story in stories:
        groups.setdefault(group(story), []).append(story)
    return {name: kpis(groups[name], now) for name in sorted(groups)}


def ranking(figures: Mapping[str, Kpis]) -> Sequence[tuple[str, Kpis]]:
    """Units, the best first: finished in time, then satisfied, then closed; who has nothing to be
    measured by comes last."""

    def worth(kpi: Kpis) -> tuple[float, ...]:
        shares = (kpi.finished_in_time, kpi.satisfied, kpi.closed)
        return tuple(-1.0 if share.rate is None else share.rate for share in shares)

    return sorted(figures.items(), key=lambda item: (tuple(-v for v in worth(item[1])), item[0]))


def _count(story: Story, now: int, counts: Counter[str]) -> None:
    events = [told.event for told, _ in story.history]
    counts["tickets"] += 1
    accepted = story.state not in NOT_ACCEPTED
    archived = story.state is TicketState.ARCHIVED
    counts["accepted"] += accepted
    counts["closed"] += archived
    counts["direct"] += archived and "answered" in events and "dispatched" not in events
    counts["dispatches"] += sum(event in _GIVEN for event in events)
    counts["returns"] += events.count("return_asked")
    counts["upheld"] += events.count("return_granted")
    if archived and "dispatched" in events:
        counts["handled_closed"] += 1
        counts["called"] += any(event in ASKED or event == "unreachable" for event in events)
        counts["reached"] += any(event in ASKED for event in events)
    for told, _ in story.history:
        if told.event in ASKED:
            _count_answer(told, counts)
    for clock in story.clocks:
        _count_clock(clock, now, counts)


_GIVEN = frozenset({"dispatched", "reassigned", "ruled", "part_made"})


def _count_answer(told: Told, counts: Counter[str]) -> None:
    """What a citizen said in one callback; "not heard" is in no figure."""
    satisfied = told.data.get("satisfied", {"satisfied": True}.get(told.event))
    solved = told.data.get("solved", {"satisfied": True}.get(told.event))
    if told.event == "unsatisfied" and "satisfied" not in told.data:
        satisfied = False
    if isinstance(satisfied, bool):
        counts["rated"] += 1
        counts["satisfied"] += satisfied
    if isinstance(solved, bool):
        counts["solved_known"] += 1
        counts["solved"] += solved


def _count_clock(clock: TicketClock, now: int, counts: Counter[str]) -> None:
    if clock.name is ClockName.DESK:
        return
    overdue = not clock.stopped_at and clock.paused_at is None and now > clock.due
    if clock.stopped_at or overdue:
        counts[f"{clock.name}_due"] += 1
        counts[f"{clock.name}_in_time"] += bool(clock.stopped_at) and clock.in_time
