"""A caller's place in the queue: what the queue keeps of it, and the handle a conversation holds.

The two are apart because a caller may come back in a newer session (his engine or its connection
went away) while the older session is still being cleaned up: the place is one, the handles are
two, and only the newest may touch it.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from queue_manager.errors import PlaceGone
from queue_manager.estimate import WaitEstimate
from queue_manager.model import LeaveReason, MissReason, Offer, WaitingCaller
from queue_manager.statistics import Slot


@dataclass(slots=True, eq=False)
class Entry:
    """A waiting caller as the queue knows him; `session` counts his handles."""

    caller: WaitingCaller
    slot: Slot
    session: int = 0
    offer: Offer | None = None
    waiter: asyncio.Future[Offer] | None = None
    ended: bool = False

    def give(self, offer: Offer) -> None:
        """Make an offer; whoever waits for it wakes."""
        self.offer = offer
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(offer)

    def dismiss(self, why: str) -> None:
        """Whoever waits for an offer gets `PlaceGone`."""
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(PlaceGone(f"call {self.caller.call_id}: {why}"))
            waiter.exception()  # seen: nobody needs to be told if nobody awaits it any more


class Host(Protocol):
    """The queue, seen from a place."""

    def position_of(self, entry: Entry) -> int: ...

    def estimate_of(self, entry: Entry) -> WaitEstimate | None: ...

    def offer_missed(self, entry: Entry, offer: Offer, reason: MissReason) -> None: ...

    def offer_answered(self, entry: Entry, offer: Offer) -> None: ...

    def talk_ended(self, offer: Offer) -> None: ...

    def caller_left(self, entry: Entry, reason: LeaveReason) -> None: ...


class Place:
    """One session's handle on a caller's place. A handle that a newer one has replaced does
    nothing any more, except that it may still report the end of its own talk."""

    __slots__ = ("_entry", "_host", "_session")

    def __init__(self, host: Host, entry: Entry) -> None:
        entry.session += 1
        entry.dismiss("taken over by a newer session")
        self._host = host
        self._entry = entry
        self._session = entry.session

    @property
    def current(self) -> bool:
        """True while the caller waits and this handle is his newest."""
        return not self._entry.ended and self._session == self._entry.session

    def next_offer(self) -> asyncio.Future[Offer]:
        """The next seat reserved for this caller, or the one that is still pending.

        Cancelling it, or dropping it unread, loses nothing: an offer stays pending until it is
        missed, answered or withdrawn by leaving. Fails with `PlaceGone` when the place has ended
        or is held by a newer session.
        """
        entry = self._entry
        if self.current and entry.waiter is not None and not entry.waiter.done():
            return entry.waiter
        waiter: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()
        if not self.current:
            waiter.set_exception(PlaceGone(f"call {entry.caller.call_id} has no place any more"))
            waiter.exception()  # as above
        elif entry.offer is not None:
            waiter.set_result(entry.offer)
        else:
            entry.waiter = waiter
        return waiter

    def position(self) -> int:
        """1 for the next to be served among those who compete for at least the same seats; 0
        once the place has ended."""
        return 0 if self._entry.ended else self._host.position_of(self._entry)

    def estimate(self) -> WaitEstimate | None:
        """How much longer he will probably wait; None when no seat on duty can serve him."""
        return None if self._entry.ended else self._host.estimate_of(self._entry)

    def missed(self, offer: Offer, reason: MissReason) -> None:
        """The offered seat didn't take the call: it cools down, the caller keeps his place."""
        if self.current:
            self._host.offer_missed(self._entry, offer, reason)

    def answered(self, offer: Offer) -> None:
        """The offered seat picked up: the talk begins."""
        if self.current:
            self._host.offer_answered(self._entry, offer)

    def talk_ended(self, offer: Offer) -> None:
        """The talk is over: the seat goes to wrap-up."""
        self._host.talk_ended(offer)

    def leave(self, reason: LeaveReason) -> None:
        """The caller leaves; a pending offer is withdrawn. Safe to call twice, and after a talk."""
        if self.current:
            self._host.caller_left(self._entry, reason)
