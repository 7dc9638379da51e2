"""Who waits and who is offered: the callers of one tenant while the engine runs.

Everything happens in the tick of the event that caused it. The matcher decides who gets whom;
this keeps the reservations whole: one per seat and per caller, each with a token and a deadline,
and for each caller exactly one end.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from queue_manager.alerts import Alerts
from queue_manager.board import Board
from queue_manager.deadlines import Deadlines
from queue_manager.desk import Desk
from queue_manager.entry import Entry
from queue_manager.errors import UnknownCaller
from queue_manager.estimate import WaitEstimate, expected_wait
from queue_manager.lanes import Lanes
from queue_manager.matcher import Matcher
from queue_manager.model import (
    LeaveReason,
    MissReason,
    Offer,
    QueueSettings,
    Verdict,
    WaitingCaller,
)
from queue_manager.offers import Offers
from queue_manager.place import Place
from queue_manager.ports import Clock, LiveState
from queue_manager.reservation import SeatEvent
from queue_manager.seats import Seats
from queue_manager.stepping import Stepping
from queue_manager.talks import Talks
from queue_manager.tally import Tally, seconds_between

_TIDY = 4
"""Pieces of the matcher's tidying between two deadlines: a fifth of a millisecond at most."""

log = structlog.get_logger(__name__)


class Floor:
    """The callers of one tenant; the `queue_manager.entry.Host` of their places. `others` are the
    floors of all tenants, for callers whom a step lets go on with another one."""

    def __init__(
        self,
        settings: QueueSettings,
        live: LiveState,
        clock: Clock,
        tally: Tally,
    ) -> None:
        self.settings = settings
        self._tally = tally
        self.matcher = Matcher()
        self.board = Board()
        self.alerts = Alerts(settings.tenant, self.board.changed)
        self.deadlines = Deadlines(idle=partial(self.matcher.tidy, _TIDY))
        self.seats = Seats(
            settings,
            self.matcher,
            live,
            clock,
            self.board,
            self.deadlines,
            self.alerts,
            tally,
            self._seat_matched,
            self._seat_lost,
        )
        self.stepping = Stepping(settings.tenant, self.deadlines, self._catch_up)
        self.talking = Talks(self.seats, clock, self._tally)
        self.offers = Offers(
            settings,
            clock,
            self.matcher,
            self.seats,
            self.talking,
            self.alerts,
            self.deadlines,
            self._tally,
            self,
        )
        self.lanes = Lanes()
        self.entries: dict[str, Entry] = {}
        self.others: Mapping[str, Floor] = {}
        self._live = live
        self._clock = clock
        self._elsewhere: dict[str, Entry] = {}

    # --- coming and going

    def enter(self, caller: WaitingCaller, hold_s: float | None) -> Place:
        """See `QueueService.enter`."""
        call_id = caller.call_id
        entry = self.entries.get(call_id) or self._elsewhere.get(call_id)
        if entry is not None:
            return Place(entry)
        self.talking.end(call_id)
        now, now_s = self._clock.now(), asyncio.get_running_loop().time()
        entry = Entry(
            self,
            caller,
            caller,
            now_s - seconds_between(caller.queued_at, now),
            self.settings.ring_s + self.settings.ring_grace_s if hold_s is None else hold_s,
            self.stepping.track(caller.tenant, caller.queue_id),
        )
        place = Place(entry)
        self._take_in(entry, now)
        return place

    def caller_left(self, entry: Entry, reason: LeaveReason) -> None:
        """The caller gives up his place; his seat, if one was ringing, goes to the next."""
        offer = entry.offer
        self.forget(entry)
        self._tally.left(entry.caller, reason)
        if offer is not None:
            desk = self.seats.desk(offer.seat.seat_id)
            self.seats.happens(desk, SeatEvent.WITHDRAWN, token=offer.token)

    def position_of(self, entry: Entry) -> int:
        """See `Matcher.position`."""
        return self.matcher.position(entry.caller.call_id)

    def estimate_of(self, entry: Entry) -> WaitEstimate | None:
        """See `expected_wait`."""
        on_duty = self.matcher.on_duty(entry.needs)
        return expected_wait(self.position_of(entry), on_duty, self.seats.handling.mean_s)

    def move_first(self, call_id: str) -> None:
        """See `QueueService.move_first`."""
        entry = self.entries.get(call_id)
        if entry is None:
            raise UnknownCaller(f"tenant {self.settings.tenant} has no waiting call {call_id!r}")
        entry.move_up(self.matcher.move_first(call_id))
        self._live.save_waiting(entry.caller)
        self.board.changed()

    def restore_talk(
        self,
        seat_id: str,
        call_id: str,
        caller: WaitingCaller | None,
        answered_at: datetime | None,
    ) -> None:
        """See `QueueService.restore_talk`."""
        talk = self.talking.find(call_id)
        if talk is None:
            entry = self.entries.get(call_id)
            offer = entry.offer if entry is not None else None
            if entry is not None and offer is not None and offer.seat.seat_id == seat_id:
                self.offer_answered(entry, offer)
                return
            desk = self.seats.find(seat_id)
            if entry is not None or desk is None or desk.status.token:
                log.warning("found_talk_refused", seat=seat_id, **self._ids(call_id))
                return
            talk = self.talking.found(desk, call_id, answered_at)
        if caller is not None:
            self.talking.know(talk, caller, answered_at)

    # --- reports on offers

    def offer_answered(self, entry: Entry, offer: Offer) -> Verdict:
        """The seat took the call."""
        return self.offers.answered(entry, offer)

    def offer_missed(self, entry: Entry, offer: Offer, reason: MissReason) -> None:
        """The seat didn't take the call."""
        self.offers.missed(entry, offer, reason)

    def asks_again(self, entry: Entry) -> None:
        """Whoever leads the caller is there (again) and waits for an offer."""
        entry.away = False
        if entry.offer is None:
            self.go_on(entry)

    def set_aside(self, entry: Entry) -> None:
        """Nobody leads the caller for the moment: no offer is made until somebody asks."""
        entry.away = True
        entry.alarm = 0
        self.matcher.hold(entry.caller.call_id)

    def talks(self, offer: Offer) -> bool:
        """Whether the talk of this very offer goes on."""
        return self.talking.goes_on(offer)

    def talk_ended(self, offer: Offer) -> None:
        """The talk of this very offer is over."""
        if self.talking.goes_on(offer):
            self.talking.end(offer.caller.call_id)

    # --- offers.Waiting

    def wait(self, entry: Entry) -> None:
        """There is no seat for him now: his next step has its time."""
        self.stepping.wait(entry)

    def go_on(self, entry: Entry) -> None:
        """One whose offer came to nothing waits on, at his place."""
        before = entry.needs
        if self._keep_step(entry):
            call_id = entry.caller.call_id
            if entry.needs != before:
                self.matcher.change(call_id, entry.needs)
            self.offers.try_seat(entry, self.matcher.caller_returns(call_id))

    def forget(self, entry: Entry) -> None:
        """He waits no longer, neither here nor elsewhere."""
        entry.ended = True
        entry.dismiss("no longer waiting")
        self._part(entry)
        home = self.others.get(entry.origin.tenant)
        if home is not None and home is not self:
            home._elsewhere.pop(entry.caller.call_id, None)

    def _seat_matched(self, call_id: str, desk: Desk) -> None:
        self.offers.matched(self.entries[call_id], desk)

    def _seat_lost(self, desk: Desk) -> None:
        self.offers.take_back_from(desk)

    # --- steps

    def _take_in(self, entry: Entry, now: datetime) -> None:
        """He waits here from now on, at the step of the rules that he has come to."""
        caller = entry.caller
        self.entries[caller.call_id] = entry
        self.lanes.add(entry)
        self._tally.entered(caller, now)
        self._live.save_waiting(caller)
        self.board.changed()
        if self._keep_step(entry):
            known = caller if entry.standing is None else replace(caller, needs=entry.needs)
            self.offers.try_seat(entry, self.matcher.caller_enters(known))

    def _catch_up(self, entry: Entry) -> None:
        """One who waits has come to another step, or under other rules."""
        before = entry.needs
        if self._keep_step(entry):
            needs, call_id = entry.needs, entry.caller.call_id
            seat_id = self.matcher.change(call_id, needs) if needs != before else None
            self.offers.try_seat(entry, seat_id)

    def _keep_step(self, entry: Entry) -> bool:
        """Take the steps that are due; False when they have led to another tenant."""
        before = entry.queue_id
        if not self.stepping.take(entry):
            return True
        standing = entry.standing
        assert standing is not None
        floor = self.others.get(standing.tenant, self)
        if floor is not self:
            self._hand_over(entry, floor)
            return False
        if standing.queue_id != before:
            due_s = entry.track.way.overflowed_s(entry.taken)
            due_at = entry.caller.queued_at + timedelta(seconds=due_s)
            self._tally.overflowed(entry.caller, standing.queue_id, due_at)
        self.board.changed()
        return True

    def _hand_over(self, entry: Entry, floor: "Floor") -> None:
        """He goes on with another tenant; whoever leads him notices by the seats' names only."""
        caller, standing = entry.caller, entry.standing
        assert standing is not None
        log.info("caller_overflowed", to=standing.tenant, **self._ids(caller.call_id))
        self._part(entry)
        self._tally.left(caller, LeaveReason.OVERFLOWED)
        home = self.others.get(entry.origin.tenant)
        if home is not None:
            home._elsewhere[caller.call_id] = entry
        entry.caller = replace(caller, tenant=standing.tenant, queue_id=standing.queue_id)
        entry.avoid = ""
        floor.adopt(entry)

    def adopt(self, entry: Entry) -> None:
        """Take in one who comes from another tenant, at the place that his waiting gives him."""
        entry.floor = self
        entry.track = self.stepping.track(entry.origin.tenant, entry.origin.queue_id)
        self._take_in(entry, self._clock.now())

    # --- inside

    def _part(self, entry: Entry) -> None:
        """He waits here no longer."""
        call_id = entry.caller.call_id
        entry.offer = None
        entry.ring = entry.alarm = 0
        del self.entries[call_id]
        self.lanes.leave(entry)
        self.matcher.caller_leaves(call_id)
        self._live.forget_waiting(self.settings.tenant, call_id)
        self.board.changed()

    def _ids(self, call_id: str) -> dict[str, str]:
        return {"tenant": self.settings.tenant, "call_id": call_id}
