"""The queue of one tenant as one engine of many sees it: its own callers, and a leader elsewhere.

`ClusterQueue` can all that `QueueService` can. What concerns this node's callers, telephones and
talks is kept here and told to whoever leads; the rest is asked there, or read from what the leader
tells for boards. So a caller's place outlives every leader: it is here, and on his channel. Where
this engine leads itself, `near` is the matching service, and boards read that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from queue_manager.board import Board, Watcher
from queue_manager.cluster.aside import FarAside
from queue_manager.cluster.far_board import FarBoard
from queue_manager.cluster.legs import Legs
from queue_manager.cluster.messages import (
    CHUNK,
    Answered,
    AskedAgain,
    BoardTold,
    CallOver,
    Entered,
    Held,
    Known,
    Left,
    Message,
    Missed,
    MovedUp,
    Offered,
    PhoneSeen,
    PlaceOver,
    PlacesAsked,
    PlaceSeen,
    PlacesTold,
    SeatFree,
    SeatHeld,
    Suggested,
    TalkFound,
    Withdrawn,
)
from queue_manager.cluster.wishing import Wishing
from queue_manager.desk import at_work
from queue_manager.entry import Entry, Track
from queue_manager.errors import (
    UnknownSeat,
)
from queue_manager.estimate import WaitEstimate
from queue_manager.model import (
    Alert,
    CallerView,
    LeaveReason,
    MissReason,
    Offer,
    QueueSettings,
    Requirement,
    Seat,
    SeatView,
    Verdict,
    WaitingCaller,
    WaitingView,
)
from queue_manager.place import Place
from queue_manager.ports import Clock
from queue_manager.rules import Rules
from queue_manager.service import QueueService
from queue_manager.steps import Way

LEFT_KEPT = 10_000

log = structlog.get_logger(__name__)


class ClusterQueue(Wishing):
    """`tell` reaches the present leader; it is called only between `report` and `parted`."""

    def __init__(
        self, settings: QueueSettings, node: str, clock: Clock, tell: Callable[[Message], None]
    ) -> None:
        self.begin_wishing(settings, tell)
        self.node = node
        self.ask_near: Callable[[Iterable[str]], Iterable[PlaceSeen]] | None = None
        self.seat_list: tuple[Seat, ...] = ()
        self.rules: Mapping[str, Rules] = {}
        self._clock = clock
        self._board = Board()
        self._waiting: dict[str, Entry] = {}
        self._talking: dict[str, Held] = {}
        self.legs = Legs(settings.tenant, self.seat_at, self._say)
        self._reachable: set[str] = set()
        self._endpoints: dict[str, str] = {}
        self._left: dict[str, LeaveReason] = {}
        self._places: dict[str, PlaceSeen] = {}
        self._missed: dict[str, int] = {}
        self._far = FarBoard()
        self._staffed: dict[Requirement, bool] = {}

    @property
    def told_figures(self) -> Mapping[str, Any] | None:
        """The day's figures as the leader told them; None where we lead, or nobody does."""
        return self._far.figures

    # --- the leader comes and goes

    def report(self) -> Iterator[Known]:
        """All that this node knows, for a leader who takes it in; from now on he is told."""
        tenant = self.settings.tenant
        self._heard = True
        waiting = [entry.caller for entry in self._waiting.values()]
        ringing = [
            Held(entry.offer.seat.seat_id, call_id, entry.offer.token)
            for call_id, entry in self._waiting.items()
            if entry.offer is not None
        ]
        phones = sorted(self._reachable & self._endpoints.keys())
        yield Known(
            tenant,
            talks=tuple(self._talking.values()),
            legs=tuple(self.legs.held.values()),
            left=tuple(self._left.items()),
        )
        for start in range(0, len(waiting), CHUNK):
            part = waiting[start : start + CHUNK]
            ids = {caller.call_id for caller in part}
            rung = tuple(held for held in ringing if held.call_id in ids)
            yield Known(tenant, waiting=tuple(part), ringing=rung)
        for start in range(0, len(phones), CHUNK):
            yield Known(tenant, phones=tuple(phones[start : start + CHUNK]))
        self._left.clear()
        self._missed.clear()

    def reported(self) -> None:
        """The leader has it: what was wished for meanwhile is asked now."""
        wishes, self._wishes = self._wishes, []
        for wish in wishes:
            self._tell(wish)

    def parted(self) -> None:
        """Nobody leads us at the moment. Seats that ring go on ringing."""
        self._heard = False
        self._far.figures = None
        self._places.clear()

    def part_from(self, service: QueueService) -> None:
        """This engine leads no more: what its service knew last is kept for boards, and for
        whoever leads next."""
        self._far.keep(service)
        self.near = self.ask_near = None
        self.parted()

    def hear_from_leader(self, message: Message) -> None:
        """One message of the leader for this tenant."""
        match message:
            case Offered():
                self._offered(message.offer)
            case Withdrawn():
                entry = self._waiting.get(message.call_id)
                if entry is not None and entry.offer and entry.offer.token == message.token:
                    entry.take_back(entry.offer)
            case Suggested():
                if entry := self._waiting.get(message.call_id):
                    entry.suggest(message.suggestion)
            case MovedUp():
                if entry := self._waiting.get(message.call_id):
                    entry.move_up(message.priority)
            case PlaceOver():
                if entry := self._waiting.get(message.call_id):
                    self._forget(entry, message.why)
            case SeatHeld():
                self.legs.hold(message.held)
            case SeatFree():
                self.legs.free(message.held)
            case PlacesTold():
                self._places.update((place.call_id, place) for place in message.places)
            case BoardTold():
                self._far.take(message)
                self._board.changed()
            case _:
                log.warning("cluster_message_unexpected", kind=message.kind)

    def ask_places(self) -> None:
        """Have the leader tell where this node's callers stand (called now and then)."""
        if self.near is not None or not self._heard:
            return
        for call_id in self._places.keys() - self._waiting.keys():
            del self._places[call_id]
        ids = [call_id for call_id, entry in self._waiting.items() if entry.offer is None]
        for start in range(0, len(ids), CHUNK):
            self._tell(PlacesAsked(self.settings.tenant, tuple(ids[start : start + CHUNK])))

    # --- set-up and phones

    async def start(
        self, seats: Iterable[Seat], views: Iterable[SeatView], *, above: int = 0
    ) -> None:
        self._far.seats = {view.seat.seat_id: view for view in views}
        self.set_seats(seats)

    def close(self) -> None:
        self._board.close()

    def set_seats(self, seats: Iterable[Seat]) -> None:
        self.seat_list = tuple(seats)
        before = self._endpoints
        self._endpoints = {seat.endpoint: seat.seat_id for seat in self.seat_list}
        self._staffed.clear()
        self._far.set_seats(self.seat_list, self._clock.now())
        if self.near is not None:
            self.near.set_seats(self.seat_list)
        for endpoint in (self._endpoints.keys() - before.keys()) & self._reachable:
            self._say(PhoneSeen(self.settings.tenant, endpoint, True))
        self._board.changed()

    def set_rules(self, rules: Mapping[str, Rules]) -> None:
        self.rules = rules
        if self.near is not None:
            self.near.set_rules(rules)

    def meet(self, queues: Mapping[str, QueueService]) -> None:
        """Nothing to do: the leader's services meet each other."""

    def endpoint_reachable(self, endpoint: str, reachable: bool, node: str = "") -> None:
        if reachable:
            self._reachable.add(endpoint)
        else:
            self._reachable.discard(endpoint)
        if endpoint in self._endpoints:
            self._say(PhoneSeen(self.settings.tenant, endpoint, reachable))

    def second_phone(self, endpoint: str, phones: str) -> None:
        if endpoint in self._endpoints:
            self._say(PhoneSeen(self.settings.tenant, endpoint, True, second=phones))

    def hear(self, hears: bool) -> None:
        if self.near is not None:
            self.near.hear(hears)

    # --- boards

    def callers(self) -> Sequence[CallerView]:
        return self._far.callers if self.near is None else self.near.callers()

    def alerts(self) -> Sequence[Alert]:
        return self._far.alerts if self.near is None else self.near.alerts()

    def not_come(self, seat_id: str, since: datetime, shift: str, over: Callable[[], bool]) -> None:
        if self.near is not None:  # the leader looks at the same roster
            self.near.not_come(seat_id, since, shift, over)

    def messages_given_up(self, since: datetime, detail: str, over: Callable[[], bool]) -> None:
        if self.near is not None:  # the leader looks at the same messages
            self.near.messages_given_up(since, detail, over)

    def seats(self) -> Sequence[SeatView]:
        return tuple(self._far.seats.values()) if self.near is None else self.near.seats()

    def seat(self, seat_id: str) -> SeatView:
        if self.near is not None:
            return self.near.seat(seat_id)
        try:
            return self._far.seats[seat_id]
        except KeyError:
            raise UnknownSeat(f"tenant {self.settings.tenant} has no seat {seat_id!r}") from None

    def waiting(self) -> WaitingView:
        return self._far.waiting if self.near is None else self.near.waiting()

    def figures(self) -> dict[str, Any]:
        return self.near.figures() if self.near is not None else dict(self._far.figures or {})

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        return self._board.subscribe(watcher)

    def changed(self) -> None:
        """What boards show has changed (where this engine leads itself)."""
        self._board.changed()

    # --- calls, as Asterisk's events tell of them

    def restore_talk(
        self,
        seat_id: str,
        call_id: str,
        caller: WaitingCaller | None = None,
        answered_at: datetime | None = None,
    ) -> None:
        if call_id in self._waiting:
            log.warning("found_talk_refused", seat=seat_id, call_id=call_id)
        elif caller is not None or call_id not in self._talking:
            self._talking.setdefault(call_id, Held(seat_id, call_id))
            self._say(TalkFound(self.settings.tenant, seat_id, call_id, caller, answered_at))

    def came_back(self, call_id: str) -> None:
        self._talking.pop(call_id, None)
        self._say(CallOver(self.settings.tenant, call_id))

    def talk_ended_by_call(self, call_id: str) -> None:
        talked = self._talking.pop(call_id, None)
        entry = self._waiting.get(call_id)
        if entry is not None:
            self.caller_left(entry, LeaveReason.ABANDONED)
        elif talked is not None:
            self._say(CallOver(self.settings.tenant, call_id, gone=True))

    # --- callers (ivr.ports.Queue)

    def enter(self, caller: WaitingCaller, *, hold_s: float | None = None) -> Place:
        entry = self._waiting.get(caller.call_id)
        if entry is not None:
            return Place(entry)
        self._talking.pop(caller.call_id, None)
        here = replace(caller, node=self.node)
        entry = self._waiting[caller.call_id] = Entry(self, here, here, 0.0, 0.0, _NO_TRACK)
        place = Place(entry)
        self._say(Entered(here, hold_s))
        return place

    def reserve(self, caller: WaitingCaller, seat_id: str) -> FarAside:
        return FarAside(self, self.node, self._clock, caller, seat_id)

    def occupy(self, endpoint: str, call_id: str) -> FarAside | None:
        seat_id = self.seat_at(endpoint)
        if not seat_id:
            return None
        caller = WaitingCaller(self.settings.tenant, call_id, "", Requirement(), self._clock.now())
        place = FarAside(self, self.node, self._clock, caller, seat_id)
        place.hold()
        place.answered(Offer(0, caller, self.seat(seat_id).seat, caller.queued_at))
        return place

    def rang_in_vain(self, seat_id: str, call_id: str) -> None:
        """A seat that was taken for talking while it rang by name hasn't answered: it rests."""
        if self._talking.pop(call_id, None) is not None:
            self._say(CallOver(self.settings.tenant, call_id, rang=seat_id))

    def seat_at(self, endpoint: str) -> str:
        return self._endpoints.get(endpoint, "")

    def staffed(self, needs: Requirement) -> bool:
        known = self._staffed.get(needs)
        if known is None:
            known = any(needs.met_by(seat.skills) for seat in self.seat_list)
            self._staffed[needs] = known
        return known

    def at_work(self, needs: Requirement) -> bool:
        return any(at_work(view) and needs.met_by(view.seat.skills) for view in self.seats())

    # --- places (queue_manager.entry.Host)

    def position_of(self, entry: Entry) -> int:
        """As the leader told last; 1 while nothing is known."""
        seen = self._seen(entry)
        return seen.position if seen is not None else 1

    def estimate_of(self, entry: Entry) -> WaitEstimate | None:
        """As the leader told last."""
        seen = self._seen(entry)
        if seen is None or seen.low_s is None or seen.high_s is None:
            return None
        return WaitEstimate(seen.low_s, seen.high_s)

    def asks_again(self, entry: Entry) -> None:
        """An offer was taken back, and the next one is waited for."""
        entry.away = False
        self._say(AskedAgain(self.settings.tenant, entry.caller.call_id))

    def set_aside(self, entry: Entry) -> None:
        """Nothing to do: the leader sets callers aside whose node is away."""

    def offer_missed(self, entry: Entry, offer: Offer, reason: MissReason) -> None:
        """The seat didn't take the call."""
        if entry.offer is None or entry.offer.token != offer.token:
            return
        entry.offer = None
        self._missed[entry.caller.call_id] = offer.token
        self._say(Missed(self.settings.tenant, entry.caller.call_id, offer.token, reason))

    def offer_answered(self, entry: Entry, offer: Offer) -> Verdict:
        """The seat took the call; or had it taken back a moment ago and they hear each other."""
        token = entry.offer.token if entry.offer is not None else entry.taken_back
        if token != offer.token:
            log.warning("late_report_refused", report="answered", token=offer.token)
            return Verdict.REFUSED
        call_id = entry.caller.call_id
        self._forget(entry, "no longer waiting")
        self._talking[call_id] = Held(offer.seat.seat_id, call_id, offer.token)
        self._say(Answered(self.settings.tenant, call_id, offer.token))
        return Verdict.TALK

    def talk_ended(self, offer: Offer) -> None:
        """The talk of this very offer is over."""
        if self.talks(offer):
            self.came_back(offer.caller.call_id)

    def talks(self, offer: Offer) -> bool:
        """Whether the talk of this very offer goes on."""
        talk = self._talking.get(offer.caller.call_id)
        return talk is not None and talk.token == offer.token

    def caller_left(self, entry: Entry, reason: LeaveReason) -> None:
        """The caller gives up his place."""
        call_id = entry.caller.call_id
        self._forget(entry, "no longer waiting")
        if self._heard:
            self._tell(Left(self.settings.tenant, call_id, reason))
        elif len(self._left) < LEFT_KEPT:
            self._left[call_id] = reason

    # --- inside

    def _offered(self, offer: Offer) -> None:
        call_id = offer.caller.call_id
        entry = self._waiting.get(call_id)
        if entry is None or self._missed.get(call_id) == offer.token:
            return  # he has left, or has been there and missed: the leader is being told
        if entry.offer is None:
            entry.give(offer)
        elif entry.offer.token != offer.token:
            log.warning("second_offer_refused", call_id=call_id, token=offer.token)
            self._say(Missed(self.settings.tenant, call_id, offer.token, MissReason.RESCINDED))

    def _forget(self, entry: Entry, why: str) -> None:
        entry.ended = True
        entry.offer = None
        entry.dismiss(why)
        self._waiting.pop(entry.caller.call_id, None)
        self._places.pop(entry.caller.call_id, None)
        self._missed.pop(entry.caller.call_id, None)

    def _seen(self, entry: Entry) -> PlaceSeen | None:
        call_id = entry.caller.call_id
        if self.ask_near is not None:
            return next(iter(self.ask_near((call_id,))), None)
        return self._places.get(call_id)

    def _say(self, message: Message) -> None:
        """Tell the leader; without one it is in what we report to the next."""
        if self._heard:
            self._tell(message)


_NO_TRACK = Track(Way({}, "", ""), [])
