"""What a wallboard shows, as plain JSON values. Functions of values: no clock, no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from console.ports import (
    DayFigures,
    GroupFigures,
    Groups,
    HoursView,
    LineView,
    TenantFacts,
    WaitingSummary,
)
from queue_manager.duty import Counts
from queue_manager.model import Alert, SeatState, SeatView
from tickets.model import Origin

Json = dict[str, Any]

MOST_TILES = 600
"""A board with more seats shows how many do what, and no tile for each."""
MOST_ALERTS = 20


@dataclass(frozen=True, slots=True)
class Moment:
    """One tenant at one moment, as the ports answered; `seats` is empty when there are more than
    `MOST_TILES`."""

    tenant: TenantFacts
    at: datetime
    waiting: WaitingSummary
    groups: Groups
    seats: Sequence[SeatView]
    figures: DayFigures
    hours: Sequence[HoursView]
    lines: Sequence[LineView]
    alerts: Sequence[Alert] = ()
    duty: Counts | None = None


def board(moment: Moment) -> Json:
    """The whole board: `head`, one tile per seat, and the queues and skills."""
    return {
        **head(moment),
        "at": iso(moment.at),
        "longest_wait_s": longest_wait_s(moment.waiting, moment.at),
        "seats": [tile(view) for view in moment.seats],
        "groups": list(groups(moment).values()),
    }


def head(moment: Moment) -> Json:
    """All but seats, groups and time: changes only when something happened. Whoever was answered
    in time was so by his own queue's seconds: where queues differ, `within_s` of the whole is null.
    """
    figures, within_s = moment.figures, _within_s(moment)
    in_time = figures.answered_in_time
    return {
        "tenant": moment.tenant.id,
        "name": moment.tenant.name,
        "time_zone": moment.tenant.time_zone,
        "open": _open(moment.hours),
        "waiting": moment.waiting.count,
        "calm_wait_s": moment.tenant.service_level_s,
        "longest_waiting_since": iso(moment.waiting.oldest) if moment.waiting.oldest else None,
        "callbacks_waiting": moment.waiting.callbacks,
        "seats_by_state": by_state(moment.groups.states),
        "duty": None if moment.duty is None else asdict(moment.duty),
        "alerts": [alert(known) for known in moment.alerts[:MOST_ALERTS]],
        "alerts_open": len(moment.alerts),
        "day": figures.day.isoformat(),
        "offered": figures.offered,
        "answered": figures.answered,
        "abandoned": figures.abandoned,
        "abandoned_short": figures.abandoned_short,
        "voice_requests": figures.voice_requests,
        "self_service": figures.self_service,
        "transferred": figures.transferred,
        "callbacks": figures.callbacks,
        "service_level_now": rate(figures.recent_in_time, figures.recent_answered),
        "service_level": {"within_s": within_s, **rate(in_time, figures.answered)},
        "service_level_of_offered": {"within_s": within_s, **rate(in_time, figures.offered)},
        "connection_rate": rate(figures.answered, figures.offered),
        "abandonment_rate": rate(figures.abandoned, figures.offered),
        "average_wait_s": _average(figures.wait_total_s, figures.waits),
        "average_wait": {
            "numerator": round(figures.wait_total_s, 1),
            "denominator": figures.waits,
        },
        "direct_answer_rate": rate(figures.direct, figures.accepted),
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


def groups(moment: Moment) -> dict[str, Json]:
    """Queues, then skills, each by an id of its own."""
    told = [group("queue", figures) for figures in moment.groups.queues]
    told += [group("skill", figures) for figures in moment.groups.skills]
    return {one["id"]: one for one in told}


def group(kind: str, figures: GroupFigures) -> Json:
    """One queue or skill; `able` is how many of the seats that can serve it do what: of a few
    states, since a wall is read from afar."""
    state = figures.seats.get
    busy = (SeatState.RESERVED, SeatState.TALKING, SeatState.WRAP_UP, SeatState.COOL_DOWN)
    return {
        "id": f"{kind}/{figures.key}",
        "kind": kind,
        "name": figures.name,
        "name_en": figures.name_en,
        "within_s": figures.within_s,
        "waiting": figures.waiting,
        "callbacks": figures.callbacks,
        "since": iso(figures.oldest) if figures.oldest else None,
        "offered": figures.offered,
        "answered": figures.answered,
        "abandoned": figures.abandoned,
        "level": rate(figures.answered_in_time, figures.answered),
        "level_now": rate(figures.recent_in_time, figures.recent_answered),
        "able": {
            "ready": state(SeatState.READY, 0),
            "busy": sum(state(one, 0) for one in busy),
            "paused": state(SeatState.PAUSED, 0),
            "offline": state(SeatState.OFFLINE, 0),
        },
    }


def alert(known: Alert) -> Json:
    """What supervisors have to know of."""
    return {
        "id": known.alert_id,
        "kind": known.kind.value,
        "seat": known.seat_id,
        "since": iso(known.since),
        "times": known.times,
        "seen": bool(known.seen_by),
    }


def by_state(states: Mapping[SeatState, int]) -> dict[str, int]:
    """How many seats do what; every state is named."""
    return {state.value: states.get(state, 0) for state in SeatState}


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


def _within_s(moment: Moment) -> float | None:
    """The seconds of every queue's service level; None when they differ."""
    levels = {queue.within_s for queue in moment.groups.queues}
    if not levels:
        return moment.tenant.service_level_s
    return levels.pop() if len(levels) == 1 else None


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
