"""The whole queue over random histories: callers, phones, wishes and time in any order."""

import asyncio
from collections.abc import Callable
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from queue_manager.model import LeaveReason, MissReason, Offer, Requirement, Seat, SeatState
from queue_manager.place import Place
from queue_manager.service import QueueService
from tests.queue_manager.builders import MANDARIN, SETTINGS, ZHUANG, Memory, caller, seat
from tests.queue_manager.virtual_time import LoopClock, VirtualLoop

SEAT_IDS = st.sampled_from(["8001", "8002", "8003"])
SKILLS = {
    "8001": [{"cmn": 5}, {"cmn": 5, "za": 3}],
    "8002": [{"za": 4}, {"en": 1}],
    "8003": [{"cmn": 2, "za": 2}, {"cmn": 5}],
}
NEEDS = st.sampled_from([MANDARIN, ZHUANG, Requirement(), MANDARIN.joined(ZHUANG)])


class QueueMachine(RuleBasedStateMachine):
    """Conversations that do anything, also late and twice; the queue must stay whole."""

    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.live = Memory()
        self.places: dict[str, Place] = {}
        self.offers: dict[str, list[Offer]] = {}
        self.entered = 0
        self.tokens: list[int] = []
        self.clock = LoopClock(self.loop)
        self.listed = dict.fromkeys(SKILLS, 0)
        self.queue = QueueService(SETTINGS, self.live, self.clock)
        self.loop.run_until_complete(self.queue.start(self.seats(), ()))

    def teardown(self) -> None:
        self.queue.close()
        self.loop.close()

    def seats(self) -> list[Seat]:
        return [seat(seat_id, **SKILLS[seat_id][kind]) for seat_id, kind in self.listed.items()]

    def do(self, action: Callable[[], object]) -> None:
        async def step() -> None:
            action()
            self.pick_up()

        self.loop.run_until_complete(step())

    def pick_up(self) -> None:
        """Every conversation looks whether it has an offer; each token is new and the highest."""
        fresh = []
        for call_id, place in self.places.items():
            if place.current:
                pending = place.next_offer()
                offers = self.offers[call_id]
                if pending.done() and (not offers or offers[-1] != pending.result()):
                    offers.append(pending.result())
                    fresh.append(pending.result().token)
        if fresh and self.tokens:
            assert min(fresh) > max(self.tokens)
        assert len(set(fresh)) == len(fresh)
        self.tokens += fresh

    @rule(seat_id=SEAT_IDS, reachable=st.booleans())
    def phone(self, seat_id: str, reachable: bool) -> None:
        self.do(lambda: self.queue.endpoint_reachable(f"sip-{seat_id}", reachable))

    @rule(seat_id=SEAT_IDS, wish=st.sampled_from(["ready", "pause", "end_wrap_up"]))
    def seat_wishes(self, seat_id: str, wish: str) -> None:
        if seat_id not in {view.seat.seat_id for view in self.queue.seats()}:
            return
        arguments = ("meal",) if wish == "pause" else ()
        self.do(lambda: getattr(self.queue, wish)(seat_id, *arguments))

    @rule(seat_id=SEAT_IDS, kind=st.sampled_from([0, 1, None]))
    def list_changes(self, seat_id: str, kind: int | None) -> None:
        self.listed.pop(seat_id, None)
        if kind is not None:
            self.listed[seat_id] = kind
        self.do(lambda: self.queue.set_seats(self.seats()))

    @rule(target=calls, needs=NEEDS, priority=st.integers(0, 1))
    def enters(self, needs: Requirement, priority: int) -> str:
        self.entered += 1
        call_id = f"c{self.entered}"
        self.offers[call_id] = []

        def action() -> None:
            known = caller(call_id, needs, priority=priority, at=self.clock.now())
            self.places[call_id] = self.queue.enter(known)

        self.do(action)
        return call_id

    @rule(call_id=calls)
    def enters_again(self, call_id: str) -> None:
        """A newer session takes over; the older one's cleanup comes late."""
        older = self.places[call_id]
        if not older.current:
            return

        def action() -> None:
            self.places[call_id] = self.queue.enter(caller(call_id))
            older.leave(LeaveReason.ABANDONED)

        self.do(action)

    @rule(call_id=calls, which=st.integers(0, 2))
    def answers(self, call_id: str, which: int) -> None:
        """An answer to the newest offer, or to an older one."""
        for offer in self.offers[call_id][-1 - which :][:1]:
            self.do(partial(self.places[call_id].answered, offer))

    @rule(call_id=calls, which=st.integers(0, 2), reason=st.sampled_from(MissReason))
    def misses(self, call_id: str, which: int, reason: MissReason) -> None:
        for offer in self.offers[call_id][-1 - which :][:1]:
            self.do(partial(self.places[call_id].missed, offer, reason))

    @rule(call_id=calls)
    def talk_ends(self, call_id: str) -> None:
        for offer in self.offers[call_id][-1:]:
            self.do(partial(self.places[call_id].talk_ended, offer))

    @rule(call_id=calls, reason=st.sampled_from(list(LeaveReason)[1:]))
    def leaves(self, call_id: str, reason: LeaveReason) -> None:
        self.do(lambda: self.places[call_id].leave(reason))

    @rule(call_id=calls)
    def channel_dies(self, call_id: str) -> None:
        self.do(lambda: self.queue.talk_ended_by_call(call_id))

    @rule(call_id=calls)
    def comes_back(self, call_id: str) -> None:
        self.do(lambda: self.queue.came_back(call_id))

    @rule(call_id=calls, seat_id=SEAT_IDS)
    def talk_is_found(self, call_id: str, seat_id: str) -> None:
        self.do(lambda: self.queue.restore_talk(seat_id, call_id))

    @rule(seconds=st.sampled_from([1, 4, 30]))
    def time_passes(self, seconds: float) -> None:
        async def step() -> None:
            await asyncio.sleep(seconds)
            self.pick_up()

        self.loop.run_until_complete(step())

    @invariant()
    def a_seat_rings_for_exactly_one_caller(self) -> None:
        waiting = {c: p for c, p in self.places.items() if p.current}
        pending = {}
        for call_id, place in waiting.items():
            offer = place._entry.offer
            if offer is not None:
                assert offer.seat.seat_id not in pending
                pending[offer.seat.seat_id] = call_id
        ringing = {
            view.seat.seat_id: view.call_id
            for view in self.queue.seats()
            if view.state is SeatState.RESERVED
        }
        assert ringing == pending

    @invariant()
    def a_caller_talks_with_one_seat_at_most(self) -> None:
        talking = [v.call_id for v in self.queue.seats() if v.state is SeatState.TALKING]
        assert len(set(talking)) == len(talking)

    @invariant()
    def nobody_waits_beside_a_ready_seat_that_could_serve_him(self) -> None:
        ready = [v.seat.skills for v in self.queue.seats() if v.state is SeatState.READY]
        for place in self.places.values():
            if place.current and place._entry.offer is None:
                needs = place._entry.caller.needs
                assert not any(needs.met_by(skills) for skills in ready)

    @invariant()
    def every_caller_waits_or_has_exactly_one_outcome(self) -> None:
        total = self.queue.figures()["total"]
        ended = ("answered", "abandoned", "voice_requests", "transferred")
        waiting = self.queue.waiting().count
        assert total["offered"] == self.entered == waiting + sum(total[name] for name in ended)

    @invariant()
    def the_mirror_was_told_everything(self) -> None:
        assert set(self.live.waiting) == {c for c, p in self.places.items() if p.current}
        known = {view.seat.seat_id: view for view in self.queue.seats()}
        assert all(known[seat_id] == view for seat_id, view in self.live.seats.items())


QueueMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestQueue = QueueMachine.TestCase
