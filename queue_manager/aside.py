"""Seats that are rung for a talk that goes on already: consulted, added, taking it over.

They are reserved by name, not matched, and nobody waits for them in the queue: its figures of
waiting know nothing of it. To the seat it is a reservation like any other, with its fencing token,
so that nobody else is offered to it meanwhile, and it wraps up when it leaves the talk.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog

from queue_manager.desk import Desk
from queue_manager.errors import (
    ImpossibleEvent,
    PlaceGone,
    QueueError,
    StaleToken,
    UnknownSeat,
)
from queue_manager.model import (
    LeaveReason,
    MissReason,
    Offer,
    Requirement,
    SeatState,
    WaitingCaller,
)
from queue_manager.ports import Clock
from queue_manager.reservation import SeatEvent
from queue_manager.seats import Seats

log = structlog.get_logger(__name__)


class SeatNotFree(QueueError):
    """The seat is busy, or its telephone isn't there: it can't be rung."""

    id = "seat-not-free"


class Aside(Protocol):
    """A seat by name for one talk, in the words of a place in the queue."""

    def next_offer(self) -> "asyncio.Future[Offer]":
        """The seat, reserved; once. Fails with UnknownSeat, SeatNotFree, or (asked again)
        PlaceGone."""
        ...

    def missed(self, offer: Offer, reason: MissReason) -> None:
        """It didn't take the call."""
        ...

    def answered(self, offer: Offer) -> None:
        """It picked up."""
        ...

    def talk_ended(self, offer: Offer) -> None:
        """It left the talk; a second word of it changes nothing."""
        ...

    def leave(self, reason: LeaveReason) -> None:
        """It isn't wanted any more: its ringing, or its talk, is over."""
        ...


class AsidePlace:
    """`Aside` at the matcher itself.

    `caller` is the citizen of the talk. A paused seat may be rung, too (a supervisor mostly is): it
    is taken for talking when it answers, and should it have been offered a caller meanwhile, that
    offer is taken back (`take_back`).
    """

    __slots__ = (
        "_caller",
        "_clock",
        "_offer",
        "_seat_id",
        "_seats",
        "_take_back",
        "_talking",
        "_token",
    )

    def __init__(
        self,
        seats: Seats,
        clock: Clock,
        take_back: Callable[[Desk], None],
        caller: WaitingCaller,
        seat_id: str,
    ) -> None:
        self._take_back = take_back
        self._seats = seats
        self._clock = clock
        self._caller = caller
        self._seat_id = seat_id
        self._offer: Offer | None = None
        self._token = 0
        self._talking = False

    def next_offer(self) -> asyncio.Future[Offer]:
        """The seat, reserved; once. Fails with UnknownSeat, SeatNotFree, or (asked again)
        PlaceGone."""
        told: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()
        try:
            told.set_result(self._reserve())
        except QueueError as error:
            told.set_exception(error)
            told.exception()  # seen: whoever awaits it is told, nobody has to
        return told

    def position(self) -> int:
        """Nobody is ahead."""
        return 0

    def missed(self, offer: Offer, reason: MissReason) -> None:
        """It didn't take the call: it cools down."""
        self._ends(SeatEvent.MISSED, reason)

    def answered(self, offer: Offer) -> None:
        """It picked up."""
        with self._guarded("answered"):
            desk = self._seats.desk(self._seat_id)
            if self._token:
                self._seats.happens(desk, SeatEvent.ANSWERED, token=self._token)
            else:
                if desk.status.state is SeatState.RESERVED:
                    self._take_back(desk)
                self._token = self._seats.find_talk(desk, self._caller.call_id)
            self._talking = True

    def talk_ended(self, offer: Offer) -> None:
        """It left the talk: it wraps up. A second word of it changes nothing."""
        if self._talking:
            self._ends(SeatEvent.TALK_ENDED)

    def leave(self, reason: LeaveReason) -> None:
        """It isn't wanted any more: its ringing, or its talk, is over."""
        self._ends(SeatEvent.TALK_ENDED if self._talking else SeatEvent.WITHDRAWN)

    def _reserve(self) -> Offer:
        if self._offer is not None:
            raise PlaceGone(f"seat {self._seat_id} was offered once, and once only")
        desk = self._seats.desk(self._seat_id)
        if desk.status.state is SeatState.READY:
            self._token = self._seats.reserve(desk, self._caller.call_id)
        elif desk.status.state is not SeatState.PAUSED:
            raise SeatNotFree(f"seat {self._seat_id} is {desk.status.state}")
        node = desk.node if desk.node != self._caller.node else ""
        self._offer = Offer(self._token, self._caller, desk.seat, self._clock.now(), node)
        return self._offer

    def _ends(self, event: SeatEvent, reason: str = "") -> None:
        token, self._token, self._talking = self._token, 0, False
        if token:
            with self._guarded(event):
                desk = self._seats.desk(self._seat_id)
                self._seats.happens(desk, event, token=token, reason=reason)

    @contextmanager
    def _guarded(self, report: str) -> Iterator[None]:
        """What came too late (the seat was taken out, or is busy with something newer) is told in
        the log; the talk itself isn't touched by it."""
        try:
            yield
        except (ImpossibleEvent, StaleToken, UnknownSeat) as error:
            log.warning(
                "late_report_refused",
                report=report,
                seat=self._seat_id,
                call_id=self._caller.call_id,
                reason=str(error),
            )


def occupied(
    seats: Seats, clock: Clock, take_back: Callable[[Desk], None], call_id: str, seat_id: str
) -> AsidePlace:
    """A seat that is found in a talk after a restart: taken for talking at once."""
    now, seat = clock.now(), seats.desk(seat_id).seat
    caller = WaitingCaller(seat.tenant, call_id, "", Requirement(), now)
    place = AsidePlace(seats, clock, take_back, caller, seat_id)
    place.answered(Offer(0, caller, seat, now))
    return place
