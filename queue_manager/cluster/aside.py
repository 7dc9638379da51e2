"""Seats rung by name for a talk, where the matcher may be another engine's.

There is no question and answer with the leader: the seat is taken for talking from the ring on, in
the words that tell of a talk found alive, which every new leader is told again. So it is offered to
nobody, here or there; only that no cool-down follows a ring in vain.
"""

import asyncio
from typing import Protocol

from queue_manager.aside import SeatNotFree
from queue_manager.errors import PlaceGone, QueueError
from queue_manager.model import LeaveReason, MissReason, Offer, SeatState, SeatView, WaitingCaller
from queue_manager.ports import Clock

_MAY_BE_RUNG = frozenset({SeatState.READY, SeatState.PAUSED})


class Talking(Protocol):
    """The queue at a distance, as far as it matters here; `seat` raises UnknownSeat."""

    def seat(self, seat_id: str) -> SeatView: ...

    def restore_talk(self, seat_id: str, call_id: str) -> None: ...

    def talk_ended_by_call(self, call_id: str) -> None: ...

    def rang_in_vain(self, seat_id: str, call_id: str) -> None: ...


class FarAside:
    """As `AsidePlace`."""

    __slots__ = (
        "_caller",
        "_clock",
        "_held",
        "_node",
        "_offered",
        "_queue",
        "_seat_id",
        "_talked",
    )

    def __init__(
        self, queue: Talking, node: str, clock: Clock, caller: WaitingCaller, seat_id: str
    ) -> None:
        self._queue = queue
        self._node = node
        self._clock = clock
        self._caller = caller
        self._seat_id = seat_id
        self._offered = False
        self._held = False
        self._talked = False

    def next_offer(self) -> asyncio.Future[Offer]:
        """As `AsidePlace.next_offer`."""
        told: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()
        try:
            told.set_result(self._offer())
        except QueueError as error:
            told.set_exception(error)
            told.exception()  # seen: whoever awaits it is told, nobody has to
        return told

    def position(self) -> int:
        """Nobody is ahead."""
        return 0

    def missed(self, offer: Offer, reason: MissReason) -> None:
        """It didn't take the call."""
        self._let_go()

    def answered(self, offer: Offer) -> None:
        """It picked up: it was taken for talking already."""
        self._talked = True

    def talk_ended(self, offer: Offer) -> None:
        """It left the talk."""
        self._let_go()

    def leave(self, reason: LeaveReason) -> None:
        """It isn't wanted any more."""
        self._let_go()

    def hold(self) -> None:
        """It talks, and nobody else is offered to it."""
        self._held = True
        self._queue.restore_talk(self._seat_id, self._key)

    @property
    def _key(self) -> str:
        """The citizen's own call is his first seat's."""
        return f"{self._caller.call_id}.{self._seat_id}"

    def _offer(self) -> Offer:
        if self._offered:
            raise PlaceGone(f"seat {self._seat_id} was offered once, and once only")
        view = self._queue.seat(self._seat_id)
        if view.state not in _MAY_BE_RUNG:
            raise SeatNotFree(f"seat {self._seat_id} is {view.state}")
        self._offered = True
        self.hold()
        node = view.node if view.node != self._node else ""
        return Offer(0, self._caller, view.seat, self._clock.now(), node)

    def _let_go(self) -> None:
        if not self._held:
            return
        self._held = False
        if self._talked:
            self._queue.talk_ended_by_call(self._key)
        else:
            self._queue.rang_in_vain(self._seat_id, self._key)
