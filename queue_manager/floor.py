"""Who waits and who is offered: the callers of one tenant while the engine runs.

Everything happens in the tick of the event that caused it. The matcher decides who gets whom;
this keeps the reservations whole: one per seat and per caller, each with a token and a deadline,
and for each caller exactly one end.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

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
    AlertKind,
    CallerView,
    LeaveReason,
    MissReason,
    Offer,
    QueueSettings,
    SeatState,
    Verdict,
    WaitingCaller,
)
from queue_manager.place import Place
from queue_manager.ports import Clock, LiveState, QueueObserver
from queue_manager.reservation import SeatEvent
from queue_manager.seats import Seats
from queue_manager.statistics import Statistics, slot_of
from queue_manager.stepping import Stepping
from queue_manager.talks import Talks, seconds_between

log = structlog.get_logger(__name__)


class Floor:
    """The callers of one tenant; the `queue_manager.entry.Host` of their places. `others` are the
    floors of all tenants, for callers whom a step lets go on with another one."""

    def __init__(
        self,
        settings: QueueSettings,
        live: LiveState,
        clock: Clock,
        statistics: Statistics,
        observer: QueueObserver | None,
    ) -> None:
        self.settings = settings
        self.matcher = Matcher()
        self.board = Board()
        self.alerts = Alerts(settings.tenant, self.board.changed)
        self.deadlines = Deadlines()
        self.seats = Seats(
            settings,
            self.matcher,
            live,
            clock,
            self.board,
            self.deadlines,
            self.alerts,
            observer,
            self._seat_matched,
            self.take_back_from,
        )
        self.stepping = Stepping(settings.tenant, self.deadlines, self._catch_up)
        self.conversations = Talks(settings.zone, self.seats, clock, statistics, observer)
        self.lanes = Lanes()
        self.entries: dict[str, Entry] = {}
        self.others: Mapping[str, Floor] = {}
        self.hears = True
        self._live = live
        self._clock = clock
        self._statistics = statistics
        self._observer = observer
        self._rings = self.deadlines.line(self._ring_is_over, _ring_is_stale)
        self._elsewhere: dict[str, Entry] = {}

    # --- coming and going

    def enter(self, caller: WaitingCaller, hold_s: float | None) -> Place:
        """See `QueueService.enter`."""
        call_id = caller.call_id
        entry = self.entries.get(call_id) or self._elsewhere.get(call_id)
        if entry is not None:
            return Place(entry)
        self.conversations.end(call_id)
        now, now_s = self._clock.now(), asyncio.get_running_loop().time()
        entry = Entry(
            self,
            caller,
            caller,
            slot_of(caller.queued_at.astimezone(self.settings.zone)),
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
        self._forget(entry)
        self._count_leaving(entry, reason)
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
        priority = self.matcher.move_first(call_id)
        entry.first = True
        entry.caller = replace(entry.caller, priority=priority)
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
        talk = self.conversations.find(call_id)
        if talk is None:
            entry = self.entries.get(call_id)
            offer = entry.offer if entry is not None else None
            if entry is not None and offer is not None and offer.seat.seat_id == seat_id:
                self.offer_answered(entry, offer)
                return
            desk = self.seats.find(seat_id)
            if entry is not None or desk is None or desk.status.token:
                ids = {"tenant": self.settings.tenant, "call_id": call_id}
                log.warning("found_talk_refused", seat=seat_id, **ids)
                return
            talk = self.conversations.found(desk, call_id, answered_at)
        if caller is not None:
            self.conversations.know(talk, caller, answered_at)

    def views(self) -> Sequence[CallerView]:
        """See `QueueService.callers`."""
        waiting = sorted(self.entries.values(), key=lambda entry: entry.caller.queued_at)
        return [entry.view() for entry in waiting]

    # --- reports on offers

    def offer_answered(self, entry: Entry, offer: Offer) -> Verdict:
        """The seat took the call."""
        if not _is_pending(entry, offer):
            return self._answered_late(entry, offer)
        desk = self.seats.desk(offer.seat.seat_id)
        self._forget(entry)
        self.conversations.begin(desk, offer.token, offer.token, entry.caller, entry.slot)
        self.seats.happens(desk, SeatEvent.ANSWERED, token=offer.token)
        return Verdict.TALK

    def offer_missed(self, entry: Entry, offer: Offer, reason: MissReason) -> None:
        """The seat didn't take the call."""
        if not _is_pending(entry, offer):
            if offer.token != entry.taken_back:
                self._log_late(entry, offer, "missed")
            return
        seat_id = offer.seat.seat_id
        log.info("offer_missed", seat=seat_id, reason=str(reason), **self._of(entry))
        self._end_offer(entry, offer, reason)
        desk = self.seats.desk(seat_id)
        self.seats.happens(desk, SeatEvent.MISSED, token=offer.token, reason=reason)
        if not entry.away:
            self._go_on(entry)

    def asks_again(self, entry: Entry) -> None:
        """Whoever leads the caller is there (again) and waits for an offer."""
        entry.away = False
        if entry.offer is None:
            self._go_on(entry)

    def set_aside(self, entry: Entry) -> None:
        """Nobody leads the caller for the moment: no offer is made until somebody asks."""
        entry.away = True
        entry.alarm = 0
        self.matcher.hold(entry.caller.call_id)

    def talks(self, offer: Offer) -> bool:
        """Whether the talk of this very offer goes on."""
        return self.conversations.go_on(offer)

    def talk_ended(self, offer: Offer) -> None:
        """The talk of this very offer is over."""
        if self.conversations.go_on(offer):
            self.conversations.end(offer.caller.call_id)

    def take_back_from(self, desk: Desk) -> None:
        """This seat shall ring no longer, if it does."""
        entry = self.entries.get(desk.status.call_id)
        if entry is not None and entry.offer is not None:
            self._take_back(entry, entry.offer)

    # --- offers

    def _seat_matched(self, call_id: str, desk: Desk) -> None:
        self._matched(self.entries[call_id], desk)

    def _wait_or_ring(self, entry: Entry, seat_id: str | None) -> None:
        if seat_id is None:
            self.stepping.wait(entry)
        else:
            self._matched(entry, self.seats.desk(seat_id))

    def _matched(self, entry: Entry, desk: Desk) -> None:
        """The matcher's word is final, but for a seat that has just missed this very caller."""
        if entry.avoid != desk.seat.seat_id or not self._goes_elsewhere(entry, desk):
            self._offer(entry, desk)

    def _goes_elsewhere(self, entry: Entry, desk: Desk) -> bool:
        """Try another seat for the caller, and another caller for the seat; False when it has to
        be this pair again, since there is nobody else for one of them."""
        if asyncio.get_running_loop().time() >= entry.avoid_until_s:
            return False
        matcher, call_id, seat_id = self.matcher, entry.caller.call_id, desk.seat.seat_id
        other_seat = matcher.caller_returns(call_id)  # this one is busy to the matcher
        if other_seat is not None:
            self._offer(entry, self.seats.desk(other_seat))
            next_id = matcher.seat_ready(seat_id, keep_turn=True)
            if next_id is not None:
                self._matched(self.entries[next_id], desk)
            return True
        matcher.hold(call_id)
        if self.matcher.on_duty(entry.needs) < 2:
            return False
        next_id = matcher.seat_ready(seat_id, keep_turn=True)
        if next_id is None:
            matcher.seat_busy(seat_id)
            return False
        self._wait_or_ring(entry, matcher.caller_returns(call_id))
        self._matched(self.entries[next_id], desk)
        return True

    def _offer(self, entry: Entry, desk: Desk) -> None:
        """Reserve a matched seat for a matched caller and tell him."""
        caller, seat = entry.caller, desk.seat
        token = self.seats.reserve(desk, caller.call_id)
        now = self._clock.now()
        node = desk.node if desk.node != caller.node else ""
        offer = Offer(token, caller, seat, now, node, _interpreter(entry, seat.skills))
        entry.alarm = 0
        entry.ring = self._rings.add(asyncio.get_running_loop().time() + entry.hold_s, entry)
        if self._observer is not None:
            self._observer.offered(offer, now)
        entry.give(offer)

    def _end_offer(self, entry: Entry, offer: Offer, reason: MissReason) -> None:
        """The offer came to nothing: the caller avoids this seat for a while."""
        entry.offer = None
        entry.ring = 0
        entry.avoid = offer.seat.seat_id
        entry.avoid_until_s = asyncio.get_running_loop().time() + self.settings.same_seat_s
        if self._observer is not None:
            self._observer.missed(offer, reason, self._clock.now())

    def _take_back(self, entry: Entry, offer: Offer, *, seat_rests: bool = True) -> None:
        """The queue takes a pending offer back. The caller keeps his place; no other seat rings
        for him until his conversation has noticed and asks for it."""
        desk, reason = self.seats.desk(offer.seat.seat_id), MissReason.RESCINDED
        log.warning("offer_taken_back", seat=offer.seat.seat_id, **self._of(entry))
        self._end_offer(entry, offer, reason)
        entry.take_back(offer)
        if seat_rests:
            self.seats.happens(desk, SeatEvent.MISSED, token=offer.token, reason=reason)

    def _ring_is_over(self, entry: Entry) -> None:
        """Nobody has reported on the offer in time. While answers can't be heard that says
        nothing: it may be a talk."""
        if entry.offer is None:
            return
        if not self.hears:
            entry.ring = self._rings.add(asyncio.get_running_loop().time() + entry.hold_s, entry)
            return
        offer, now = entry.offer, self._clock.now()
        seat_id, call_id = offer.seat.seat_id, entry.caller.call_id
        self.alerts.give(AlertKind.NO_REPORT, now, seat_id=seat_id, call_id=call_id)
        self._take_back(entry, offer)

    def _answered_late(self, entry: Entry, offer: Offer) -> Verdict:
        """The seat picked up an offer that the queue had taken back: they hear each other. Unless
        the seat talks with somebody by now, that is how it shall be."""
        self._log_late(entry, offer, "answered")
        if offer.token != entry.taken_back:
            return Verdict.REFUSED
        seat_id, call_id = offer.seat.seat_id, entry.caller.call_id
        now = self._clock.now()
        self.alerts.give(AlertKind.LATE_ANSWER, now, seat_id=seat_id, call_id=call_id)
        desk = self.seats.find(seat_id)
        if desk is None or desk.status.state is SeatState.TALKING:
            return Verdict.REFUSED
        newer = entry.offer
        self._forget(entry)
        if newer is not None and newer.seat.seat_id != seat_id:
            self.seats.happens(
                self.seats.desk(newer.seat.seat_id), SeatEvent.WITHDRAWN, token=newer.token
            )
        rung = self.entries.get(desk.status.call_id)
        if rung is not None and rung.offer is not None:
            self._take_back(rung, rung.offer, seat_rests=False)
        token = self.seats.find_talk(desk, call_id)
        self.conversations.begin(desk, token, offer.token, entry.caller, entry.slot)
        return Verdict.TALK

    # --- steps

    def _take_in(self, entry: Entry, now: datetime) -> None:
        """He waits here from now on, at the step of the rules that he has come to."""
        caller = entry.caller
        self.entries[caller.call_id] = entry
        self.lanes.add(entry)
        self._statistics.entered(entry.slot, caller.line_id)
        if self._observer is not None:
            self._observer.entered(caller, now)
        self._live.save_waiting(caller)
        self.board.changed()
        if self._keep_step(entry):
            known = caller if entry.standing is None else replace(caller, needs=entry.needs)
            self._wait_or_ring(entry, self.matcher.caller_enters(known))

    def _catch_up(self, entry: Entry) -> None:
        """One who waits has come to another step, or under other rules."""
        before = entry.needs
        if self._keep_step(entry):
            needs, call_id = entry.needs, entry.caller.call_id
            seat_id = self.matcher.change(call_id, needs) if needs != before else None
            self._wait_or_ring(entry, seat_id)

    def _go_on(self, entry: Entry) -> None:
        """One whose offer came to nothing waits on, at his place."""
        before = entry.needs
        if self._keep_step(entry):
            call_id = entry.caller.call_id
            if entry.needs != before:
                self.matcher.change(call_id, entry.needs)
            self._wait_or_ring(entry, self.matcher.caller_returns(call_id))

    def _keep_step(self, entry: Entry) -> bool:
        """Take the steps that are due; False when they have led to another tenant."""
        taken, first = self.stepping.taken(entry), entry.taken
        if taken == first:
            return True
        way, caller, before = entry.track.way, entry.caller, entry.queue_id
        entry.taken = taken
        entry.standing = way.standing(entry.origin.needs, taken)
        wanted = way.suggestions(max(first, 0), taken)
        if first < 0:  # other rules: what he was offered once is not offered again for them
            wanted = [suggestion for suggestion in wanted if suggestion not in entry.told]
        if wanted and not caller.callback:
            entry.suggest(wanted[-1])
        floor = self.others.get(entry.standing.tenant, self)
        if floor is not self:
            self._hand_over(entry, floor)
            return False
        if entry.queue_id != before and self._observer is not None:
            due_s = way.at_s(taken - 1) if taken else 0.0
            due_at = caller.queued_at + timedelta(seconds=due_s)
            self._observer.overflowed(caller, entry.queue_id, due_at)
        self.board.changed()
        return True

    def _hand_over(self, entry: Entry, floor: "Floor") -> None:
        """He goes on with another tenant; whoever leads him notices by the seats' names only."""
        caller, standing = entry.caller, entry.standing
        assert standing is not None
        log.info("caller_overflowed", to=standing.tenant, **self._of(entry))
        self._part(entry)
        self._count_leaving(entry, LeaveReason.OVERFLOWED)
        home = self.others.get(entry.origin.tenant)
        if home is not None:
            home._elsewhere[caller.call_id] = entry
        entry.caller = replace(caller, tenant=standing.tenant, queue_id=standing.queue_id)
        entry.avoid = ""
        floor.adopt(entry)

    def adopt(self, entry: Entry) -> None:
        """Take in one who comes from another tenant, at the place that his waiting gives him."""
        caller = entry.caller
        entry.floor = self
        entry.slot = slot_of(caller.queued_at.astimezone(self.settings.zone))
        entry.track = self.stepping.track(entry.origin.tenant, entry.origin.queue_id)
        self._take_in(entry, self._clock.now())

    # --- inside

    def _forget(self, entry: Entry) -> None:
        entry.ended = True
        entry.dismiss("no longer waiting")
        self._part(entry)
        home = self.others.get(entry.origin.tenant)
        if home is not None and home is not self:
            home._elsewhere.pop(entry.caller.call_id, None)

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

    def _count_leaving(self, entry: Entry, reason: LeaveReason) -> None:
        caller, now = entry.caller, self._clock.now()
        wait_s = seconds_between(caller.queued_at, now)
        self._statistics.left(entry.slot, caller.line_id, wait_s, reason)
        if self._observer is not None:
            self._observer.left(caller, reason, wait_s, now)

    def _log_late(self, entry: Entry, offer: Offer, report: str) -> None:
        """For a report on an offer that is over."""
        log.warning("late_report_refused", report=report, token=offer.token, **self._of(entry))

    def _of(self, entry: Entry) -> dict[str, str]:
        return {"tenant": self.settings.tenant, "call_id": entry.caller.call_id}


def _is_pending(entry: Entry, offer: Offer) -> bool:
    return entry.offer is not None and entry.offer.token == offer.token


def _ring_is_stale(entry: Entry, number: int) -> bool:
    return entry.ring != number


def _interpreter(entry: Entry, skills: Mapping[str, int]) -> str:
    """The language that an interpreter has to speak for him, at a seat with these skills."""
    standing = entry.standing
    if standing is None or not standing.interpreter or standing.spoken.met_by(skills):
        return ""
    return standing.interpreter
