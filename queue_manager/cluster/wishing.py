"""What seats and supervisors ask for at an engine of many: told to the leader, or kept for him."""

from collections.abc import Callable
from datetime import datetime, timedelta

from queue_manager.cluster.messages import Message, Wished
from queue_manager.entry import Entry
from queue_manager.errors import (
    NotWrappingUp,
    UnknownAlert,
    UnknownCaller,
    UnknownReason,
)
from queue_manager.model import Forced, QueueSettings, SeatState
from queue_manager.service import QueueService

WISHES_KEPT = 1_000


class Wishing(QueueService):
    """The part of `ClusterQueue` that is asked. A mistake is told at once, as far as known here."""

    settings: QueueSettings
    near: QueueService | None
    _heard: bool
    _tell: Callable[[Message], None]
    _waiting: dict[str, Entry]
    _wishes: list[Wished]

    def begin_wishing(self, settings: QueueSettings, tell: Callable[[Message], None]) -> None:
        """Nobody leads yet; `tell` reaches who will."""
        self.settings, self.near = settings, None
        self._tell, self._heard, self._wishes = tell, False, []

    def heartbeat(self, seat_id: str) -> None:
        self._wish("heartbeat", self.seat(seat_id).seat.seat_id)

    def ready(self, seat_id: str) -> None:
        self._wish("ready", self.seat(seat_id).seat.seat_id)

    def pause(self, seat_id: str, reason: str) -> None:
        self.seat(seat_id)
        self._known_reason(reason)
        self._wish("pause", seat_id, reason)

    def end_wrap_up(self, seat_id: str) -> None:
        self._wish("end_wrap_up", self.seat(seat_id).seat.seat_id)

    def extend_wrap_up(self, seat_id: str, extra_s: float) -> datetime:
        """As the leader will have it; when it ends is reckoned by what is known here."""
        if self.near is not None:
            return self.near.extend_wrap_up(seat_id, extra_s)
        view = self.seat(seat_id)
        if view.state is not SeatState.WRAP_UP:
            raise NotWrappingUp(f"seat {seat_id} is {view.state}, not in wrap-up")
        self._wish("extend_wrap_up", seat_id, repr(extra_s))
        rules = self.settings
        lasts_s = min(
            rules.wrap_up_s + max(extra_s, 0.0), max(rules.wrap_up_max_s, rules.wrap_up_s)
        )
        return view.since + timedelta(seconds=lasts_s)

    def force(self, seat_id: str, state: Forced, *, by: str, why: str, reason: str = "") -> None:
        self.seat(seat_id)
        if state is Forced.PAUSED:
            self._known_reason(reason)
        self._wish("force", seat_id, state.value, by, why, reason)

    def move_first(self, call_id: str, *, by: str, why: str) -> None:
        if call_id not in self._waiting and all(c.call_id != call_id for c in self.callers()):
            raise UnknownCaller(f"nobody of call {call_id!r} waits")
        self._wish("move_first", call_id, by, why)

    def acknowledge(self, alert_id: int, *, by: str) -> None:
        if all(alert.alert_id != alert_id for alert in self.alerts()):
            raise UnknownAlert(f"there is no alert {alert_id}")
        self._wish("acknowledge", str(alert_id), by)

    def _known_reason(self, reason: str) -> None:
        if reason not in self.settings.pause_reasons:
            allowed = ", ".join(self.settings.pause_reasons)
            raise UnknownReason(f"pause reason {reason!r} is not one of: {allowed}")

    def _wish(self, wish: str, *words: str) -> None:
        wished = Wished(self.settings.tenant, wish, words)
        if self._heard:
            self._tell(wished)
        elif len(self._wishes) < WISHES_KEPT and wish != "heartbeat":
            self._wishes.append(wished)
