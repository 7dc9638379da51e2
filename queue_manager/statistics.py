"""The day's counters, per line and in total, each rate with numerator and denominator.

A caller belongs to the day and quarter of an hour in which he was queued, however late he is
answered: so no rate ever has a numerator larger than its denominator. The two latest days are
kept, for callers over midnight.

Definitions (GB/T 33358 and the trade's own):

- offered: entered the human queue. answered: a seat picked up.
- answered in time: answered within the service level's seconds of queueing.
- abandoned: hung up unserved; abandoned short: those of them who waited less than 5 s.
- wait: from queueing to the answer; the sum is over the answered, the longest over everybody.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from typing import Any, NamedTuple

from queue_manager.model import LeaveReason

SHORT_ABANDON_S = 5.0
QUARTERS_A_DAY = 96
_DAYS_KEPT = 2


class Slot(NamedTuple):
    """When a caller was queued: the day, and its quarter of an hour from 0 to 95."""

    day: date
    quarter: int


def slot_of(local: datetime) -> Slot:
    """The slot of a time that is given in the tenant's own time zone."""
    return Slot(local.date(), (local.hour * 60 + local.minute) // 15)


@dataclass(slots=True)
class Quarter:
    """Calls queued in one quarter of an hour, by how they ended so far."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0


@dataclass(slots=True)
class Totals:
    """One line's (or the whole tenant's) counters of one day."""

    offered: int = 0
    answered: int = 0
    answered_in_time: int = 0
    abandoned: int = 0
    abandoned_short: int = 0
    voice_requests: int = 0
    transferred: int = 0
    wait_total_s: float = 0.0
    longest_wait_s: float = 0.0
    talks: int = 0
    talk_total_s: float = 0.0

    def rates(self) -> dict[str, dict[str, float]]:
        """The KPIs as numerator and denominator, never divided here."""
        long_abandoned = self.abandoned - self.abandoned_short
        return {
            "connection": _rate(self.answered, self.offered),
            "service_level": _rate(self.answered_in_time, self.answered),
            "service_level_of_offered": _rate(self.answered_in_time, self.offered),
            "average_wait_s": _rate(self.wait_total_s, self.answered),
            "abandonment": _rate(self.abandoned, self.offered),
            "abandonment_without_short": _rate(long_abandoned, self.offered - self.abandoned_short),
            "average_talk_s": _rate(self.talk_total_s, self.talks),
        }

    def add(self, other: "Totals") -> None:
        """Sum another set of counters into this one; of the longest waits the longer stays."""
        longest_s = max(self.longest_wait_s, other.longest_wait_s)
        for counter in fields(self):
            name = counter.name
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.longest_wait_s = longest_s


@dataclass(slots=True)
class _Day:
    total: Totals = field(default_factory=Totals)
    lines: dict[str, Totals] = field(default_factory=dict)
    quarters: list[Quarter] = field(
        default_factory=lambda: [Quarter() for _ in range(QUARTERS_A_DAY)]
    )

    def line(self, line_id: str) -> Totals:
        found = self.lines.get(line_id)
        if found is None:
            found = self.lines[line_id] = Totals()
        return found


class Statistics:
    """Counters fed by events; slots come in as arguments, in the tenant's time zone."""

    def __init__(self, service_level_s: float) -> None:
        self.service_level_s = service_level_s
        self._days: dict[date, _Day] = {}

    def restore(
        self, day: date, lines: Mapping[str, Totals], quarters: Mapping[int, Quarter] | None = None
    ) -> None:
        """Begin the day with what is already stored of it, per line and per quarter."""
        counters = self._day(day)
        for line_id, stored in lines.items():
            counters.total.add(stored)
            counters.line(line_id).add(stored)
        for number, quarter in (quarters or {}).items():
            known = counters.quarters[number]
            known.offered += quarter.offered
            known.answered += quarter.answered
            known.abandoned += quarter.abandoned

    def entered(self, slot: Slot, line_id: str) -> None:
        """A caller entered the queue."""
        day = self._day(slot.day)
        day.quarters[slot.quarter].offered += 1
        for totals in (day.total, day.line(line_id)):
            totals.offered += 1

    def answered(self, slot: Slot, line_id: str, wait_s: float) -> None:
        """A seat picked up a caller."""
        day = self._day(slot.day)
        day.quarters[slot.quarter].answered += 1
        for totals in (day.total, day.line(line_id)):
            totals.answered += 1
            totals.wait_total_s += wait_s
            totals.longest_wait_s = max(totals.longest_wait_s, wait_s)
            totals.answered_in_time += wait_s <= self.service_level_s

    def left(self, slot: Slot, line_id: str, wait_s: float, reason: LeaveReason) -> None:
        """A caller left the queue without a talk."""
        day = self._day(slot.day)
        for totals in (day.total, day.line(line_id)):
            totals.longest_wait_s = max(totals.longest_wait_s, wait_s)
            match reason:
                case LeaveReason.VOICE_REQUEST:
                    totals.voice_requests += 1
                case LeaveReason.TRANSFERRED:
                    totals.transferred += 1
                case _:
                    totals.abandoned += 1
                    totals.abandoned_short += wait_s < SHORT_ABANDON_S
        if reason is LeaveReason.ABANDONED:
            day.quarters[slot.quarter].abandoned += 1

    def talked(self, slot: Slot, line_id: str, talk_s: float) -> None:
        """A talk ended."""
        day = self._day(slot.day)
        for totals in (day.total, day.line(line_id)):
            totals.talks += 1
            totals.talk_total_s += talk_s

    def snapshot(self, day: date) -> dict[str, Any]:
        """The day as plain values for the wallboard: counters, rates, the same per line, and
        offered, answered and abandoned per quarter of an hour."""
        shown = self._day(day)
        return {
            "day": day.isoformat(),
            "service_level_s": self.service_level_s,
            "total": _plain(shown.total),
            "lines": {line_id: _plain(totals) for line_id, totals in shown.lines.items()},
            "quarters": [asdict(quarter) for quarter in shown.quarters],
        }

    def _day(self, day: date) -> _Day:
        found = self._days.get(day)
        if found is not None:
            return found
        if len(self._days) == _DAYS_KEPT:
            oldest = min(self._days)
            if day < oldest:
                return self._days[oldest]
            del self._days[oldest]
        found = self._days[day] = _Day()
        return found


def _rate(numerator: float, denominator: float) -> dict[str, float]:
    return {"numerator": numerator, "denominator": denominator}


def _plain(totals: Totals) -> dict[str, Any]:
    return {**asdict(totals), "rates": totals.rates()}
