"""The seats of one tenant while the engine runs: their states and what follows from them.

A thin shell over `reservation.decide`: it feeds events in, keeps wrap-up and cool-down among the
deadlines, and tells the matcher, the mirror, the board and the observer what came of it. Whether a
seat is there at all is `queue_manager.presence`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from queue_manager.alerts import Alerts
from queue_manager.board import Board
from queue_manager.deadlines import Deadlines
from queue_manager.desk import OFF_DUTY, Desk
from queue_manager.errors import UnknownSeat
from queue_manager.estimate import HandlingTime
from queue_manager.matcher import Matcher
from queue_manager.model import (
    AlertKind,
    QueueSettings,
    Seat,
    SeatState,
    SeatView,
)
from queue_manager.ports import Clock, LiveState
from queue_manager.presence import Presence
from queue_manager.reservation import MISSED_REASON, SeatEvent, SeatStatus, decide
from queue_manager.rests import Rests
from queue_manager.seat_list import WAS_IDLE, checked, idle_order, wrap_up_left_s
from queue_manager.staffing import Staffing, profile_of
from queue_manager.tally import Tally

_AT_REST = frozenset({SeatState.OFFLINE, SeatState.PAUSED, SeatState.READY, SeatState.COOL_DOWN})


class Seats:
    """All seats of a tenant. `on_match(call_id, desk)` is told when a seat that became ready has
    a caller waiting for it, `on_lost(desk)` when one that rings is there no longer."""

    def __init__(
        self,
        settings: QueueSettings,
        matcher: Matcher,
        live: LiveState,
        clock: Clock,
        board: Board,
        deadlines: Deadlines,
        alerts: Alerts,
        tally: Tally,
        on_match: Callable[[str, Desk], None],
        on_lost: Callable[[Desk], None],
    ) -> None:
        self._settings = settings
        self._matcher = matcher
        self._live = live
        self._clock = clock
        self._board = board
        self._alerts = alerts
        self._tally = tally
        self._on_match = on_match
        self._on_lost = on_lost
        self._desks: dict[str, Desk] = {}
        self._talked_since: dict[str, datetime] = {}
        self.rests = Rests(settings, deadlines, clock, self._rest_is_over)
        self.presence = Presence(
            settings, deadlines, alerts, clock, self._came_or_went, self._republish
        )
        self.staffing = Staffing()
        self.last_token = 0
        self.handling = HandlingTime()

    # --- set-up

    def start(self, seats: Iterable[Seat], views: Iterable[SeatView], above: int) -> None:
        """Take up the seats, each where the last engine left it; all phones unknown as yet."""
        now = self._clock.now()
        wanted = checked(self._settings.tenant, seats)
        known = {view.seat.seat_id: view for view in views}
        highest_seen = max((view.token for view in known.values()), default=0)
        self.last_token = max(int(now.timestamp() * 1e6), highest_seen, above)
        idle_first = sorted(wanted.values(), key=lambda seat: idle_order(known.get(seat.seat_id)))
        for seat in idle_first:
            self._add(seat, known.get(seat.seat_id), now)
        for view in known.values():
            if view.state is SeatState.TALKING:
                self._talked_since[view.call_id] = view.since
        for seat_id in known.keys() - wanted.keys():
            self._live.forget_seat(self._settings.tenant, seat_id)
            self._keep_fence()

    def set_seats(self, seats: Iterable[Seat]) -> None:
        """The seats from now on; see `QueueService.set_seats`."""
        wanted = checked(self._settings.tenant, seats)
        now = self._clock.now()
        for desk in list(self._desks.values()):
            if desk.seat.seat_id not in wanted:
                desk.retiring = True
                self._drop_if_retired(desk)
        for seat in wanted.values():
            desk_or_none = self._desks.get(seat.seat_id)
            if desk_or_none is None:
                self._add(seat, None, now)
                self.presence.review(self._desks[seat.seat_id])
            else:
                self._change(desk_or_none, seat)

    # --- questions

    def desk(self, seat_id: str) -> Desk:
        """One seat; raises `UnknownSeat`."""
        try:
            return self._desks[seat_id]
        except KeyError:
            raise UnknownSeat(f"tenant {self._settings.tenant} has no seat {seat_id!r}") from None

    def find(self, seat_id: str) -> Desk | None:
        """One seat, or None."""
        return self._desks.get(seat_id)

    def views(self) -> Sequence[SeatView]:
        """Every seat; an unchanged one is the same object as before."""
        return [desk.view for desk in self._desks.values()]

    def talked_since(self, call_id: str) -> datetime | None:
        """Since when this call talked, by what the last engine wrote of its seat."""
        return self._talked_since.get(call_id)

    # --- events

    def reserve(self, desk: Desk, call_id: str) -> int:
        """Reserve a matched seat; the token of the reservation."""
        self.last_token += 1
        self.happens(desk, SeatEvent.RESERVED, token=self.last_token, call_id=call_id)
        return self.last_token

    def find_talk(self, desk: Desk, call_id: str) -> int:
        """A seat at rest turns out to be talking; the token of the talk."""
        self.last_token += 1
        self.happens(desk, SeatEvent.TALK_FOUND, token=self.last_token, call_id=call_id)
        return self.last_token

    def happens(
        self, desk: Desk, event: SeatEvent, *, token: int = 0, call_id: str = "", reason: str = ""
    ) -> None:
        """Let the table decide, then carry out what it says. Raises as `decide` does."""
        old = desk.status
        new = desk.status = decide(
            old,
            event,
            token=token,
            call_id=call_id,
            reason=reason,
            miss_limit=self._settings.miss_limit,
        )
        if new.pause_reason != old.pause_reason:
            self._pause_changed(desk, old, event)
        if new.state is not old.state:
            self._moved(desk, old.state)
        elif new != old:
            self._publish(desk, desk.view.since)

    # --- inside

    def _pause_changed(self, desk: Desk, old: SeatStatus, event: SeatEvent) -> None:
        """Alerts of missed rings, and a new reason for one who stays paused."""
        seat, reason = desk.seat, desk.status.pause_reason
        if reason == MISSED_REASON and event is SeatEvent.MISSED:
            misses = str(self._settings.miss_limit)
            self._alerts.give(
                AlertKind.SEAT_MISSES, self._clock.now(), seat_id=seat.seat_id, detail=misses
            )
        elif old.pause_reason == MISSED_REASON:
            self._alerts.end(AlertKind.SEAT_MISSES, seat.seat_id)
        state = desk.status.state
        if state is old.state:
            self._tally.seat_moved(seat, state, state, reason, self._clock.now())
        self._count_duty(desk)

    def _count_duty(self, desk: Desk) -> None:
        on_duty = desk.status.state not in OFF_DUTY and not desk.status.pause_reason
        if on_duty is not desk.on_duty:
            desk.on_duty = on_duty
            self._matcher.set_duty(desk.seat.seat_id, on_duty)

    def _moved(self, desk: Desk, old: SeatState) -> None:
        now = self._clock.now()
        state = desk.status.state
        seat_id = desk.seat.seat_id
        desk.alarm = 0
        if old is SeatState.READY:
            self._matcher.seat_busy(seat_id)
        if state in OFF_DUTY or old in OFF_DUTY:
            self._count_duty(desk)
        keep_turn = state is SeatState.READY and desk.idle_since is not None
        if state is SeatState.READY:
            desk.idle_since = since = desk.idle_since or now
        else:
            since = now
            if state is not SeatState.RESERVED:
                desk.idle_since = None
        self._tell(desk, old, now)
        if old is SeatState.WRAP_UP and desk.busy_since is not None:
            self.handling.add((now - desk.busy_since).total_seconds())
            desk.busy_since = None
        self._publish(desk, since)
        if self._drop_if_retired(desk):
            return
        if state is SeatState.READY:
            matched = self._matcher.seat_ready(seat_id, keep_turn=keep_turn, idle_since=since)
            self._offer_itself(desk, matched)
        elif state is SeatState.TALKING:
            desk.busy_since = now
        elif state is SeatState.WRAP_UP:
            self.rests.begin(desk, self._settings.wrap_up_s)
        elif state is SeatState.COOL_DOWN:
            self.rests.begin(desk, self._settings.cool_down_s)

    def _tell(self, desk: Desk, old: SeatState, now: datetime) -> None:
        if old is SeatState.WRAP_UP:
            lasted_s = max((now - desk.view.since).total_seconds(), 0.0)
            self._tally.wrapped_up(desk.seat, lasted_s, now)
        status = desk.status
        self._tally.seat_moved(desk.seat, old, status.state, status.pause_reason, now)

    def _offer_itself(self, desk: Desk, call_id: str | None) -> None:
        if call_id is not None:
            self._on_match(call_id, desk)

    def _rest_is_over(self, desk: Desk) -> None:
        wraps_up = desk.status.state is SeatState.WRAP_UP
        self.happens(desk, SeatEvent.WRAP_UP_ENDED if wraps_up else SeatEvent.COOL_DOWN_ENDED)

    def _publish(self, desk: Desk, since: datetime) -> None:
        status = desk.status
        desk.view = SeatView(
            desk.seat,
            status.state,
            since,
            status.pause_reason,
            status.call_id,
            desk.node,
            status.fence,
            desk.beat_s is not None,
        )
        self._live.save_seat(desk.view)
        self._board.changed()

    def _republish(self, desk: Desk) -> None:
        self._publish(desk, desk.view.since)

    def _came_or_went(self, desk: Desk, there: bool) -> None:
        self.happens(desk, SeatEvent.CONNECTED if there else SeatEvent.LOST)
        if not there and desk.status.state is SeatState.RESERVED:
            self._on_lost(desk)

    def _add(self, seat: Seat, last: SeatView | None, now: datetime) -> None:
        reason = last.pause_reason if last else ""
        status = SeatStatus(pause_reason=reason, fence=last.token if last else 0)
        desk = Desk(
            seat, status, SeatView(seat, status.state, now, reason), profile_of(seat.skills)
        )
        self._desks[seat.seat_id] = desk
        self.staffing.add(desk.profile)
        self._matcher.put_seat(seat.seat_id, seat.skills)
        self._matcher.set_duty(seat.seat_id, False)
        self.presence.join(desk)
        self._board.changed()
        if last is not None:
            self._take_up(desk, last, now)

    def _take_up(self, desk: Desk, last: SeatView, now: datetime) -> None:
        """Go on where the last engine left the seat; its telephone is unknown as yet."""
        since = min(last.since, now)  # the clock may have been set back
        if last.desktop:
            self.presence.resume(desk, alive=last.state is not SeatState.OFFLINE)
            desk.view = replace(desk.view, desktop=True)
        if last.pause_reason == MISSED_REASON:
            self._alerts.give(AlertKind.SEAT_MISSES, since, seat_id=desk.seat.seat_id)
        if last.state in WAS_IDLE:
            desk.idle_since = since
        left_s = wrap_up_left_s(last, self._settings.wrap_up_s, now)
        if left_s > 0:
            desk.status = replace(desk.status, state=SeatState.WRAP_UP)
            desk.view = replace(desk.view, state=SeatState.WRAP_UP, since=since)
            self._count_duty(desk)
            self.rests.begin(desk, left_s)

    def _change(self, desk: Desk, seat: Seat) -> None:
        desk.retiring = False
        old, desk.seat = desk.seat, seat
        if old == seat:
            return
        self.staffing.add(desk.profile, -1)
        desk.profile = profile_of(seat.skills)
        self.staffing.add(desk.profile)
        self._publish(desk, desk.view.since)
        self._offer_itself(desk, self._matcher.put_seat(seat.seat_id, seat.skills))
        if old.endpoint != seat.endpoint:
            self.presence.part(desk, old)
            self.presence.join(desk)
            self.presence.review(desk)

    def _drop_if_retired(self, desk: Desk) -> bool:
        """A seat that was taken out goes once it is at rest: nobody's talk is cut."""
        if not desk.retiring or desk.status.state not in _AT_REST:
            return False
        seat_id, state = desk.seat.seat_id, desk.status.state
        del self._desks[seat_id]
        desk.alarm = 0
        if state is not SeatState.OFFLINE:
            self._tally.seat_moved(desk.seat, state, SeatState.OFFLINE, "", self._clock.now())
        self.presence.part(desk, desk.seat)
        self._alerts.forget_seat(seat_id)
        self.staffing.add(desk.profile, -1)
        self._matcher.drop_seat(seat_id)
        self._live.forget_seat(self._settings.tenant, seat_id)
        self._keep_fence()
        self._board.changed()
        return True

    def _keep_fence(self) -> None:
        """The highest token stays in the mirror with one of the seats that are left, so that the
        next engine begins above it even when its clock was set back."""
        keeper = next(iter(self._desks.values()), None)
        if keeper is not None and keeper.status.fence < self.last_token:
            keeper.status = replace(keeper.status, fence=self.last_token)
            self._republish(keeper)
