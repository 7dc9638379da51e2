"""What a wallboard shows, as plain JSON values. Functions of values: no clock, no I/O."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.ports import DayFigures, HoursView, LineView, TenantFacts, WaitingSummary
from queue_manager.model import SeatState, SeatView
from tickets.model import Origin

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """One tenant at one moment, as the ports answered."""

    tenant: TenantFacts
    at: datetime
    waiting: WaitingSummary
    seats: Sequence[SeatView]
    figures: DayFigures
    hours: Sequence[HoursView]
    lines: Sequence[LineView]


def board(moment: Moment) -> Json:
    """The whole board: `head` and one tile per seat."""
    return {
        **head(moment),
        "at": iso(moment.at),
        "longest_wait_s": longest_wait_s(moment.waiting, moment.at),
        "seats": [tile(view) for view in moment.seats],
    }


def head(moment: Moment) -> Json:
    """All but seats and time: changes only when something happened."""
    figures, within_s = moment.figures, moment.tenant.service_level_s
    in_time = figures.answered_in_time
    return {
        "tenant": moment.tenant.id,
        "name": moment.tenant.name,
        "time_zone": moment.tenant.time_zone,
        "open": _open(moment.hours),
        "waiting": moment.waiting.count,
        "longest_waiting_since": iso(moment.waiting.oldest) if moment.waiting.oldest else None,
        "seats_by_state": by_state(moment.seats),
        "day": figures.day.isoformat(),
        "offered": figures.offered,
        "answered": figures.answered,
        "abandoned": figures.abandoned,
        "abandoned_short": figures.abandoned_short,
        "voice_requests": figures.voice_requests,
        "transferred": figures.transferred,
        "service_level": {"within_s": within_s, **rate(in_time, figures.answered)},
        "service_level_of_offered": {"within_s": within_s, **rate(in_time, figures.offered)},
        "connection_rate": rate(figures.answered, figures.offered),
        "average_wait_s": _average(figures.wait_total_s, figures.answered),
        "tickets_today": sum(figures.tickets.values()),
        "tickets_by_origin": {o.value: figures.tickets.get(o, 0) for o in Origin},
        "quarters": [[q.offered, q.answered, q.abandoned] for q in figures.quarters],
        "lines": [_line(line, moment.waiting.by_line) for line in moment.lines],
    }


def tile(view: SeatView) -> Json:
    """One seat as a tile. No phone number is part of it."""
    return {
        "id": view.seat.seat_id,
        "name": view.seat.name,
        "state": view.state.value,
        "since": iso(view.since),
        "reason": view.pause_reason,
    }


def by_state(seats: Iterable[SeatView]) -> dict[str, int]:
    """How many seats do what; every state is named."""
    counts = Counter(view.state for view in seats)
    return {state.value: counts[state] for state in SeatState}


def rate(numerator: int, denominator: int) -> Json:
    """A ratio with both its numbers; null when there is nothing to divide by."""
    ratio = round(numerator / denominator, 4) if denominator else None
    return {"numerator": numerator, "denominator": denominator, "ratio": ratio}


def longest_wait_s(waiting: WaitingSummary, at: datetime) -> float:
    """0.0 when nobody waits."""
    if waiting.oldest is None:
        return 0.0
    return max(0.0, round((at - waiting.oldest).total_seconds(), 1))


def iso(when: datetime) -> str:
    """A time with zone, to the millisecond."""
    return when.isoformat(timespec="milliseconds")


def _average(total_s: float, count: int) -> float | None:
    return round(total_s / count, 1) if count else None


def _open(hours: Sequence[HoursView]) -> bool:
    return next((view.open_now for view in hours if not view.line_id), True)


def _line(line: LineView, waiting: Mapping[str, int]) -> Json:
    return {
        "id": line.line_id,
        "number": line.number,
        "name": line.name,
        "name_en": line.name_en,
        "waiting": waiting.get(line.line_id, 0),
    }
