"""One tenant's queue at work: the door to its floor, seats, rules and figures.

Everything happens synchronously on the event loop, in the tick of the event that caused it; the
only things awaited are offers and suggestions. Outages of the mirror (Redis) are not seen here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from queue_manager.aside import Aside, AsidePlace, occupied
from queue_manager.board import Watcher
from queue_manager.desk import at_work
from queue_manager.errors import UnknownReason
from queue_manager.figure_book import Stored
from queue_manager.figure_view import figures_view
from queue_manager.figures import Figures
from queue_manager.floor import Floor
from queue_manager.model import (
    Alert,
    AlertKind,
    CallerView,
    Forced,
    LeaveReason,
    QueueSettings,
    Requirement,
    Seat,
    SeatState,
    SeatView,
    WaitingCaller,
    WaitingView,
)
from queue_manager.place import Place
from queue_manager.ports import Clock, LiveState, QueueObserver
from queue_manager.reservation import SIGNED_OFF, SeatEvent
from queue_manager.rules import Rules
from queue_manager.tally import Tally

log = structlog.get_logger(__name__)


class QueueService:
    """The queue manager of one tenant; implements `ivr.ports.Queue`.

    At an engine's start: `set_rules`, `start`, then `restore_talk` for every talk found alive, and
    only then `endpoint_reachable` for the phones: until its phone is reported no seat is offered
    to anybody. `observer` is told of everything that happens; `figures` count it (they begin with
    nothing unless given).
    """

    def __init__(
        self,
        settings: QueueSettings,
        live: LiveState,
        clock: Clock,
        observer: QueueObserver | None = None,
        figures: Figures | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._figures = figures or _figures_of_its_own(settings, clock)
        tally = Tally(clock, self._figures, observer)
        self._floor = Floor(settings, live, clock, tally)
        self._seats = self._floor.seats

    # --- set-up and phones

    async def start(
        self, seats: Iterable[Seat], views: Iterable[SeatView], *, above: int = 0
    ) -> None:
        """Begin with these seats, each as last known (`views` of unknown seats are forgotten).

        Tokens begin with the time, but above every one that a view or `above` tells of. Raises
        ValueError for a seat given twice, of another tenant, or with a level out of range.
        """
        known = tuple(views)
        for view in known:
            self._figures.knew(view)
        self._seats.start(seats, known, above)

    def close(self) -> None:
        """Stop all timers; nothing is offered any more."""
        self._floor.deadlines.close()
        self._floor.board.close()

    def set_seats(self, seats: Iterable[Seat]) -> None:
        """The tenant's seats from now on. New skills count for waiting callers at once; a seat
        that is gone from the list ends its talk and wrap-up first. Raises ValueError as `start`,
        and then changes nothing."""
        self._seats.set_seats(seats)

    def set_rules(self, rules: Mapping[str, Rules]) -> None:
        """The rules of every tenant from now on; those who wait are brought in line at once."""
        own = rules.get(self.settings.tenant)
        if own is not None:
            self._floor.matcher.set_bounds(
                weight_s=own.priorities.weight_s,
                scarce_bound_s=own.seats.scarce_bound_s,
                same_seat_s=own.seats.same_seat_s,
            )
        self._floor.stepping.set_rules(rules, self._floor.entries.values())

    def meet(self, queues: "Mapping[str, QueueService]") -> None:
        """The queues of all tenants, where a step may let a caller go on."""
        self._floor.others = {tenant: queue._floor for tenant, queue in queues.items()}

    def endpoint_reachable(self, endpoint: str, reachable: bool, node: str = "") -> None:
        """A SIP phone registered at a node or went away there; unknown ones are remembered for
        later seats."""
        self._seats.presence.phone(endpoint, reachable, node)

    def second_phone(self, endpoint: str, phones: str) -> None:
        """A SIP phone registered in the place of another that was still there; `phones` names the
        two for people. Supervisors are told while the second may be there; the newest is rung."""
        self._seats.presence.second_phone(endpoint, phones)

    def heartbeat(self, seat_id: str) -> None:
        """The seat's desktop lives. Once it has told so, the seat counts as present only while it
        goes on telling so, until its phone is gone. Raises UnknownSeat."""
        self._seats.presence.heartbeat(self._seats.desk(seat_id))

    def hear(self, hears: bool) -> None:
        """Whether Asterisk's events reach us. While they don't, no offer is taken back for want of
        a report: the seat may have answered unheard."""
        self._floor.offers.hears = hears

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

    def extend_wrap_up(self, seat_id: str, extra_s: float) -> datetime:
        """More time for after-call work, up to `wrap_up_max_s` in all; when it ends now.

        Raises UnknownSeat, `NotWrappingUp`.
        """
        return self._seats.rests.extend(self._seats.desk(seat_id), extra_s)

    # --- supervisors

    def force(self, seat_id: str, state: Forced, *, by: str, why: str, reason: str = "") -> None:
        """A supervisor makes a seat ready, paused (`reason` as in `pause`) or offline. A talk is
        never cut: it takes effect at its end. A call that rings goes on to another seat, unless
        the seat is to be ready. Raises `UnknownSeat`, `UnknownReason`."""
        desk = self._seats.desk(seat_id)
        match state:
            case Forced.READY:
                self.ready(seat_id)
            case Forced.PAUSED:
                self.pause(seat_id, reason)
            case Forced.OFFLINE:
                self._seats.happens(desk, SeatEvent.PAUSE_ASKED, reason=SIGNED_OFF)
        log.info(
            "seat_forced", tenant=self.settings.tenant, seat=seat_id, to=str(state), by=by, why=why
        )
        if state is not Forced.READY and desk.status.state is SeatState.RESERVED:
            self._floor.offers.take_back_from(desk)

    def move_first(self, call_id: str, *, by: str, why: str) -> None:
        """A waiting caller goes before all others. `callers` tells the priority that does it: kept
        with the call, it makes him first again after a crash. Raises `UnknownCaller`."""
        self._floor.move_first(call_id)
        log.info("caller_moved_first", by=by, why=why, **self._ids(call_id))

    def callers(self) -> Sequence[CallerView]:
        """Everybody who waits, in the order of queueing."""
        entries = sorted(self._floor.entries.values(), key=lambda e: e.caller.queued_at)
        return [entry.view() for entry in entries]

    def alerts(self) -> Sequence[Alert]:
        """What supervisors have to know of, the oldest first."""
        return self._floor.alerts.current()

    def not_come(self, seat_id: str, since: datetime, shift: str, over: Callable[[], bool]) -> None:
        """A seat is due by the roster and missing: supervisors are told until `over` says that it
        has come. Raises nothing, also for a seat that isn't set up."""
        self._floor.alerts.give(AlertKind.NOT_COME, since, seat_id=seat_id, detail=shift, over=over)

    def messages_given_up(self, since: datetime, detail: str, over: Callable[[], bool]) -> None:
        """Messages to others weren't taken: supervisors are told until `over` says that none are
        left."""
        kind = AlertKind.MESSAGES_GIVEN_UP
        self._floor.alerts.give(kind, since, seat_id="", detail=detail, over=over)

    def acknowledge(self, alert_id: int, *, by: str) -> None:
        """A supervisor has seen an alert; raises `UnknownAlert`."""
        self._floor.alerts.acknowledge(alert_id, by)

    # --- boards

    def seats(self) -> Sequence[SeatView]:
        """Every seat with its state; an unchanged one is the same object as before."""
        return self._seats.views()

    def seat(self, seat_id: str) -> SeatView:
        """One seat; raises UnknownSeat."""
        return self._seats.desk(seat_id).view

    def waiting(self) -> WaitingView:
        """Who waits now, in total and per line."""
        return self._floor.lanes.view()

    def figures(self) -> dict[str, Any]:
        """The tenant's present day as plain values; see `figures_view`."""
        return figures_view(self._figures, self._clock.now())

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` soon after changes; returns what ends the subscription."""
        return self._floor.board.subscribe(watcher)

    # --- calls, as Asterisk's events tell of them

    def restore_talk(
        self,
        seat_id: str,
        call_id: str,
        caller: WaitingCaller | None = None,
        answered_at: datetime | None = None,
    ) -> None:
        """This call is talking with this seat, as seen on its living channels: the seat talks
        until `came_back` or `talk_ended_by_call`. `caller` is told once it is sure that the seat
        has answered, and makes the call count in the figures; when `answered_at` isn't known, what
        the last engine wrote of the seat is taken. What is known already changes nothing; what
        contradicts the queue (unknown seat, seat busy with another call, call still waiting) is
        logged."""
        self._floor.restore_talk(seat_id, call_id, caller, answered_at)

    def came_back(self, call_id: str) -> None:
        """The dialplan brought this call to an engine again: who is here doesn't talk, the end of
        his talk was not seen. Nothing happens for unknown calls."""
        self._floor.talking.end(call_id)

    def talk_ended_by_call(self, call_id: str) -> None:
        """The caller's channel is gone for good: his talk ends, and so does a place that his
        conversation failed to give up. Nothing happens for unknown calls."""
        self._floor.talking.end(call_id)
        entry = self._floor.entries.get(call_id)
        if entry is not None:
            self._floor.caller_left(entry, LeaveReason.ABANDONED)

    # --- callers (ivr.ports.Queue)

    def enter(self, caller: WaitingCaller, *, hold_s: float | None = None) -> Place:
        """Take a caller in. Entering again with the same call_id keeps the place he has (also an
        offer that is pending); the earlier session's handle can't touch it any more. `hold_s` is
        how long his offers may go without a report (`ring_s` + `ring_grace_s` unless given)."""
        return self._floor.enter(caller, hold_s)

    def staffed(self, needs: Requirement) -> bool:
        """Whether any seat that is set up, at work or not, could serve these needs."""
        return self._seats.staffing.staffed(needs)

    def at_work(self, needs: Requirement) -> bool:
        """Whether a seat that could serve these needs is at work now, free or not."""
        return any(at_work(view) and needs.met_by(view.seat.skills) for view in self.seats())

    # --- seats of talks that go on already

    def reserve(self, caller: WaitingCaller, seat_id: str) -> Aside:
        """This very seat for a talk: consulted, added, taking it over. See `AsidePlace`."""
        take_back = self._floor.offers.take_back_from
        return AsidePlace(self._seats, self._clock, take_back, caller, seat_id)

    def occupy(self, endpoint: str, call_id: str) -> Aside | None:
        """The seat with this endpoint is found in the talk of this call after a restart: it talks
        until the place's `talk_ended`. None when this tenant has no such seat."""
        seat_id = self.seat_at(endpoint)
        if not seat_id:
            return None
        take_back = self._floor.offers.take_back_from
        return occupied(self._seats, self._clock, take_back, call_id, seat_id)

    def seat_at(self, endpoint: str) -> str:
        """The seat with this SIP endpoint, "" when there is none."""
        views = self._seats.views()
        return next((v.seat.seat_id for v in views if v.seat.endpoint == endpoint), "")

    def _ids(self, call_id: str) -> dict[str, str]:
        return {"tenant": self.settings.tenant, "call_id": call_id}


def _figures_of_its_own(settings: QueueSettings, clock: Clock) -> Figures:
    """Counters that nobody stores."""
    now = clock.now()
    figures = Figures(settings.zone, lambda queue_id: settings.service_level_s, now)
    figures.restore(Stored(), figures.day(now))
    return figures
