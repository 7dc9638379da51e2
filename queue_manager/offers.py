"""Offers: a seat and a caller reserved for each other until somebody reports what came of it.

A reservation is pending → accepted (`answered`), rejected or timed out (`missed`), cancelled (the
caller left) or rescinded (taken back). Every one has a token and a deadline, so that no seat stays
reserved for a conversation that has gone dumb.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from queue_manager.alerts import Alerts
from queue_manager.deadlines import Deadlines
from queue_manager.desk import Desk
from queue_manager.entry import Entry
from queue_manager.matcher import Matcher
from queue_manager.model import AlertKind, MissReason, Offer, QueueSettings, SeatState, Verdict
from queue_manager.ports import Clock
from queue_manager.reservation import SeatEvent
from queue_manager.seats import Seats
from queue_manager.talks import Talks
from queue_manager.tally import Tally

log = structlog.get_logger(__name__)


class Waiting(Protocol):
    """Those who wait, seen from their offers."""

    entries: dict[str, Entry]

    def wait(self, entry: Entry) -> None:
        """There is no seat for him now."""
        ...

    def go_on(self, entry: Entry) -> None:
        """His offer came to nothing: he waits on at his place, or is offered another seat."""
        ...

    def forget(self, entry: Entry) -> None:
        """He waits no longer."""
        ...


class Offers:
    """The pending reservations of one tenant. While `hears` is False answers can't reach us, and
    no offer is taken back for want of a report."""

    def __init__(
        self,
        settings: QueueSettings,
        clock: Clock,
        matcher: Matcher,
        seats: Seats,
        talks: Talks,
        alerts: Alerts,
        deadlines: Deadlines,
        tally: Tally,
        waiting: Waiting,
    ) -> None:
        self.hears = True
        self._settings = settings
        self._clock = clock
        self._matcher = matcher
        self._seats = seats
        self._talks = talks
        self._alerts = alerts
        self._tally = tally
        self._waiting = waiting
        self._rings = deadlines.line(self._ring_is_over, _ring_is_stale)

    # --- making them

    def try_seat(self, entry: Entry, seat_id: str | None) -> None:
        """What the matcher has found for a caller: a seat to ring, or none."""
        if seat_id is None:
            self._waiting.wait(entry)
        else:
            self.matched(entry, self._seats.desk(seat_id))

    def matched(self, entry: Entry, desk: Desk, tried: frozenset[str] = frozenset()) -> None:
        """The matcher's word is final, but for a seat that has just missed this very caller.
        `tried` are callers who avoid this seat, too: the first of them gets it all the same."""
        avoids = entry.avoid == desk.seat.seat_id and entry.caller.call_id not in tried
        if not avoids or not self._goes_elsewhere(entry, desk, tried):
            self._offer(entry, desk)

    def _goes_elsewhere(self, entry: Entry, desk: Desk, tried: frozenset[str]) -> bool:
        """Try another seat for the caller, and another caller for the seat; False when it has to
        be this pair again, since there is nobody else for one of them."""
        if asyncio.get_running_loop().time() >= entry.avoid_until_s:
            return False
        matcher, call_id, seat_id = self._matcher, entry.caller.call_id, desk.seat.seat_id
        other_seat = matcher.caller_returns(call_id)  # this one is busy to the matcher
        if other_seat is not None:
            self._offer(entry, self._seats.desk(other_seat))
            next_id = matcher.seat_ready(seat_id, keep_turn=True)
            if next_id is not None:
                self.matched(self._waiting.entries[next_id], desk, tried | {call_id})
            return True
        matcher.hold(call_id)
        if self._matcher.on_duty(entry.needs) < 2:
            return False
        next_id = matcher.seat_ready(seat_id, keep_turn=True)
        if next_id is None:
            matcher.seat_busy(seat_id)
            return False
        self.try_seat(entry, matcher.caller_returns(call_id))
        self.matched(self._waiting.entries[next_id], desk, tried | {call_id})
        return True

    def _offer(self, entry: Entry, desk: Desk) -> None:
        """Reserve a matched seat for a matched caller and tell him."""
        caller, seat = entry.caller, desk.seat
        token = self._seats.reserve(desk, caller.call_id)
        node = desk.node if desk.node != caller.node else ""
        interpreter = _interpreter(entry, seat.skills)
        offer = Offer(token, caller, seat, self._clock.now(), node, interpreter)
        entry.alarm = 0
        entry.ring = self._rings.add(asyncio.get_running_loop().time() + entry.hold_s, entry)
        self._tally.offered(offer)
        entry.give(offer)

    # --- what comes of them

    def answered(self, entry: Entry, offer: Offer) -> Verdict:
        """The seat took the call."""
        if not _is_pending(entry, offer):
            return self._answered_late(entry, offer)
        desk = self._seats.desk(offer.seat.seat_id)
        self._waiting.forget(entry)
        self._talks.begin(desk, offer.token, offer.token, entry.caller)
        self._seats.happens(desk, SeatEvent.ANSWERED, token=offer.token)
        return Verdict.TALK

    def missed(self, entry: Entry, offer: Offer, reason: MissReason) -> None:
        """The seat didn't take the call."""
        if not _is_pending(entry, offer):
            if offer.token != entry.taken_back:
                self._log_late(entry, offer, "missed")
            return
        seat_id = offer.seat.seat_id
        log.info("offer_missed", seat=seat_id, reason=str(reason), **self._of(entry))
        self._end_offer(entry, offer, reason)
        desk = self._seats.desk(seat_id)
        self._seats.happens(desk, SeatEvent.MISSED, token=offer.token, reason=reason)
        if not entry.away:
            self._waiting.go_on(entry)

    def take_back_from(self, desk: Desk) -> None:
        """This seat shall ring no longer, if it does."""
        entry = self._waiting.entries.get(desk.status.call_id)
        if entry is not None and entry.offer is not None:
            self._take_back(entry, entry.offer)

    # --- inside

    def _end_offer(self, entry: Entry, offer: Offer, reason: MissReason) -> None:
        """The offer came to nothing: the caller avoids this seat for a while."""
        entry.offer = None
        entry.ring = 0
        entry.avoid = offer.seat.seat_id
        entry.avoid_until_s = asyncio.get_running_loop().time() + self._settings.same_seat_s
        self._tally.missed(offer, reason)

    def _take_back(self, entry: Entry, offer: Offer, *, seat_rests: bool = True) -> None:
        """The queue takes a pending offer back. The caller keeps his place; no other seat rings
        for him until his conversation has noticed and asks for it."""
        desk, reason = self._seats.desk(offer.seat.seat_id), MissReason.RESCINDED
        log.warning("offer_taken_back", seat=offer.seat.seat_id, **self._of(entry))
        self._end_offer(entry, offer, reason)
        entry.take_back(offer)
        if seat_rests:
            self._seats.happens(desk, SeatEvent.MISSED, token=offer.token, reason=reason)

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
        self._alerts.give(AlertKind.NO_REPORT, now, seat_id=seat_id, call_id=call_id)
        self._take_back(entry, offer)

    def _answered_late(self, entry: Entry, offer: Offer) -> Verdict:
        """The seat picked up an offer that the queue had taken back: they hear each other. Unless
        the seat talks with somebody by now, that is how it shall be."""
        self._log_late(entry, offer, "answered")
        if offer.token != entry.taken_back:
            return Verdict.REFUSED
        seat_id, call_id = offer.seat.seat_id, entry.caller.call_id
        now = self._clock.now()
        self._alerts.give(AlertKind.LATE_ANSWER, now, seat_id=seat_id, call_id=call_id)
        desk = self._seats.find(seat_id)
        if desk is None or desk.status.state is SeatState.TALKING:
            return Verdict.REFUSED
        newer = entry.offer
        self._waiting.forget(entry)
        if newer is not None and newer.seat.seat_id != seat_id:
            self._seats.happens(
                self._seats.desk(newer.seat.seat_id), SeatEvent.WITHDRAWN, token=newer.token
            )
        rung = self._waiting.entries.get(desk.status.call_id)
        if rung is not None and rung.offer is not None:
            self._take_back(rung, rung.offer, seat_rests=False)
        token = self._seats.find_talk(desk, call_id)
        self._talks.begin(desk, token, offer.token, entry.caller)
        return Verdict.TALK

    def _log_late(self, entry: Entry, offer: Offer, report: str) -> None:
        """For a report on an offer that is over."""
        log.warning("late_report_refused", report=report, token=offer.token, **self._of(entry))

    def _of(self, entry: Entry) -> dict[str, str]:
        return {"tenant": self._settings.tenant, "call_id": entry.caller.call_id}


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
