"""What happens to callers, told to the day's counters and to the observer, if there is one."""

from datetime import datetime

from queue_manager.model import LeaveReason, MissReason, Offer, QueueSettings, Seat, WaitingCaller
from queue_manager.ports import Clock, QueueObserver
from queue_manager.statistics import Slot, Statistics, slot_of


class Tally:
    """Tells of callers in the order in which things happen to them."""

    __slots__ = ("_clock", "_observer", "_statistics", "_zone")

    def __init__(
        self,
        settings: QueueSettings,
        clock: Clock,
        statistics: Statistics,
        observer: QueueObserver | None,
    ) -> None:
        self._zone = settings.zone
        self._clock = clock
        self._statistics = statistics
        self._observer = observer

    def slot_of(self, caller: WaitingCaller) -> Slot:
        """The slot in which he counts: that of his queueing, in the tenant's zone."""
        return slot_of(caller.queued_at.astimezone(self._zone))

    def entered(self, caller: WaitingCaller, slot: Slot, now: datetime) -> None:
        """He came in."""
        self._statistics.entered(slot, caller.line_id)
        if self._observer is not None:
            self._observer.entered(caller, now)

    def offered(self, offer: Offer) -> None:
        """A seat is reserved for him."""
        if self._observer is not None:
            self._observer.offered(offer, offer.made_at)

    def missed(self, offer: Offer, reason: MissReason) -> None:
        """The offer came to nothing."""
        if self._observer is not None:
            self._observer.missed(offer, reason, self._clock.now())

    def answered(self, caller: WaitingCaller, slot: Slot, seat: Seat, at: datetime) -> None:
        """A seat took the call."""
        wait_s = seconds_between(caller.queued_at, at)
        self._statistics.answered(slot, caller.line_id, wait_s)
        if self._observer is not None:
            self._observer.answered(caller, seat, wait_s, at)

    def left(self, caller: WaitingCaller, slot: Slot, reason: LeaveReason) -> None:
        """He left without a talk."""
        now = self._clock.now()
        wait_s = seconds_between(caller.queued_at, now)
        self._statistics.left(slot, caller.line_id, wait_s, reason)
        if self._observer is not None:
            self._observer.left(caller, reason, wait_s, now)

    def overflowed(self, caller: WaitingCaller, queue_id: str, at: datetime) -> None:
        """A step lets him go on in another queue of this tenant."""
        if self._observer is not None:
            self._observer.overflowed(caller, queue_id, at)

    def talk_ended(
        self, caller: WaitingCaller, slot: Slot, seat: Seat, answered_at: datetime
    ) -> None:
        """His talk is over."""
        now = self._clock.now()
        talk_s = seconds_between(answered_at, now)
        self._statistics.talked(slot, caller.line_id, talk_s)
        if self._observer is not None:
            self._observer.talk_ended(caller, seat, talk_s, now)


def seconds_between(since: datetime, now: datetime) -> float:
    """Never negative, even when the clock was set back."""
    return max((now - since).total_seconds(), 0.0)
