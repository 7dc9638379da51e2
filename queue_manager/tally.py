"""What happens to callers, told to the figures and to the observer, if there is one."""

from datetime import datetime

from queue_manager.figures import Figures
from queue_manager.model import LeaveReason, MissReason, Offer, Seat, SeatState, WaitingCaller
from queue_manager.ports import Clock, QueueObserver


class Tally:
    """Tells of callers and seats in the order in which things happen to them."""

    __slots__ = ("_clock", "_figures", "_observer")

    def __init__(self, clock: Clock, figures: Figures, observer: QueueObserver | None) -> None:
        self._clock = clock
        self._figures = figures
        self._observer = observer

    def entered(self, caller: WaitingCaller, now: datetime) -> None:
        """He came in."""
        self._figures.entered(caller, now)
        if self._observer is not None:
            self._observer.entered(caller, now)

    def offered(self, offer: Offer) -> None:
        """A seat is reserved for him."""
        if self._observer is not None:
            self._observer.offered(offer, offer.made_at)

    def missed(self, offer: Offer, reason: MissReason) -> None:
        """The offer came to nothing."""
        now = self._clock.now()
        self._figures.missed(offer, reason, now)
        if self._observer is not None:
            self._observer.missed(offer, reason, now)

    def answered(self, caller: WaitingCaller, seat: Seat, at: datetime) -> None:
        """A seat took the call."""
        wait_s = seconds_between(caller.queued_at, at)
        self._figures.answered(caller, seat, wait_s, at)
        if self._observer is not None:
            self._observer.answered(caller, seat, wait_s, at)

    def left(self, caller: WaitingCaller, reason: LeaveReason) -> None:
        """He left without a talk."""
        now = self._clock.now()
        wait_s = seconds_between(caller.queued_at, now)
        self._figures.left(caller, reason, wait_s, now)
        if self._observer is not None:
            self._observer.left(caller, reason, wait_s, now)

    def overflowed(self, caller: WaitingCaller, queue_id: str, at: datetime) -> None:
        """A step lets him go on in another queue of this tenant."""
        self._figures.overflowed(caller, queue_id, at)
        if self._observer is not None:
            self._observer.overflowed(caller, queue_id, at)

    def talk_ended(self, caller: WaitingCaller, seat: Seat, answered_at: datetime) -> None:
        """His talk is over."""
        now = self._clock.now()
        talk_s = seconds_between(answered_at, now)
        self._figures.talk_ended(caller, seat, talk_s, now)
        if self._observer is not None:
            self._observer.talk_ended(caller, seat, talk_s, now)

    def wrapped_up(self, seat: Seat, wrap_up_s: float, now: datetime) -> None:
        """Its after-call work is over."""
        self._figures.wrapped_up(seat, wrap_up_s, now)
        if self._observer is not None:
            self._observer.wrapped_up(seat, wrap_up_s, now)

    def seat_moved(
        self, seat: Seat, old: SeatState, new: SeatState, reason: str, now: datetime
    ) -> None:
        """It does something else, or pauses for another reason."""
        self._figures.seat_state_changed(seat, old, new, reason, now)
        if self._observer is not None:
            self._observer.seat_state_changed(seat, old, new, reason, now)


def seconds_between(since: datetime, now: datetime) -> float:
    """Never negative, even when the clock was set back."""
    return max((now - since).total_seconds(), 0.0)
