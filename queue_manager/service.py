"""One tenant's queue at work: the shell around matcher, seat table and statistics.

Everything happens synchronously on the event loop, in the tick of the event that caused it; the
only things awaited are offers. Outages of the mirror (Redis) are not seen here.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from queue_manager.board import Board, Watcher
from queue_manager.errors import UnknownReason
from queue_manager.estimate import WaitEstimate, expected_wait
from queue_manager.matcher import Matcher
from queue_manager.model import (
    LeaveReason,
    LineWaiting,
    MissReason,
    Offer,
    QueueSettings,
    Requirement,
    Seat,
    SeatState,
    SeatView,
    WaitingCaller,
    WaitingView,
)
from queue_manager.place import Entry, Place
from queue_manager.ports import Clock, LiveState
from queue_manager.reservation import SeatEvent
from queue_manager.seats import Desk, Seats
from queue_manager.statistics import Slot, Statistics, slot_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Talk:
    desk: Desk
    token: int
    answered_at: datetime
    line_id: str = ""
    slot: Slot | None = None


class QueueService:
    """The queue manager of one tenant; implements `ivr.ports.Queue`.

    At an engine's start: `start`, then `restore_talk` for every talk found alive, and only then
    `endpoint_reachable` for the phones: until its phone is reported no seat is offered to anybody.
    """

    def __init__(self, settings: QueueSettings, live: LiveState, clock: Clock) -> None:
        self.settings = settings
        self.statistics = Statistics(settings.service_level_s)
        self._live = live
        self._clock = clock
        self._matcher = Matcher()
        self._board = Board()
        self._seats = Seats(settings, self._matcher, live, clock, self._board, self._offer)
        self._waiting: dict[str, Entry] = {}
        self._talks: dict[str, _Talk] = {}

    # --- set-up and phones

    async def start(self, seats: Iterable[Seat], views: Iterable[SeatView]) -> None:
        """Begin with these seats, each as last known (`views` of unknown seats are forgotten).

        Raises ValueError for a seat given twice, of another tenant, or with a level out of range.
        """
        self._seats.start(seats, views)

    def close(self) -> None:
        """Stop all timers; nothing is offered any more."""
        self._seats.close()
        self._board.close()

    def set_seats(self, seats: Iterable[Seat]) -> None:
        """The tenant's seats from now on. New skills count for waiting callers at once; a seat
        that is gone from the list ends its talk and wrap-up first. Raises ValueError as `start`,
        and then changes nothing."""
        self._seats.set_seats(seats)

    def endpoint_reachable(self, endpoint: str, reachable: bool) -> None:
        """A SIP phone registered or went away; unknown ones are remembered for later seats."""
        self._seats.reachable(endpoint, reachable)

    # --- seats' wishes

    def ready(self, seat_id: str) -> None:
        """The seat takes calls (again): ends pause, wrap-up and cool-down. Raises UnknownSeat."""
        self._seats.happens(self._seats.desk(seat_id), SeatEvent.READY_ASKED)

    def pause(self, seat_id: str, reason: str) -> None:
        """No calls for this seat; a busy one pauses after talk and wrap-up.

        Raises `UnknownSeat`, or `UnknownReason` when the tenant's list lacks the reason.
        """
        desk = self._seats.desk(seat_id)
        if reason not in self.settings.pause_reasons:
            allowed = ", ".join(self.settings.pause_reasons)
            raise UnknownReason(f"pause reason {reason!r} is not one of: {allowed}")
        self._seats.happens(desk, SeatEvent.PAUSE_ASKED, reason=reason)

    def end_wrap_up(self, seat_id: str) -> None:
        """The seat has finished its after-call work; nothing happens when it isn't in wrap-up
        (its time may just have run out). Raises UnknownSeat."""
        desk = self._seats.desk(seat_id)
        if desk.status.state is SeatState.WRAP_UP:
            self._seats.happens(desk, SeatEvent.WRAP_UP_ENDED)

    # --- boards

    def seats(self) -> Sequence[SeatView]:
        """Every seat with its state; an unchanged one is the same object as before."""
        return self._seats.views()

    def seat(self, seat_id: str) -> SeatView:
        """One seat; raises UnknownSeat."""
        return self._seats.desk(seat_id).view

    def waiting(self) -> WaitingView:
        """Who waits now, in total and per line."""
        lines: dict[str, LineWaiting] = {}
        for entry in self._waiting.values():
            caller = entry.caller
            line = lines.get(caller.line_id)
            if line is None:
                lines[caller.line_id] = LineWaiting(1, caller.queued_at)
            else:
                line.count += 1
                line.oldest = min(line.oldest, caller.queued_at)
        oldest = min((line.oldest for line in lines.values()), default=None)
        return WaitingView(len(self._waiting), oldest, lines)

    def figures(self) -> dict[str, Any]:
        """The present day's statistics; see `Statistics.snapshot`."""
        return self.statistics.snapshot(self._clock.now().astimezone(self.settings.zone).date())

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` soon after changes (many changes, one call); returns what ends it."""
        return self._board.subscribe(watcher)

    # --- reconciliation with what Asterisk says

    def restore_talk(self, seat_id: str, call_id: str) -> None:
        """This call is talking with this seat, as seen on its living channels: the seat talks
        until `came_back` or `talk_ended_by_call`. What is known already changes nothing; what
        contradicts the queue (unknown seat, seat busy with another call, call still waiting) is
        logged."""
        entry = self._waiting.get(call_id)
        if call_id in self._talks:
            return
        if entry is not None and entry.offer is not None and entry.offer.seat.seat_id == seat_id:
            self.offer_answered(entry, entry.offer)
            return
        desk = self._seats.find(seat_id)
        if entry is not None or desk is None or desk.status.token:
            log.warning("found_talk_refused", seat=seat_id, **self._ids(call_id))
            return
        token = self._seats.find_talk(desk, call_id)
        self._talks[call_id] = _Talk(desk, token, self._clock.now())

    def came_back(self, call_id: str) -> None:
        """The dialplan brought this call to an engine again: who is here doesn't talk, the end of
        his talk was not seen. Nothing happens for unknown calls."""
        talk = self._talks.get(call_id)
        if talk is not None:
            self._end_talk(call_id, talk)

    def talk_ended_by_call(self, call_id: str) -> None:
        """The caller's channel is gone for good: his talk ends, and so does a place that his
        conversation failed to give up. Nothing happens for unknown calls."""
        self.came_back(call_id)
        entry = self._waiting.get(call_id)
        if entry is not None:
            self.caller_left(entry, LeaveReason.ABANDONED)

    # --- callers (ivr.ports.Queue)

    def enter(self, caller: WaitingCaller) -> Place:
        """Take a caller in. Entering again with the same call_id keeps the place he has (also an
        offer that is pending); the earlier session's handle can't touch it any more."""
        entry = self._waiting.get(caller.call_id)
        if entry is not None:
            return Place(self, entry)
        self.came_back(caller.call_id)
        entry = Entry(caller, slot_of(caller.queued_at.astimezone(self.settings.zone)))
        place = Place(self, entry)
        self._waiting[caller.call_id] = entry
        self.statistics.entered(entry.slot, caller.line_id)
        self._live.save_waiting(caller)
        self._board.changed()
        self._seat_found(entry, self._matcher.caller_enters(caller))
        return place

    def staffed(self, needs: Requirement) -> bool:
        """Whether any seat that is set up, at work or not, could serve these needs."""
        return self._seats.staffed(needs)

    # --- places (queue_manager.place.Host)

    def position_of(self, entry: Entry) -> int:
        """See `Matcher.position`."""
        return self._matcher.position(entry.caller.call_id)

    def estimate_of(self, entry: Entry) -> WaitEstimate | None:
        """See `expected_wait`."""
        on_duty = self._seats.on_duty(entry.caller.needs)
        return expected_wait(self.position_of(entry), on_duty, self._seats.handling.mean_s)

    def offer_missed(self, entry: Entry, offer: Offer, reason: MissReason) -> None:
        """The seat didn't take the call."""
        if not self._is_pending(entry, offer, "missed"):
            return
        entry.offer = None
        desk = self._seats.desk(offer.seat.seat_id)
        log.info("offer_missed", seat=offer.seat.seat_id, reason=str(reason), **self._of(entry))
        self._seats.happens(desk, SeatEvent.MISSED, token=offer.token, reason=reason)
        self._seat_found(entry, self._matcher.caller_returns(entry.caller.call_id))

    def offer_answered(self, entry: Entry, offer: Offer) -> None:
        """The seat took the call."""
        if not self._is_pending(entry, offer, "answered"):
            return
        caller = entry.caller
        now = self._clock.now()
        self._forget(entry)
        desk = self._seats.desk(offer.seat.seat_id)
        self._talks[caller.call_id] = _Talk(desk, offer.token, now, caller.line_id, entry.slot)
        self.statistics.answered(entry.slot, caller.line_id, _seconds(caller.queued_at, now))
        self._seats.happens(desk, SeatEvent.ANSWERED, token=offer.token)

    def talk_ended(self, offer: Offer) -> None:
        """The talk of this very offer is over."""
        talk = self._talks.get(offer.caller.call_id)
        if talk is not None and talk.token == offer.token:
            self._end_talk(offer.caller.call_id, talk)

    def caller_left(self, entry: Entry, reason: LeaveReason) -> None:
        """The caller gives up his place; his seat, if one was ringing, goes to the next."""
        caller, offer = entry.caller, entry.offer
        self._forget(entry)
        wait_s = _seconds(caller.queued_at, self._clock.now())
        self.statistics.left(entry.slot, caller.line_id, wait_s, reason)
        if offer is not None:
            desk = self._seats.desk(offer.seat.seat_id)
            self._seats.happens(desk, SeatEvent.WITHDRAWN, token=offer.token)

    # --- inside

    def _offer(self, call_id: str, desk: Desk) -> None:
        """Reserve a matched seat for a matched caller and tell him."""
        entry = self._waiting[call_id]
        token = self._seats.reserve(desk, call_id)
        entry.give(Offer(token, entry.caller, desk.seat, self._clock.now()))

    def _seat_found(self, entry: Entry, seat_id: str | None) -> None:
        if seat_id is not None:
            self._offer(entry.caller.call_id, self._seats.desk(seat_id))

    def _forget(self, entry: Entry) -> None:
        call_id = entry.caller.call_id
        entry.ended = True
        entry.offer = None
        entry.dismiss("no longer waiting")
        del self._waiting[call_id]
        self._matcher.caller_leaves(call_id)
        self._live.forget_waiting(self.settings.tenant, call_id)
        self._board.changed()

    def _end_talk(self, call_id: str, talk: _Talk) -> None:
        del self._talks[call_id]
        if talk.slot is not None:
            talk_s = _seconds(talk.answered_at, self._clock.now())
            self.statistics.talked(talk.slot, talk.line_id, talk_s)
        self._seats.happens(talk.desk, SeatEvent.TALK_ENDED, token=talk.token)

    def _is_pending(self, entry: Entry, offer: Offer, report: str) -> bool:
        """False, and a line in the log, for a late report on an offer that is over."""
        if entry.offer is not None and entry.offer.token == offer.token:
            return True
        log.warning("late_report_refused", report=report, token=offer.token, **self._of(entry))
        return False

    def _of(self, entry: Entry) -> dict[str, str]:
        return self._ids(entry.caller.call_id)

    def _ids(self, call_id: str) -> dict[str, str]:
        return {"tenant": self.settings.tenant, "call_id": call_id}


def _seconds(since: datetime, now: datetime) -> float:
    """Never negative, even when the clock was set back."""
    return max((now - since).total_seconds(), 0.0)
