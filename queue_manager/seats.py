"""The seats of one tenant while the engine runs: their states, timers and phones.

A thin shell over `reservation.decide`: it feeds events in, keeps wrap-up, cool-down and grace
timers on the loop, and tells the matcher, the mirror and the board what came of it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from queue_manager.board import Board
from queue_manager.errors import UnknownSeat
from queue_manager.estimate import HandlingTime
from queue_manager.matcher import Matcher, check_skills
from queue_manager.model import QueueSettings, Requirement, Seat, SeatState, SeatView
from queue_manager.ports import Clock, LiveState
from queue_manager.reservation import MISSED_REASON, SeatEvent, SeatStatus, decide

log = structlog.get_logger(__name__)

_AT_REST = frozenset({SeatState.OFFLINE, SeatState.PAUSED, SeatState.READY, SeatState.COOL_DOWN})
_ON_DUTY = frozenset(SeatState) - {SeatState.OFFLINE, SeatState.PAUSED}


@dataclass(slots=True, eq=False)
class Desk:
    """One seat at work. `idle_since` is kept while it is ready or rings, and over a restart;
    `busy_since` from the answer to the end of wrap-up."""

    seat: Seat
    status: SeatStatus
    view: SeatView
    idle_since: datetime | None = None
    busy_since: datetime | None = None
    retiring: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)
    grace: asyncio.TimerHandle | None = field(default=None, repr=False)


class Seats:
    """All seats of a tenant. `on_match(call_id, desk)` is told when a seat that became ready has
    a caller waiting for it."""

    def __init__(
        self,
        settings: QueueSettings,
        matcher: Matcher,
        live: LiveState,
        clock: Clock,
        board: Board,
        on_match: Callable[[str, Desk], None],
    ) -> None:
        self._settings = settings
        self._matcher = matcher
        self._live = live
        self._clock = clock
        self._board = board
        self._on_match = on_match
        self._desks: dict[str, Desk] = {}
        self._staffed: dict[Requirement, bool] = {}
        self._by_endpoint: dict[str, set[str]] = {}
        self._reachable: set[str] = set()
        self._last_token = 0
        self.handling = HandlingTime()

    # --- set-up

    def start(self, seats: Iterable[Seat], views: Iterable[SeatView]) -> None:
        """Take up the seats, each where the last engine left it; all phones unknown as yet."""
        now = self._clock.now()
        self._last_token = int(now.timestamp() * 1e6)
        wanted = self._checked(seats)
        self._staffed.clear()
        known = {view.seat.seat_id: view for view in views}
        idle_first = sorted(wanted.values(), key=lambda seat: _idle_order(known.get(seat.seat_id)))
        for seat in idle_first:
            self._add(seat, known.get(seat.seat_id), now)
        for seat_id in known.keys() - wanted.keys():
            self._live.forget_seat(self._settings.tenant, seat_id)

    def set_seats(self, seats: Iterable[Seat]) -> None:
        """The seats from now on; see `QueueService.set_seats`."""
        wanted = self._checked(seats)
        self._staffed.clear()
        now = self._clock.now()
        for desk in list(self._desks.values()):
            if desk.seat.seat_id not in wanted:
                desk.retiring = True
                self._drop_if_retired(desk)
        for seat in wanted.values():
            desk_or_none = self._desks.get(seat.seat_id)
            if desk_or_none is None:
                self._add(seat, None, now)
                self._reconnect(self._desks[seat.seat_id])
            else:
                self._change(desk_or_none, seat)

    def close(self) -> None:
        """Cancel every timer."""
        for desk in self._desks.values():
            for timer in (desk.timer, desk.grace):
                if timer is not None:
                    timer.cancel()

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

    def on_duty(self, needs: Requirement) -> int:
        """How many seats that can serve these needs are neither offline nor (to be) paused."""
        return sum(
            desk.status.state in _ON_DUTY
            and not desk.status.pause_reason
            and needs.met_by(desk.seat.skills)
            for desk in self._desks.values()
        )

    def staffed(self, needs: Requirement) -> bool:
        """Whether any seat that is set up could serve these needs, whatever it does now."""
        known = self._staffed.get(needs)
        if known is None:
            known = any(needs.met_by(desk.seat.skills) for desk in self._desks.values())
            self._staffed[needs] = known
        return known

    # --- events

    def reachable(self, endpoint: str, reachable: bool) -> None:
        """A phone came or went; going counts after the grace."""
        if reachable:
            self._reachable.add(endpoint)
        else:
            self._reachable.discard(endpoint)
        for seat_id in tuple(self._by_endpoint.get(endpoint, ())):
            self._reconnect(self._desks[seat_id])

    def reserve(self, desk: Desk, call_id: str) -> int:
        """Reserve a matched seat; the token of the reservation."""
        self._last_token += 1
        self.happens(desk, SeatEvent.RESERVED, token=self._last_token, call_id=call_id)
        return self._last_token

    def find_talk(self, desk: Desk, call_id: str) -> int:
        """A seat at rest turns out to be talking; the token of the talk."""
        self._last_token += 1
        self.happens(desk, SeatEvent.TALK_FOUND, token=self._last_token, call_id=call_id)
        return self._last_token

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
        if new.state is not old.state:
            self._moved(desk, old.state)
        elif new != old:
            self._publish(desk, desk.view.since)
        if new.pause_reason == MISSED_REASON and event is SeatEvent.MISSED:
            log.warning(
                "seat_paused_after_misses",
                tenant=self._settings.tenant,
                seat=desk.seat.seat_id,
                misses=self._settings.miss_limit,
            )

    # --- inside

    def _moved(self, desk: Desk, old: SeatState) -> None:
        now = self._clock.now()
        state = desk.status.state
        seat_id = desk.seat.seat_id
        if desk.timer is not None:
            desk.timer.cancel()
            desk.timer = None
        if old is SeatState.READY:
            self._matcher.seat_busy(seat_id)
        elif old is SeatState.WRAP_UP and desk.busy_since is not None:
            self.handling.add((now - desk.busy_since).total_seconds())
            desk.busy_since = None
        keep_turn = state is SeatState.READY and desk.idle_since is not None
        if state is SeatState.READY:
            desk.idle_since = since = desk.idle_since or now
        else:
            since = now
            if state is not SeatState.RESERVED:
                desk.idle_since = None
        self._publish(desk, since)
        if self._drop_if_retired(desk):
            return
        match state:
            case SeatState.READY:
                self._offer_itself(desk, self._matcher.seat_ready(seat_id, keep_turn=keep_turn))
            case SeatState.TALKING:
                desk.busy_since = now
            case SeatState.WRAP_UP:
                self._after(self._settings.wrap_up_s, desk, SeatEvent.WRAP_UP_ENDED)
            case SeatState.COOL_DOWN:
                self._after(self._settings.cool_down_s, desk, SeatEvent.COOL_DOWN_ENDED)

    def _offer_itself(self, desk: Desk, call_id: str | None) -> None:
        if call_id is not None:
            self._on_match(call_id, desk)

    def _after(self, delay_s: float, desk: Desk, event: SeatEvent) -> None:
        if delay_s <= 0:
            self.happens(desk, event)
        else:
            loop = asyncio.get_running_loop()
            desk.timer = loop.call_later(delay_s, self._time_is_up, desk, event)

    def _time_is_up(self, desk: Desk, event: SeatEvent) -> None:
        desk.timer = None
        self.happens(desk, event)

    def _publish(self, desk: Desk, since: datetime) -> None:
        status = desk.status
        desk.view = SeatView(desk.seat, status.state, since, status.pause_reason, status.call_id)
        self._live.save_seat(desk.view)
        self._board.changed()

    def _reconnect(self, desk: Desk) -> None:
        """Bring the seat in line with what is known of its phone."""
        reachable = desk.seat.endpoint in self._reachable
        if desk.grace is not None and reachable:
            desk.grace.cancel()
            desk.grace = None
        if reachable and not desk.status.connected:
            self.happens(desk, SeatEvent.CONNECTED)
        elif not reachable and desk.status.connected and desk.grace is None:
            loop = asyncio.get_running_loop()
            desk.grace = loop.call_later(self._settings.reach_grace_s, self._gone, desk)

    def _gone(self, desk: Desk) -> None:
        desk.grace = None
        self.happens(desk, SeatEvent.LOST)

    def _checked(self, seats: Iterable[Seat]) -> dict[str, Seat]:
        wanted: dict[str, Seat] = {}
        for seat in seats:
            if seat.seat_id in wanted:
                raise ValueError(f"seat {seat.seat_id} is there twice")
            if seat.tenant != self._settings.tenant:
                raise ValueError(f"seat {seat.seat_id} belongs to tenant {seat.tenant!r}")
            try:
                check_skills(seat.skills)
            except ValueError as error:
                raise ValueError(f"seat {seat.seat_id}: {error}") from None
            wanted[seat.seat_id] = seat
        return wanted

    def _add(self, seat: Seat, last: SeatView | None, now: datetime) -> None:
        reason = last.pause_reason if last else ""
        status = SeatStatus(pause_reason=reason)
        desk = Desk(seat, status, SeatView(seat, status.state, now, reason))
        self._desks[seat.seat_id] = desk
        self._by_endpoint.setdefault(seat.endpoint, set()).add(seat.seat_id)
        self._matcher.put_seat(seat.seat_id, seat.skills)
        self._board.changed()
        if last is None:
            return
        if last.state in (SeatState.READY, SeatState.RESERVED):
            desk.idle_since = min(last.since, now)
        elif last.state is SeatState.WRAP_UP:
            since = min(last.since, now)  # the clock may have been set back
            left = since + timedelta(seconds=self._settings.wrap_up_s) - now
            if left > timedelta(0):
                desk.status = SeatStatus(SeatState.WRAP_UP, pause_reason=reason)
                desk.view = SeatView(seat, SeatState.WRAP_UP, since, reason)
                self._after(left.total_seconds(), desk, SeatEvent.WRAP_UP_ENDED)

    def _change(self, desk: Desk, seat: Seat) -> None:
        desk.retiring = False
        old, desk.seat = desk.seat, seat
        if old == seat:
            return
        self._publish(desk, desk.view.since)
        self._offer_itself(desk, self._matcher.put_seat(seat.seat_id, seat.skills))
        if old.endpoint != seat.endpoint:
            self._forget_endpoint(old)
            self._by_endpoint.setdefault(seat.endpoint, set()).add(seat.seat_id)
            self._reconnect(desk)

    def _drop_if_retired(self, desk: Desk) -> bool:
        """A seat that was taken out goes once it is at rest: nobody's talk is cut."""
        if not desk.retiring or desk.status.state not in _AT_REST:
            return False
        for timer in (desk.timer, desk.grace):
            if timer is not None:
                timer.cancel()
        seat_id = desk.seat.seat_id
        del self._desks[seat_id]
        self._forget_endpoint(desk.seat)
        self._matcher.drop_seat(seat_id)
        self._live.forget_seat(self._settings.tenant, seat_id)
        self._board.changed()
        return True

    def _forget_endpoint(self, seat: Seat) -> None:
        seats = self._by_endpoint[seat.endpoint]
        seats.discard(seat.seat_id)
        if not seats:
            del self._by_endpoint[seat.endpoint]


def _idle_order(view: SeatView | None) -> tuple[int, float]:
    """Seats that were idle before the restart come first, the longest idle foremost."""
    if view is None or view.state not in (SeatState.READY, SeatState.RESERVED):
        return (1, 0.0)
    return (0, view.since.timestamp())
