"""What a talk is made of, and what it needs of the others (ports)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ivr.story import Story
from ivr.talk import TalkEvent, TalkStatus
from ivr.targets import Target
from queue_manager.model import LeaveReason, MissReason, Offer, WaitingCaller
from telephony.originate import Answer
from telephony.talks import LegSeen


class Switchboard(Protocol):
    """`telephony.talks.Switch`; raises `telephony.errors.TelephonyError`."""

    async def partners(self, call_id: str) -> Sequence[LegSeen]: ...

    async def legs(self, call_id: str) -> Sequence[LegSeen]: ...

    async def lives(self, leg_id: str) -> bool: ...

    async def mark(self, call_id: str, leg: LegSeen) -> None: ...

    async def write(self, channel: str, name: str, value: str) -> None: ...

    async def to_desk(self, leg: str) -> None: ...

    async def ring(
        self, endpoint: str, call_id: str, leg_id: str, *, ring_s: float, caller: str
    ) -> Answer: ...

    async def hang_up(self, leg_id: str) -> None: ...


class SidePlace(Protocol):
    """A seat's reservation, as far as a talk cares; `ivr.ports.Place` has more."""

    def next_offer(self) -> "asyncio.Future[Offer]": ...

    def missed(self, offer: Offer, reason: MissReason) -> None: ...

    def answered(self, offer: Offer) -> object: ...

    def talk_ended(self, offer: Offer) -> None: ...

    def leave(self, reason: LeaveReason) -> None: ...


class SideQueue(Protocol):
    """A tenant's queue, seen from its talks; seats are named as the tenant's calls name them."""

    def enter(self, caller: WaitingCaller) -> SidePlace:
        """Wait for a seat by skill (a consultation with a queue, an interpreter)."""
        ...

    def reserve(self, caller: WaitingCaller, seat_id: str) -> SidePlace:
        """This very seat; its `next_offer` fails with a QueueError when it can't be rung."""
        ...

    def occupy(self, endpoint: str, call_id: str) -> SidePlace | None:
        """A seat found in a talk after a restart; None when none of this tenant's has this
        endpoint."""
        ...

    def seat_at(self, endpoint: str) -> str:
        """The seat with this endpoint, "" when there is none."""
        ...


@dataclass(slots=True, eq=False)
class Engagement:
    """A seat that a talk has taken up: its reservation, given back when it leaves."""

    place: SidePlace
    offer: Offer | None = None
    answered: bool = False

    def rung(self, answer: bool, reason: MissReason = MissReason.NO_ANSWER) -> None:
        """It answered, or it didn't."""
        if self.offer is None:
            return
        if answer and not self.answered:
            self.answered = True
            self.place.answered(self.offer)
        elif not answer and not self.answered:
            self.place.missed(self.offer, reason)
            self.offer = None

    def release(self) -> None:
        """It leaves the talk."""
        offer, self.offer = self.offer, None
        if offer is not None and self.answered:
            self.place.talk_ended(offer)
        else:
            self.place.leave(LeaveReason.TRANSFERRED)


@dataclass(slots=True, eq=False)
class Observer:
    """A supervisor's telephone that listens, or whispers to the seat."""

    seat_id: str
    whisper: bool
    engagement: Engagement
    channel: str = ""


@dataclass(slots=True, eq=False)
class Talk:
    """One talk. `touched` once something was done with it; `engaged` by seat id; `parted` counts
    how often the citizen had to be somewhere else; `to` is where he is handed on to, `to_seat`
    that seat's reservation. `then` follows by itself as soon as the one who is called answers (one
    key for an emergency), `failed` is how the last call to somebody came to nothing, such as BUSY.
    `taken_over`: he comes straight from one seat to the next, without music in between.
    `lock` is held by whoever is asking for something."""

    story: Story
    since: datetime
    status: TalkStatus
    engaged: dict[str, Engagement] = field(default_factory=dict)
    observers: dict[str, Observer] = field(default_factory=dict)
    touched: bool = False
    parted: int = 0
    taken_over: bool = False
    to: Target | None = None
    to_seat: Engagement | None = None
    then: TalkEvent | None = None
    failed: str = ""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _changed: asyncio.Future[None] | None = None

    @property
    def call_id(self) -> str:
        """The citizen's call."""
        return self.story.info.call_id

    def change(self) -> asyncio.Future[None]:
        """Done at the next change of anything here."""
        if self._changed is None or self._changed.done():
            self._changed = asyncio.get_running_loop().create_future()
        return self._changed

    def wake(self) -> None:
        """Something has changed."""
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    async def until_without(self, leg_id: str) -> None:
        """Wait until this leg has no part in the talk any more."""
        while self.has(leg_id):
            await asyncio.shield(self.change())

    def has(self, leg_id: str) -> bool:
        """Whether this leg is one of the parties now."""
        third = self.status.third
        return leg_id == self.status.first.leg_id or (third is not None and leg_id == third.leg_id)


async def first_of(*either: "asyncio.Future[Any]") -> None:
    """Wait for one of several; none is cancelled."""
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
