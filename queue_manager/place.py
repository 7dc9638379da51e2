"""A caller's place in the queue: the handle that a conversation holds on an `Entry`.

The two are apart because a caller may come back in a newer session (his engine or its connection
went away) while the older session is still being cleaned up: the place is one, the handles are
two, and only the newest may touch it.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from queue_manager.entry import Entry, Listener
from queue_manager.errors import PlaceGone
from queue_manager.estimate import WaitEstimate
from queue_manager.model import LeaveReason, MissReason, Offer, Suggestion, Verdict


class Place:
    """One session's handle on a caller's place. A handle that a newer one has replaced does
    nothing any more, except that it may still report the end of its own talk."""

    __slots__ = ("_entry", "_session")

    def __init__(self, entry: Entry) -> None:
        entry.session += 1
        entry.dismiss("taken over by a newer session")
        self._entry = entry
        self._session = entry.session

    @property
    def current(self) -> bool:
        """True while the caller waits and this handle is his newest."""
        return not self._entry.ended and self._session == self._entry.session

    def next_offer(self) -> asyncio.Future[Offer]:
        """The next seat reserved for this caller, or the one that is still pending.

        Cancelling it, or dropping it unread, loses nothing: an offer stays pending until it is
        missed, answered, taken back or withdrawn by leaving. Fails with `PlaceGone` when the place
        has ended or is held by a newer session.
        """
        entry = self._entry
        if self.current and entry.away:
            entry.floor.asks_again(entry)
        if self.current and entry.waiter is not None and not entry.waiter.done():
            return entry.waiter
        waiter: asyncio.Future[Offer] = self._future()
        if waiter.done():
            return waiter
        if entry.offer is not None:
            waiter.set_result(entry.offer)
        else:
            entry.waiter = waiter
        return waiter

    def next_suggestion(self) -> asyncio.Future[Suggestion]:
        """What a step of the rules wants him to be offered next, or what it wanted meanwhile; each
        is told once. Cancelling loses nothing that isn't done. Fails as `next_offer` does."""
        entry = self._entry
        pending = entry.suggestion_waiter
        if self.current and pending is not None and not pending.done():
            return pending
        waiter: asyncio.Future[Suggestion] = self._future()
        if waiter.done():
            return waiter
        if entry.suggestion is not None:
            waiter.set_result(entry.suggestion)
            entry.suggestion = None
        else:
            entry.suggestion_waiter = waiter
        return waiter

    def taken_back(self, offer: Offer) -> asyncio.Future[None]:
        """Done as soon as the queue takes this offer back (a supervisor, a lost telephone, no
        report in time): the seat shall ring no longer, ask for the next offer. Done at once when
        the offer isn't pending. Fails as `next_offer` does."""
        entry = self._entry
        waiter: asyncio.Future[None] = self._future()
        if waiter.done():
            return waiter
        if entry.offer is None or entry.offer.token != offer.token:
            waiter.set_result(None)
        elif entry.back_waiter is not None and not entry.back_waiter.done():
            return entry.back_waiter
        else:
            entry.back_waiter = waiter
        return waiter

    def listen(self, listener: Listener) -> None:
        """Be called from now on; what is pending is told at once. One listener per session."""
        entry = self._entry
        if not self.current:
            listener.gone("no place any more")
            return
        entry.listener = listener
        pending = entry.offer
        if entry.away:
            entry.floor.asks_again(entry)  # tells of a new offer itself
        if pending is not None:
            listener.offered(pending)
        if entry.suggestion is not None:
            suggestion, entry.suggestion = entry.suggestion, None
            listener.suggested(suggestion)

    def when_moved(self, told: Callable[[int], None]) -> None:
        """Have `told` called with his new priority whenever a supervisor moves him up: kept with
        the call, it makes him first again after a crash. Called inline; returns at once."""
        if self.current:
            self._entry.moved = told

    def set_aside(self) -> None:
        """Nobody leads him for the moment (his engine is away): he keeps his place and what rings,
        but is made no offer until `next_offer` or `listen` is called, by this session or another.
        """
        if self.current:
            self._entry.floor.set_aside(self._entry)

    def position(self) -> int:
        """1 for the next to be served among those who compete for at least the same seats; 0
        once the place has ended."""
        return 0 if self._entry.ended else self._entry.floor.position_of(self._entry)

    def estimate(self) -> WaitEstimate | None:
        """How much longer he will probably wait; None when no seat on duty can serve him."""
        return None if self._entry.ended else self._entry.floor.estimate_of(self._entry)

    def missed(self, offer: Offer, reason: MissReason) -> None:
        """The offered seat didn't take the call: it cools down, the caller keeps his place."""
        if self.current:
            self._entry.floor.offer_missed(self._entry, offer, reason)

    def answered(self, offer: Offer) -> Verdict:
        """The offered seat picked up. TALK: the talk begins (or has begun, when this is reported
        twice). REFUSED: it came too late and the seat is not his; end the seat's leg."""
        if self.current:
            return self._entry.floor.offer_answered(self._entry, offer)
        return Verdict.TALK if self._entry.floor.talks(offer) else Verdict.REFUSED

    def talk_ended(self, offer: Offer) -> None:
        """The talk is over: the seat goes to wrap-up."""
        self._entry.floor.talk_ended(offer)

    def leave(self, reason: LeaveReason) -> None:
        """The caller leaves; a pending offer is withdrawn. Safe to call twice, and after a talk."""
        if self.current:
            self._entry.floor.caller_left(self._entry, reason)

    def _future(self) -> asyncio.Future[Any]:
        """A future that has failed already when this handle is of no use any more."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if not self.current:
            future.set_exception(
                PlaceGone(f"call {self._entry.caller.call_id} has no place any more")
            )
            future.exception()  # seen, as above
        return future
