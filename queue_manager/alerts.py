"""What supervisors have to know of, until it is over or one of them has seen it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from queue_manager.errors import UnknownAlert
from queue_manager.model import Alert, AlertKind

_STATES = frozenset(
    {
        AlertKind.SEAT_MISSES, AlertKind.TWO_PHONES, AlertKind.UNSTEADY, AlertKind.NOT_COME,
        AlertKind.MESSAGES_GIVEN_UP,
    }
)  # fmt: skip
"""These stay, acknowledged or not, until what they tell of is over; others are done when seen."""

log = structlog.get_logger(__name__)


class Alerts:
    """The open alerts of one tenant: at most one of a kind for a seat, which counts how often."""

    def __init__(self, tenant: str, changed: Callable[[], None]) -> None:
        self._tenant = tenant
        self._changed = changed
        self._open: dict[tuple[AlertKind, str], Alert] = {}
        self._over: dict[tuple[AlertKind, str], Callable[[], bool]] = {}
        self._last_id = 0

    def give(
        self,
        kind: AlertKind,
        at: datetime,
        *,
        seat_id: str,
        call_id: str = "",
        detail: str = "",
        over: Callable[[], bool] | None = None,
    ) -> None:
        """Tell of something; `over` is asked whenever the alerts are read."""
        key = kind, seat_id
        known = self._open.get(key)
        log.warning(
            "alert_given", tenant=self._tenant, alert=str(kind), seat=seat_id, call_id=call_id
        )
        if known is None:
            self._last_id += 1
            self._open[key] = Alert(self._last_id, kind, at, seat_id, call_id, detail)
        else:
            self._open[key] = replace(
                known, call_id=call_id, detail=detail, times=known.times + 1, seen_by=""
            )
        if over is not None:
            self._over[key] = over
        self._changed()

    def end(self, kind: AlertKind, seat_id: str) -> None:
        """It is over; nothing happens when nobody told of it."""
        self._over.pop((kind, seat_id), None)
        if self._open.pop((kind, seat_id), None) is not None:
            self._changed()

    def forget_seat(self, seat_id: str) -> None:
        """The seat was taken out."""
        for kind in AlertKind:
            self.end(kind, seat_id)

    def acknowledge(self, alert_id: int, by: str) -> None:
        """Somebody has seen it; raises `UnknownAlert`."""
        for alert in self._open.values():
            if alert.alert_id == alert_id:
                break
        else:
            raise UnknownAlert(f"tenant {self._tenant} has no open alert {alert_id}")
        log.info(
            "alert_seen", tenant=self._tenant, alert=str(alert.kind), seat=alert.seat_id, by=by
        )
        if alert.kind in _STATES:
            self._open[alert.kind, alert.seat_id] = replace(alert, seen_by=by)
            self._changed()
        else:
            self.end(alert.kind, alert.seat_id)

    def current(self) -> Sequence[Alert]:
        """The open ones, the oldest first."""
        for (kind, seat_id), over in tuple(self._over.items()):
            if over():
                self.end(kind, seat_id)
        return sorted(self._open.values(), key=lambda alert: alert.since)
