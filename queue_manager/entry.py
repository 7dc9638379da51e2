"""A waiting caller as the queue knows him, and what he is told. See `queue_manager.place`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from queue_manager.deadlines import Line
from queue_manager.errors import PlaceGone
from queue_manager.estimate import WaitEstimate
from queue_manager.model import (
    CallerView,
    LeaveReason,
    MissReason,
    Offer,
    Requirement,
    Suggestion,
    Verdict,
    WaitingCaller,
)
from queue_manager.steps import Standing, Way


class Listener(Protocol):
    """Whoever would rather be called than wait: one that leads a caller from another process.
    Called inline; returns at once."""

    def offered(self, offer: Offer) -> None:
        """A seat is reserved for him."""
        ...

    def taken_back(self, offer: Offer) -> None:
        """The queue took the offer back: the seat shall ring for him no longer."""
        ...

    def suggested(self, suggestion: Suggestion) -> None:
        """The rules want this to be offered to him."""
        ...

    def moved(self, priority: int) -> None:
        """A supervisor has moved him up: by this priority he is first."""
        ...

    def gone(self, why: str) -> None:
        """The handle is of no use any more: he left, talks, or is led by another."""
        ...


@dataclass(slots=True, eq=False)
class Track:
    """The way that lies before the callers of one queue, and the lines of deadlines of its steps:
    one per step, since all who wait for the same step wait equally long."""

    way: Way
    lines: "list[Line[Entry]]"


@dataclass(slots=True, eq=False)
class Entry:
    """A waiting caller as the queue knows him; `session` counts his handles.

    `origin` is the caller as he first came, `caller` as he waits in this tenant (they differ after
    an overflow to another one). `queued_s` is his queueing in the loop's time; `taken` steps of
    his `track` lie behind him (-1: to be reckoned anew), `alarm` is the number of the next one's
    deadline and `ring` of his offer's. `away`: an offer was taken back and his conversation hasn't
    asked for the next one yet, so that none is made. `avoid` is the seat that missed him last,
    until `avoid_until_s`; `taken_back` the token of the offer that was taken back last; `moved` is
    called with his new priority when he is moved up; `lane` is where he is counted.
    """

    floor: "Host"
    origin: WaitingCaller
    caller: WaitingCaller
    queued_s: float
    hold_s: float
    track: Track
    taken: int = 0
    standing: Standing | None = None
    alarm: int = 0
    ring: int = 0
    session: int = 0
    offer: Offer | None = None
    waiter: asyncio.Future[Offer] | None = None
    ended: bool = False
    away: bool = False
    first: bool = False
    avoid: str = ""
    avoid_until_s: float = 0.0
    taken_back: int = 0
    back_waiter: asyncio.Future[None] | None = None
    suggestion: Suggestion | None = None
    suggestion_waiter: asyncio.Future[Suggestion] | None = None
    told: tuple[Suggestion, ...] = ()
    listener: Listener | None = None
    moved: Callable[[int], None] | None = None
    lane: object = None

    @property
    def needs(self) -> Requirement:
        """What he needs by now."""
        return self.caller.needs if self.standing is None else self.standing.needs

    @property
    def queue_id(self) -> str:
        """The queue by whose rules he goes on."""
        return self.caller.queue_id if self.standing is None else self.standing.queue_id

    def view(self) -> CallerView:
        """The caller as supervisors see him."""
        caller = self.caller
        return CallerView(
            caller.call_id,
            caller.line_id,
            self.queue_id,
            caller.queued_at,
            str(self.needs),
            caller.priority,
            max(self.taken, 0),
            "" if self.offer is None else self.offer.seat.seat_id,
            caller.callback,
            self.first,
        )

    def give(self, offer: Offer) -> None:
        """Make an offer; whoever waits for it wakes."""
        self.offer = offer
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(offer)
        if self.listener is not None:
            self.listener.offered(offer)

    def take_back(self, offer: Offer) -> None:
        """The offer is taken back by the queue; whoever rings the seat is told."""
        self.offer = None
        self.ring = 0
        self.away = True
        self.taken_back = offer.token
        waiter, self.back_waiter = self.back_waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if self.listener is not None:
            self.listener.taken_back(offer)

    def suggest(self, suggestion: Suggestion) -> None:
        """Something is to be offered to him; a newer suggestion takes an older one's place."""
        self.told = (*self.told, suggestion)
        waiter, self.suggestion_waiter = self.suggestion_waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(suggestion)
        elif self.listener is None:
            self.suggestion = suggestion
        if self.listener is not None:
            self.listener.suggested(suggestion)

    def move_up(self, priority: int) -> None:
        """A supervisor has put him before all others; whoever leads him keeps it with the call."""
        self.first = True
        self.caller = replace(self.caller, priority=priority)
        if self.moved is not None:
            self.moved(priority)
        if self.listener is not None:
            self.listener.moved(priority)

    def dismiss(self, why: str) -> None:
        """Whoever waits for something gets `PlaceGone`."""
        for waiter in (self.waiter, self.suggestion_waiter, self.back_waiter):
            if waiter is not None and not waiter.done():
                waiter.set_exception(PlaceGone(f"call {self.caller.call_id}: {why}"))
                waiter.exception()  # seen: nobody needs to be told if nobody awaits it any more
        self.waiter = self.suggestion_waiter = self.back_waiter = self.moved = None
        listener, self.listener = self.listener, None
        if listener is not None:
            listener.gone(why)


class Host(Protocol):
    """The queue, seen from a place."""

    def position_of(self, entry: Entry) -> int: ...

    def estimate_of(self, entry: Entry) -> WaitEstimate | None: ...

    def asks_again(self, entry: Entry) -> None: ...

    def set_aside(self, entry: Entry) -> None: ...

    def offer_missed(self, entry: Entry, offer: Offer, reason: MissReason) -> None: ...

    def offer_answered(self, entry: Entry, offer: Offer) -> Verdict: ...

    def talk_ended(self, offer: Offer) -> None: ...

    def caller_left(self, entry: Entry, reason: LeaveReason) -> None: ...

    def talks(self, offer: Offer) -> bool: ...
