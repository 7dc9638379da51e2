"""One tenant's figures, fed by the queue's events: live for boards, quarter by quarter for SQL.

A caller belongs to the quarter of an hour in which he was queued, however late he is answered: so
no rate ever has a numerator larger than its denominator, also over midnight. He counts for his
queue, his line, each skill he asked for when he came, and the tenant as a whole.

What an earlier engine counted is in SQL up to a known moment (`Stored.counted_until`). A caller
who came, or a talk that began, before it is not counted again when this engine finds him; what
lies between it and our start is told by the rows of the calls (`late`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from queue_manager.cells import Cell, Cells, Key, Waiting
from queue_manager.counts import SHORT_ABANDON_S, CallCounts, quarter_of
from queue_manager.figure_book import LATE_QUARTERS, FigureBook, Stored
from queue_manager.figure_tail import (
    MARK,
    Tail,
    call_line,
    counted_with,
    nowhere,
    seat_line,
    unless_his_row_tells,
    wrap_up_line,
)
from queue_manager.model import (
    LeaveReason,
    MissReason,
    Offer,
    Requirement,
    Seat,
    SeatState,
    SeatView,
    WaitingCaller,
)
from queue_manager.seat_times import SeatKey, SeatTimes

RECENT_QUARTERS = 2
"""What boards call "now": callers of this quarter of an hour and the one before."""
SAME_MOMENT_S = 2.0
"""How far a call's end, as its row tells it, and the begin of its seat's wrap-up may be apart."""
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LateCall:
    """A call of which only its row tells: its engine died, or the row was written late. It began
    at `began_at`; its place may be older (of an earlier call, to be called back). `callback`: we
    made it, to keep a promise; who asked for that was offered before. `drafted_at`: of a talk that
    ended while no engine was there nobody knows when it began, but when its ticket was made."""

    call_id: str
    queue_id: str
    line_id: str
    needs: Requirement
    began_at: datetime
    queued_at: datetime
    outcome: LeaveReason
    answered_at: datetime | None
    ended_at: datetime
    seat_id: str = ""
    callback: bool = False
    drafted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A wrap-up that began before our start and ended here; if it ended in the last moment of the
    engine before us, that one has told of its end, too."""

    seat_id: str
    began_at: datetime
    cell: Cell
    wrap_up_ms: int


@dataclass(frozen=True, slots=True)
class _Found:
    """What happened at a moment before our start, `seat_id` when it was a seat's answer."""

    call_id: str
    at: datetime
    cell: Cell
    counts: CallCounts
    seat_id: str = ""


class Figures:
    """The counters of one tenant; implements `queue_manager.ports.QueueObserver`.

    `service_level_s` tells the seconds of a queue's service level; `began_at` is when this engine
    began to be told. What only memory would know goes into the `tail`.
    """

    def __init__(
        self,
        zone: tzinfo,
        service_level_s: Callable[[str], float],
        began_at: datetime,
        tail: Tail = nowhere,
    ) -> None:
        self.book = FigureBook(zone, began_at)
        self.seats = SeatTimes(quarter_of(began_at) - 1)
        self._zone = zone
        self._level_s = service_level_s
        self.began_at = began_at
        self._counted_until: datetime | None = None
        self._unsure: list[_Found] = []
        self._carried: set[str] = set()
        self._cells = Cells()
        self._callers: dict[str, Cell] = {}
        self._served: dict[str, Cell] = {}
        self._wrapping: dict[str, datetime] = {}
        self._ended: dict[str, LateCall] = {}
        self._tail = tail
        self._moved: dict[str, list[str]] = {}
        self.missed_by: set[SeatKey] = set()
        """Seats' quarters with misses that aren't stored: written together with the tail's mark."""
        self.taken_over: list[TakenOver] = []
        """Counted wrap-ups of which it isn't sure yet that nobody else counts them."""

    # --- queue_manager.ports.QueueObserver

    def entered(self, caller: WaitingCaller, at: datetime) -> None:
        """A caller came in. A callback was offered before, as the call that asked for it; a talk
        that waits for a colleague is no caller, whatever comes of it."""
        if caller.colleague:
            return
        cell = self._cells.of(caller.queued_at, caller.queue_id, caller.line_id, caller.needs)
        self._callers[caller.call_id] = cell
        cell.kind.waits(caller.call_id, caller.queued_at.timestamp(), callback=caller.callback)
        came_at = _came_at(caller)
        if came_at <= self.began_at:
            offered = CallCounts(offered=0 if caller.callback else 1)
            self._found(_Found(caller.call_id, came_at, cell, offered))
        elif not caller.callback:
            cell.counts.offered += 1
            self._cells.touch(cell)

    def offered(self, offer: Offer, at: datetime) -> None:
        """Rings are counted as the seat's time."""

    def answered(self, caller: WaitingCaller, seat: Seat, wait_s: float, at: datetime) -> None:
        """The seat took the call."""
        cell = self._callers.pop(caller.call_id, None)
        if at > self.began_at:
            self.seats.answered(seat.seat_id, at)
        if cell is None:
            return
        cell.kind.waits_no_longer(caller.call_id)
        if self._moved:
            self._tell_moves(caller.call_id)
        self._served[seat.seat_id] = cell
        if at > self.began_at:
            self._count_answer(cell.counts, cell.kind.queue_id, caller, wait_s)
            self._cells.touch(cell)
        else:
            counts = CallCounts()
            self._count_answer(counts, cell.kind.queue_id, caller, wait_s)
            self._found(_Found(caller.call_id, at, cell, counts, seat.seat_id))

    def missed(self, offer: Offer, reason: MissReason, at: datetime) -> None:
        """The offer came to nothing; he waits on."""
        seat_id = offer.seat.seat_id
        counters = self.seats.missed(seat_id, reason, at)
        if counters:
            key = (quarter_of(at), seat_id)
            self.missed_by.add(key)
            self._tail(seat_line(key, counters))

    def left(self, caller: WaitingCaller, reason: LeaveReason, wait_s: float, at: datetime) -> None:
        """He left without a talk."""
        cell = self._callers.pop(caller.call_id, None)
        if cell is None:
            return
        cell.kind.waits_no_longer(caller.call_id)
        if self._moved:
            self._tell_moves(caller.call_id)
        if caller.callback:
            # CALLBACK: he wasn't reached and keeps his place, another entry follows
            if reason is not LeaveReason.CALLBACK:
                cell.counts.callbacks_failed += 1
                self._tail(call_line(cell, "callbacks_failed=1"))
        elif reason is LeaveReason.OVERFLOWED and at <= self.began_at:
            self._found(_Found(caller.call_id, at, cell, _of_leaving(reason, wait_s)))
        else:
            counts = _of_leaving(reason, wait_s)
            cell.counts.add(counts)
            if reason in _GOES_ON:
                condition = unless_his_row_tells(_came_at(caller))
                self._tail(call_line(cell, f"{_LEFT[reason]}=1", condition))
        self._cells.touch(cell)

    def overflowed(self, caller: WaitingCaller, queue_id: str, at: datetime) -> None:
        """He goes on in another queue, where he is offered anew; his line and skills don't see
        it as two."""
        before = self._callers.get(caller.call_id)
        if before is None:
            return
        cell = self._cells.of(caller.queued_at, queue_id, caller.line_id, caller.needs)
        self._callers[caller.call_id] = cell
        before.kind.waits_no_longer(caller.call_id)
        cell.kind.waits(caller.call_id, caller.queued_at.timestamp(), callback=caller.callback)
        if caller.callback:
            return
        when = counted_with(self._tail(MARK))
        for side, counts, counters in (
            (before, CallCounts(overflowed=1), "overflowed=1"),
            (cell, CallCounts(offered=1, overflowed_in=1), "offered=1,overflowed_in=1"),
        ):
            if at > self.began_at:
                side.counts.add(counts)
                self._cells.touch(side)
            elif not self._found(_Found(caller.call_id, at, side, counts)):
                continue
            # while he waits, an engine after us finds him and counts it: then nobody would
            self._moved.setdefault(caller.call_id, []).append(call_line(side, counters, when))

    def talk_ended(self, caller: WaitingCaller, seat: Seat, talk_s: float, at: datetime) -> None:
        """The talk is over; the seat wraps up."""
        cell = self._served.get(seat.seat_id)
        if cell is not None:
            cell.counts.talks += 1
            cell.counts.talk_ms += _ms(talk_s)
            self._cells.touch(cell)

    def wrapped_up(self, seat: Seat, wrap_up_s: float, at: datetime) -> None:
        """The after-call work counts for the caller it was for."""
        cell = self._served.pop(seat.seat_id, None)
        since = self._wrapping.pop(seat.seat_id, None)
        if cell is not None:
            wrap_up_ms = _ms(wrap_up_s)
            cell.counts.wrap_ups += 1
            cell.counts.wrap_up_ms += wrap_up_ms
            self._cells.touch(cell)
            began_at = at - timedelta(seconds=wrap_up_s)
            self._tail(wrap_up_line(cell, seat.seat_id, began_at, wrap_up_ms))
            if since is not None:
                self.taken_over.append(TakenOver(seat.seat_id, began_at, cell, wrap_up_ms))

    def seat_state_changed(
        self, seat: Seat, old: SeatState, new: SeatState, reason: str, at: datetime
    ) -> None:
        """The time until now belongs to what the seat did."""
        self.seats.moved(seat.seat_id, new, reason, at)

    # --- what an earlier engine has counted

    def knew(self, view: SeatView) -> None:
        """What a seat did last, as the engine before us knew: it goes on with that. A wrap-up that
        goes on counts for the call it is for, once that call's row is found."""
        seat_id = view.seat.seat_id
        self.seats.knew(seat_id, view.state, view.pause_reason, view.since)
        if view.state is SeatState.WRAP_UP:
            self._wrapping[seat_id] = view.since
            if (call := self._ended.get(seat_id)) is not None:
                self._wraps_up(call)

    def wrapped_before(self, seat_id: str, began_at: datetime) -> None:
        """A wrap-up has ended that the live state may still call unended."""
        since = self._wrapping.get(seat_id)
        if since and abs((began_at - since).total_seconds()) <= SAME_MOMENT_S:
            del self._wrapping[seat_id]
            self._served.pop(seat_id, None)

    def told_before(self, ended: TakenOver) -> None:
        """The engine before us has told of this end: it isn't counted twice."""
        ended.cell.counts.wrap_ups -= 1
        ended.cell.counts.wrap_up_ms -= ended.wrap_up_ms
        self._cells.touch(ended.cell)

    def _wraps_up(self, call: LateCall) -> None:
        """Whether its seat wraps up this very call."""
        since = self._wrapping.get(call.seat_id)
        if since and abs((call.ended_at - since).total_seconds()) <= SAME_MOMENT_S:
            cell = self._cells.of(call.queued_at, call.queue_id, call.line_id, call.needs)
            self._served[call.seat_id] = cell

    @property
    def restored(self) -> bool:
        """Whether it is known what is stored: before that nothing may be written."""
        return self._counted_until is not None

    def restore(self, stored: Stored, day: date) -> None:
        """Go on from what is stored; `day` is the present one. What happened since our start is
        kept."""
        until = self._counted_until = stored.counted_until or _EVER
        self.book.restore(stored, day)
        self.seats.restore(stored.seats, stored.seats_until)
        for found in self._unsure:
            if found.at > until:
                self._count_found(found)
        self._unsure.clear()

    def late(self, call: LateCall) -> None:
        """Count what nobody has counted of a call that an earlier engine led, from its row. Calls
        whose events we were told change nothing."""
        until, came_at = self._counted_until, max(call.queued_at, call.began_at)
        if until is None or came_at > self.began_at:
            return
        if call.call_id in self._carried:
            self._carried.discard(call.call_id)
            return
        if call.seat_id:
            self._ended[call.seat_id] = call
            self._wraps_up(call)
        counts = CallCounts(offered=int(came_at > until and not call.callback))
        if call.outcome is LeaveReason.ANSWERED:
            self._late_answer(counts, call, until)
        elif call.callback:
            return  # that nobody talked with him is told when it is given up
        elif counts.offered or (call.outcome is LeaveReason.ABANDONED and call.ended_at > until):
            waited_s = (call.ended_at - call.queued_at).total_seconds()
            counts.add(_of_leaving(call.outcome, waited_s))
        if counts != CallCounts():
            cell = self._cells.of(call.queued_at, call.queue_id, call.line_id, call.needs)
            cell.counts.add(counts)
            self._cells.touch(cell)

    def _late_answer(self, counts: CallCounts, call: LateCall, until: datetime) -> None:
        answered_at = call.answered_at or call.drafted_at
        if answered_at is None:
            counts.answered = counts.offered  # when, nobody knows: not before he was queued
            return
        timed = call.answered_at is not None or call.queued_at <= answered_at < call.ended_at
        if counts.offered or answered_at > until:
            if call.callback:
                counts.callbacks_reached = 1
            elif not timed:
                counts.answered = 1  # while nobody was there: its ticket was made at the end
            else:
                waited_s = (answered_at - call.queued_at).total_seconds()
                self._count_wait(counts, call.queue_id, waited_s)
                counts.menu_ms = _ms((call.queued_at - call.began_at).total_seconds())
            if call.seat_id:
                self.seats.answered(call.seat_id, answered_at)
        if call.answered_at is not None and call.ended_at > until:
            counts.talks = 1
            counts.talk_ms = _ms((call.ended_at - answered_at).total_seconds())

    # --- reading and keeping tidy

    def fold(self) -> None:
        """Bring what was counted to the book; do it before reading or writing."""
        for cell, counts in self._cells.take():
            self.book.add(cell.quarter, cell.kind.keys, counts)

    def waiting(self) -> dict[Key, Waiting]:
        """Who waits now, by queue, line, skill and in total (key `WHOLE`)."""
        return self._cells.waiting()

    def day(self, now: datetime) -> date:
        """The tenant's day."""
        return now.astimezone(self._zone).date()

    def today(self, now: datetime) -> Mapping[Key, CallCounts]:
        """The present day's counters, all engines together."""
        self.fold()
        return self.book.today(now)

    def recent(self, now: datetime) -> Mapping[Key, CallCounts]:
        """Those of the present and the last quarter of an hour: what a board calls "now"."""
        self.fold()
        return self.book.recent(now, RECENT_QUARTERS)

    def quarters(self, now: datetime) -> Iterator[tuple[int, CallCounts]]:
        """The present day's quarters of the whole tenant, in order."""
        self.fold()
        return self.book.quarters(self.day(now))

    def forget(self, now: datetime) -> None:
        """Drop what is stored and no longer needed; to be called once in a while."""
        self._ended.clear()
        self.book.forget(now)
        self.seats.forget(quarter_of(now) - 1)
        self._cells.forget(quarter_of(now) - LATE_QUARTERS)

    # --- inside

    def _found(self, found: _Found) -> bool:
        """Something that happened before our start: an earlier engine may have counted it. Whether
        it was counted now."""
        self._carried.add(found.call_id)
        if self._counted_until is None:
            self._unsure.append(found)
        elif found.at > self._counted_until:
            self._count_found(found)
            return True
        return False

    def _tell_moves(self, call_id: str) -> None:
        for line in self._moved.pop(call_id, ()):
            self._tail(line)

    def _count_found(self, found: _Found) -> None:
        found.cell.counts.add(found.counts)
        self._cells.touch(found.cell)
        if found.seat_id:
            self.seats.answered(found.seat_id, found.at)

    def _count_answer(
        self, counts: CallCounts, queue_id: str, caller: WaitingCaller, wait_s: float
    ) -> None:
        if caller.callback:
            counts.callbacks_reached += 1
            return
        self._count_wait(counts, queue_id, wait_s)
        if caller.began_at is not None:
            counts.menu_ms += _ms((caller.queued_at - caller.began_at).total_seconds())

    def _count_wait(self, counts: CallCounts, queue_id: str, wait_s: float) -> None:
        wait_ms = _ms(wait_s)
        counts.answered += 1
        counts.answered_in_time += wait_s <= self._level_s(queue_id)
        counts.waits += 1
        counts.wait_ms += wait_ms
        counts.longest_ms = max(counts.longest_ms, wait_ms)


_LEFT = {
    LeaveReason.VOICE_REQUEST: "voice_requests",
    LeaveReason.CALLBACK: "callbacks",
    LeaveReason.TRANSFERRED: "transferred",
    LeaveReason.SELF_SERVICE: "self_service",
    LeaveReason.OVERFLOWED: "overflowed",
}
"""What a way to leave counts as; every other one is `abandoned`."""
_GOES_ON = frozenset(_LEFT) - {LeaveReason.OVERFLOWED}
"""Who leaves so is still on the line: no row tells when he left. Who went on with another tenant
is found waiting there."""


def _of_leaving(reason: LeaveReason, wait_s: float) -> CallCounts:
    """How one ended who got no talk."""
    counts = CallCounts(longest_ms=_ms(wait_s))
    if (counter := _LEFT.get(reason)) is not None:
        setattr(counts, counter, 1)
    else:
        counts.abandoned = 1
        counts.abandoned_short = int(wait_s < SHORT_ABANDON_S)
    return counts


def _came_at(caller: WaitingCaller) -> datetime:
    """When he was queued, or later, when he took over the place of an earlier call."""
    began_at = caller.began_at
    return caller.queued_at if began_at is None else max(caller.queued_at, began_at)


def _ms(seconds: float) -> int:
    """Whole milliseconds, never negative (a clock may have been set back)."""
    return round(max(0.0, seconds) * 1000)
