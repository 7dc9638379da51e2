"""Who talks with whom, from the answer until the seat wraps up; found ones after a restart too."""

from dataclasses import dataclass
from datetime import datetime

from queue_manager.desk import Desk
from queue_manager.model import Offer, WaitingCaller
from queue_manager.ports import Clock
from queue_manager.reservation import SeatEvent
from queue_manager.seats import Seats
from queue_manager.tally import Tally


@dataclass(slots=True, eq=False)
class Talk:
    """A caller and a seat who talk. `offered` is the token that the conversation knows, `token`
    the seat's; they differ when the answer came late. `caller` is None for one found talking of
    whom nothing more is known."""

    desk: Desk
    token: int
    offered: int
    answered_at: datetime
    caller: WaitingCaller | None = None


class Talks:
    """The talks of one tenant's seats, by call."""

    def __init__(self, seats: Seats, clock: Clock, tally: Tally) -> None:
        self._seats = seats
        self._clock = clock
        self._tally = tally
        self._talks: dict[str, Talk] = {}

    def find(self, call_id: str) -> Talk | None:
        """The talk of this call, if there is one."""
        return self._talks.get(call_id)

    def goes_on(self, offer: Offer) -> bool:
        """Whether the talk of this very offer goes on."""
        talk = self._talks.get(offer.caller.call_id)
        return talk is not None and talk.offered == offer.token

    def begin(self, desk: Desk, token: int, offered: int, caller: WaitingCaller) -> None:
        """A caller who waited and this seat talk from now on."""
        now = self._clock.now()
        self._talks[caller.call_id] = Talk(desk, token, offered, now, caller)
        self._tally.answered(caller, desk.seat, now)

    def found(self, desk: Desk, call_id: str, answered_at: datetime | None) -> Talk:
        """A seat at rest turns out to be talking; since when is known best by whom asks, else by
        what the last engine wrote of the seat."""
        begun = answered_at or self._seats.talked_since(call_id) or self._clock.now()
        token = self._seats.find_talk(desk, call_id)
        talk = self._talks[call_id] = Talk(desk, token, token, begun)
        return talk

    def know(self, talk: Talk, caller: WaitingCaller, answered_at: datetime | None) -> None:
        """It is known now who talks: he counts as one who came and was answered."""
        if talk.caller is not None:
            return
        talk.answered_at = answered_at or talk.answered_at
        talk.caller = caller
        self._tally.entered(caller, self._clock.now())
        self._tally.answered(caller, talk.desk.seat, talk.answered_at)

    def end(self, call_id: str) -> None:
        """The talk of this call is over; nothing happens when there is none."""
        talk = self._talks.pop(call_id, None)
        if talk is None:
            return
        if talk.caller is not None:
            self._tally.talk_ended(talk.caller, talk.desk.seat, talk.answered_at)
        self._seats.happens(talk.desk, SeatEvent.TALK_ENDED, token=talk.token)
