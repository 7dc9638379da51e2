"""An observer that believes nothing: every caller's story must be one that can be told."""

from datetime import datetime

from queue_manager.model import LeaveReason, MissReason, Offer, Seat, SeatState, WaitingCaller


class Witness:
    """Implements `queue_manager.ports.QueueObserver`; fails when the order of things is wrong."""

    def __init__(self) -> None:
        self.waiting: set[str] = set()
        self.ringing: dict[str, Offer] = {}
        self.talking: dict[str, str] = {}
        self.states: dict[str, SeatState] = {}
        self.entries = 0
        self.ends = 0

    def entered(self, caller: WaitingCaller, at: datetime) -> None:
        assert caller.call_id not in self.waiting
        self.waiting.add(caller.call_id)
        self.entries += 1

    def offered(self, offer: Offer, at: datetime) -> None:
        call_id = offer.caller.call_id
        assert call_id in self.waiting
        assert call_id not in self.ringing
        assert offer.seat.seat_id not in {o.seat.seat_id for o in self.ringing.values()}
        self.ringing[call_id] = offer

    def answered(self, caller: WaitingCaller, seat: Seat, wait_s: float, at: datetime) -> None:
        assert seat.seat_id not in self.talking
        assert wait_s >= 0
        self.waiting.remove(caller.call_id)
        self.ends += 1
        self.ringing.pop(caller.call_id, None)
        self.talking[seat.seat_id] = caller.call_id

    def missed(self, offer: Offer, reason: MissReason, at: datetime) -> None:
        assert self.ringing.pop(offer.caller.call_id).token == offer.token

    def left(self, caller: WaitingCaller, reason: LeaveReason, wait_s: float, at: datetime) -> None:
        self.waiting.remove(caller.call_id)
        self.ends += 1
        self.ringing.pop(caller.call_id, None)

    def overflowed(self, caller: WaitingCaller, queue_id: str, at: datetime) -> None:
        assert caller.call_id in self.waiting

    def talk_ended(self, caller: WaitingCaller, seat: Seat, talk_s: float, at: datetime) -> None:
        assert self.talking.pop(seat.seat_id) == caller.call_id
        assert talk_s >= 0

    def wrapped_up(self, seat: Seat, wrap_up_s: float, at: datetime) -> None:
        assert wrap_up_s >= 0

    def seat_state_changed(
        self, seat: Seat, old: SeatState, new: SeatState, reason: str, at: datetime
    ) -> None:
        assert self.states.get(seat.seat_id, old) is old
        self.states[seat.seat_id] = new
