"""A tenant's figures as plain values, as boards show them and engines tell each other: JSON can
carry them. Counters by their names in `CallCounts`; times in epoch seconds or milliseconds."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from queue_manager.cells import WHOLE, Dimension, Key, Waiting
from queue_manager.counts import CallCounts
from queue_manager.figures import Figures

_SHOWN = {Dimension.QUEUE: "queues", Dimension.SKILL: "skills", Dimension.LINE: "lines"}
_GROUP = ("offered", "answered", "answered_in_time", "abandoned")
_NOBODY = Waiting()
_NOTHING = CallCounts()


def figures_view(figures: Figures, now: datetime) -> dict[str, Any]:
    """The present day: `total` with every counter, then `queues`, `skills` and `lines` by their
    keys; `recent` is of callers of this quarter of an hour and the last. `quarters` are
    [quarter since 1970, offered, answered, abandoned]."""
    today, recent, waits = figures.today(now), figures.recent(now), figures.waiting()
    view: dict[str, Any] = {
        "day": figures.day(now).isoformat(),
        "total": {**asdict(today.get(WHOLE, _NOTHING)), **_now(WHOLE, recent, waits)},
        "quarters": [
            [quarter, counts.offered, counts.answered, counts.abandoned]
            for quarter, counts in figures.quarters(now)
        ],
        **{name: {} for name in _SHOWN.values()},
    }
    for key in today.keys() | waits.keys():
        if key != WHOLE:
            counts = today.get(key, _NOTHING)
            told = {name: getattr(counts, name) for name in _GROUP}
            view[_SHOWN[key[0]]][key[1]] = told | _now(key, recent, waits)
    return view


def _now(
    key: Key, recent: Mapping[Key, CallCounts], waits: Mapping[Key, Waiting]
) -> dict[str, Any]:
    counts, waiting = recent.get(key, _NOTHING), waits.get(key, _NOBODY)
    return {
        "recent_answered": counts.answered,
        "recent_in_time": counts.answered_in_time,
        "waiting": waiting.count,
        "callbacks_waiting": waiting.callbacks,
        "oldest_s": waiting.oldest_s,
    }
