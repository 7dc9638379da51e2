"""The day's counters, per line and in total, each rate with numerator and denominator.

A caller belongs to the day he was queued on, however late he is answered: so no rate ever has a
numerator larger than its denominator. The two latest days are kept, for callers over midnight.

Definitions (GB/T 33358 and the trade's own):

- offered: entered the human queue. answered: a seat picked up.
- answered in time: answered within the service level's seconds of queueing.
- abandoned: left unserved after 5 s or more; short abandoned: before that, counted apart.
- wait: from queueing to the answer; the sum is over the answered, the longest over everybody.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from queue_manager.model import LeaveReason

SHORT_ABANDON_S = 5.0
_DAYS_KEPT = 2


@dataclass(slots=True)
class Totals:
    """One line's (or the whole tenant's) counters of one day."""

    offered: int = 0
    answered: int = 0
    answered_in_time: int = 0
    abandoned: int = 0
    short_abandoned: int = 0
    voice_requests: int = 0
    transferred: int = 0
    wait_s: float = 0.0
    longest_wait_s: float = 0.0
    talks: int = 0
    talk_s: float = 0.0

    def rates(self) -> dict[str, dict[str, float]]:
        """The KPIs as numerator and denominator, never divided here."""
        return {
            "connection": _rate(self.answered, self.offered),
            "service_level": _rate(self.answered_in_time, self.answered),
            "service_level_of_offered": _rate(self.answered_in_time, self.offered),
            "average_wait_s": _rate(self.wait_s, self.answered),
            "abandonment": _rate(self.abandoned, self.offered),
            "average_talk_s": _rate(self.talk_s, self.talks),
        }


@dataclass(slots=True)
class _Day:
    total: Totals = field(default_factory=Totals)
    lines: dict[str, Totals] = field(default_factory=dict)


class Statistics:
    """Counters fed by events; days come in as arguments, in the tenant's time zone."""

    def __init__(self, service_level_s: float) -> None:
        self.service_level_s = service_level_s
        self._days: dict[date, _Day] = {}

    def restore(self, day: date, lines: Mapping[str, Totals]) -> None:
        """Begin the day with what is already stored of it, per line."""
        fresh = self._day(day)
        for line_id, stored in lines.items():
            for totals in (fresh.total, fresh.lines.setdefault(line_id, Totals())):
                _add(totals, stored)

    def entered(self, day: date, line_id: str) -> None:
        """A caller entered the queue."""
        for totals in self._both(day, line_id):
            totals.offered += 1

    def answered(self, day: date, line_id: str, wait_s: float) -> None:
        """A seat picked up a caller who was queued on `day`."""
        for totals in self._both(day, line_id):
            totals.answered += 1
            totals.wait_s += wait_s
            totals.longest_wait_s = max(totals.longest_wait_s, wait_s)
            if wait_s <= self.service_level_s:
                totals.answered_in_time += 1

    def left(self, day: date, line_id: str, wait_s: float, reason: LeaveReason) -> None:
        """A caller who was queued on `day` left the queue without a talk."""
        for totals in self._both(day, line_id):
            totals.longest_wait_s = max(totals.longest_wait_s, wait_s)
            if reason is LeaveReason.VOICE_REQUEST:
                totals.voice_requests += 1
            elif reason is LeaveReason.TRANSFERRED:
                totals.transferred += 1
            elif wait_s < SHORT_ABANDON_S:
                totals.short_abandoned += 1
            else:
                totals.abandoned += 1

    def talked(self, day: date, line_id: str, talk_s: float) -> None:
        """A talk ended with a caller who was queued on `day`."""
        for totals in self._both(day, line_id):
            totals.talks += 1
            totals.talk_s += talk_s

    def snapshot(self, day: date) -> dict[str, Any]:
        """The day as plain values for the wallboard: counters, rates, the same per line."""
        shown = self._day(day)
        return {
            "day": day.isoformat(),
            "service_level_s": self.service_level_s,
            "total": _plain(shown.total),
            "lines": {line_id: _plain(totals) for line_id, totals in shown.lines.items()},
        }

    def _both(self, day: date, line_id: str) -> Iterable[Totals]:
        counters = self._day(day)
        line = counters.lines.get(line_id)
        if line is None:
            line = counters.lines[line_id] = Totals()
        return counters.total, line

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


def _add(totals: Totals, stored: Totals) -> None:
    totals.offered += stored.offered
    totals.answered += stored.answered
    totals.answered_in_time += stored.answered_in_time
    totals.abandoned += stored.abandoned
    totals.short_abandoned += stored.short_abandoned
    totals.voice_requests += stored.voice_requests
    totals.transferred += stored.transferred
    totals.wait_s += stored.wait_s
    totals.longest_wait_s = max(totals.longest_wait_s, stored.longest_wait_s)
    totals.talks += stored.talks
    totals.talk_s += stored.talk_s
