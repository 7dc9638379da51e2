"""The whole queue over random histories: callers, phones, wishes, rules, crashes, clocks and time
in any order."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import permutations
from random import Random

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from queue_manager.entry import Entry
from queue_manager.model import (
    AlertKind,
    Forced,
    LeaveReason,
    MissReason,
    Offer,
    Requirement,
    Seat,
    SeatState,
    SeatView,
    Verdict,
)
from queue_manager.place import Place
from queue_manager.service import QueueService
from queue_manager.steps import Way
from tests.queue_manager.builders import MANDARIN, SETTINGS, ZHUANG, Memory, caller, seat
from tests.queue_manager.rulebook import main
from tests.queue_manager.virtual_time import LoopClock, VirtualLoop
from tests.queue_manager.witness import Witness

SEAT_IDS = st.sampled_from(["8001", "8002", "8003"])
SKILLS = {
    "8001": [{"cmn": 5}, {"cmn": 5, "za": 3}],
    "8002": [{"za": 4}, {"en": 1}],
    "8003": [{"cmn": 2, "za": 2}, {"cmn": 5}],
}
NEEDS = st.sampled_from([MANDARIN, ZHUANG, Requirement(), MANDARIN.joined(ZHUANG)])
RULES = [
    main(),
    main({"after_s": 8, "lower": {"lang:za": 2}, "suggest": "callback"}),
    main(
        {"after_s": 5, "lower": {"lang:za": 1}, "widen": {"lang:cmn": ["lang:en"]}},
        {"after_s": 25, "interpreter": True, "suggest": "voice_request"},
        {"after_s": 60, "suggest": "callback"},
    ),
]
ROUNDING_S = 0.001
HOLD_S = SETTINGS.ring_s + SETTINGS.ring_grace_s


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
        self.offered_s: dict[int, float] = {}
        self.hears, self.heard_s = True, 0.0
        self.reachable: dict[str, float] = {}
        self.left_s: dict[str, float] = {}
        self.beats: dict[str, float] = {}
        self.clock = LoopClock(self.loop)
        self.listed = dict.fromkeys(SKILLS, 0)
        self.ruling = 0
        self.begin(())

    def begin(self, views: tuple[SeatView, ...]) -> None:
        """An engine starts. What it finds in the mirror stays there until it knows better."""
        self.loaded = {view.seat.seat_id: view for view in views}
        self.witness = Witness()
        self.queue = QueueService(SETTINGS, self.live, self.clock, self.witness)
        self.queue.set_rules({"nanning": RULES[self.ruling]})
        self.loop.run_until_complete(self.queue.start(self.seats(), views))

    def teardown(self) -> None:
        total = self.queue.figures()["total"]
        ended = (
            "answered", "abandoned", "voice_requests", "transferred", "callbacks", "overflowed",
            "self_service",
        )  # fmt: skip
        assert total["offered"] == self.witness.entries
        assert sum(total[name] for name in ended) == self.witness.ends
        self.queue.close()
        self.loop.close()

    def seats(self) -> list[Seat]:
        return [seat(seat_id, **SKILLS[seat_id][kind]) for seat_id, kind in self.listed.items()]

    def waiting(self) -> dict[str, Entry]:
        return {c: place._entry for c, place in self.places.items() if place.current}

    def do(self, action: Callable[[], object]) -> None:
        async def step() -> None:
            action()
            self.pick_up()

        self.loop.run_until_complete(step())

    def pick_up(self) -> None:
        """Every conversation looks whether it has an offer; each token is new and the highest."""
        fresh = []
        for call_id, place in self.places.items():
            if place.current and not place._entry.away:
                pending = place.next_offer()
                offers = self.offers[call_id]
                if pending.done() and (not offers or offers[-1] != pending.result()):
                    offers.append(pending.result())
                    fresh.append(pending.result().token)
        if fresh and self.tokens:
            assert min(fresh) > max(self.tokens)
        assert len(set(fresh)) == len(fresh)
        self.tokens += fresh
        self.offered_s.update(dict.fromkeys(fresh, self.loop.time()))

    # --- phones, desktops, wishes

    @rule(seat_id=SEAT_IDS, reachable=st.booleans())
    def phone(self, seat_id: str, reachable: bool) -> None:
        if reachable:
            self.reachable.setdefault(seat_id, self.loop.time())
        elif self.reachable.pop(seat_id, None) is not None:
            self.left_s[seat_id] = self.loop.time()
        self.do(lambda: self.queue.endpoint_reachable(f"sip-{seat_id}", reachable))

    @rule(seat_id=SEAT_IDS)
    def desktop(self, seat_id: str) -> None:
        if seat_id in self.known():
            self.beats[seat_id] = self.loop.time()
            self.do(lambda: self.queue.heartbeat(seat_id))

    @rule(seat_id=SEAT_IDS, wish=st.sampled_from(["ready", "pause", "end_wrap_up"]))
    def seat_wishes(self, seat_id: str, wish: str) -> None:
        if seat_id in self.known():
            arguments = ("meal",) if wish == "pause" else ()
            self.do(lambda: getattr(self.queue, wish)(seat_id, *arguments))

    @rule(seat_id=SEAT_IDS, to=st.sampled_from(Forced))
    def is_forced(self, seat_id: str, to: Forced) -> None:
        if seat_id in self.known():
            self.do(lambda: self.queue.force(seat_id, to, by="s", why="", reason="meal"))

    @rule(seat_id=SEAT_IDS, kind=st.sampled_from([0, 1, None]))
    def list_changes(self, seat_id: str, kind: int | None) -> None:
        self.listed.pop(seat_id, None)
        if kind is not None:
            self.listed[seat_id] = kind
        self.do(lambda: self.queue.set_seats(self.seats()))

    def known(self) -> set[str]:
        return {view.seat.seat_id for view in self.queue.seats()}

    # --- callers

    @rule(target=calls, needs=NEEDS, priority=st.integers(0, 1), waited_s=st.sampled_from([0, 40]))
    def enters(self, needs: Requirement, priority: int, waited_s: int) -> str:
        self.entered += 1
        call_id = f"c{self.entered}"
        self.offers[call_id] = []
        at = self.clock.now() + timedelta(microseconds=self.entered)

        def action() -> None:
            known = caller(call_id, needs, priority=priority, waited_s=waited_s, at=at)
            self.places[call_id] = self.queue.enter(known)

        self.do(action)
        return call_id

    @rule(call_id=calls)
    def enters_again(self, call_id: str) -> None:
        """A newer session takes over; the older one's cleanup comes late."""
        older = self.places.get(call_id)
        if older is None or not older.current:
            return

        def action() -> None:
            self.places[call_id] = self.queue.enter(caller(call_id))
            older.leave(LeaveReason.ABANDONED)

        self.do(action)

    @rule(call_id=calls)
    def asks_for_an_offer(self, call_id: str) -> None:
        """Also one whose offer was taken back."""
        if call_id in self.places:
            self.do(lambda: self.places[call_id].next_offer())

    @rule(call_id=calls)
    def is_set_aside(self, call_id: str) -> None:
        if call_id in self.places:
            self.do(self.places[call_id].set_aside)

    @rule(call_id=calls)
    def is_moved_first(self, call_id: str) -> None:
        if call_id in self.waiting():
            self.do(lambda: self.queue.move_first(call_id, by="s", why=""))

    @rule(call_id=calls, which=st.integers(0, 2))
    def answers(self, call_id: str, which: int) -> None:
        """An answer to the newest offer, or to an older one; TALK is said only when they talk."""
        for offer in self.offers[call_id][-1 - which :][:1]:
            if call_id in self.places:
                self.do(partial(self.reports_an_answer, self.places[call_id], offer))

    def reports_an_answer(self, place: Place, offer: Offer) -> None:
        if place.answered(offer) is Verdict.TALK:
            assert self.queue.seat(offer.seat.seat_id).call_id == offer.caller.call_id

    @rule(call_id=calls, which=st.integers(0, 2), reason=st.sampled_from(MissReason))
    def misses(self, call_id: str, which: int, reason: MissReason) -> None:
        for offer in self.offers[call_id][-1 - which :][:1]:
            if call_id in self.places:
                self.do(partial(self.places[call_id].missed, offer, reason))

    @rule(call_id=calls)
    def talk_ends(self, call_id: str) -> None:
        for offer in self.offers[call_id][-1:]:
            if call_id in self.places:
                self.do(partial(self.places[call_id].talk_ended, offer))

    @rule(call_id=calls, reason=st.sampled_from([r for r in LeaveReason if r != "answered"]))
    def leaves(self, call_id: str, reason: LeaveReason) -> None:
        if call_id in self.places:
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

    # --- the world

    @rule(number=st.integers(0, len(RULES) - 1))
    def rules_change(self, number: int) -> None:
        self.ruling = number
        self.do(lambda: self.queue.set_rules({"nanning": RULES[number]}))

    @rule(hears=st.booleans())
    def asterisk_is_heard(self, hears: bool) -> None:
        if hears and not self.hears:
            self.heard_s = self.loop.time()
        self.hears = hears
        self.do(lambda: self.queue.hear(hears))

    @rule(set_back_s=st.sampled_from([-3600, 0, 3600]))
    def clock_jumps(self, set_back_s: float) -> None:
        self.clock.set_back_s = set_back_s

    @rule(seconds=st.sampled_from([1, 4, 32]))
    def time_passes(self, seconds: float) -> None:
        async def step() -> None:
            await asyncio.sleep(seconds)
            self.pick_up()

        self.loop.run_until_complete(step())

    @rule(order=st.randoms(use_true_random=False))
    def engine_dies(self, order: Random) -> None:
        """Another one takes up what the mirror and the channels tell: seats, talks, then callers
        in any order, then phones. Nobody is overtaken by who has the same needs, and nobody's place
        is later than it was, as long as it is among the same seats: one that talks when it is taken
        off the list counts until its talk ends, but the next engine knows it no more.
        """
        before, seats = self.waiting(), self.known()
        ahead = {call_id: self.places[call_id].position() for call_id in before}
        served = {c for c, entry in before.items() if entry.offer is not None or entry.away}
        matched = len(served)
        talks = {
            view.call_id: view.seat.seat_id
            for view in self.queue.seats()
            if view.state is SeatState.TALKING
        }
        self.queue.close()
        if not self.live.seats:  # nothing is left that could tell of the tokens
            self.tokens.clear()
        self.places = {}
        self.beats = {
            v.seat.seat_id: self.loop.time() for v in self.live.seats.values() if v.desktop
        }
        self.begin(tuple(self.live.seats.values()))
        self.live.waiting.clear()
        callers = [entry.caller for entry in before.values()]
        order.shuffle(callers)

        def action() -> None:
            for call_id, seat_id in talks.items():
                self.queue.restore_talk(seat_id, call_id)
            for known in callers:
                self.places[known.call_id] = self.queue.enter(known)
            after = self.waiting()
            assert {c: e.caller for c, e in after.items()} == {
                c: e.caller for c, e in before.items()
            }
            same_steps = all(entry.taken == before[c].taken for c, entry in after.items())
            if same_steps:
                now = {call_id: place.position() for call_id, place in self.places.items()}
                if self.known() == seats:
                    assert all(now[c] <= ahead[c] + matched for c in now)
                for a, b in permutations(sorted(now.keys() - served), 2):
                    if before[a].needs == before[b].needs and ahead[a] < ahead[b]:
                        assert now[a] < now[b]
            for seat_id in self.reachable:
                self.queue.endpoint_reachable(f"sip-{seat_id}", True)

        self.do(action)
        if not self.hears:
            self.heard_s, self.hears = self.loop.time(), True

    # --- what must hold

    @invariant()
    def a_seat_rings_for_exactly_one_caller(self) -> None:
        pending = {}
        for call_id, entry in self.waiting().items():
            if entry.offer is not None:
                assert entry.offer.seat.seat_id not in pending
                pending[entry.offer.seat.seat_id] = call_id
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
        assert not set(talking) & set(self.waiting())

    @invariant()
    def no_reservation_outlives_its_deadline(self) -> None:
        if not self.hears:
            return
        for entry in self.waiting().values():
            if entry.offer is not None and entry.offer.token in self.offered_s:
                since_s = max(self.offered_s[entry.offer.token], self.heard_s)
                assert self.loop.time() - since_s <= HOLD_S

    @invariant()
    def nobody_waits_beside_a_ready_seat_that_could_serve_him(self) -> None:
        ready = [v.seat.skills for v in self.queue.seats() if v.state is SeatState.READY]
        for entry in self.waiting().values():
            if entry.offer is None and not entry.away:
                assert not any(entry.needs.met_by(skills) for skills in ready)

    @invariant()
    def everybody_stands_where_the_rules_have_brought_him(self) -> None:
        way = Way({"nanning": RULES[self.ruling]}, "nanning", "main")
        views = {view.call_id: view for view in self.queue.callers()}
        for call_id, entry in self.waiting().items():
            if entry.offer is None and not entry.away:
                waited_s = self.loop.time() - entry.queued_s
                taken = way.taken_after(waited_s)
                if entry.taken != taken:  # due in this very moment
                    taken = way.taken_after(waited_s + ROUNDING_S)
                assert entry.taken == taken
                standing = way.standing(entry.origin.needs, taken)
                assert views[call_id].needs == str(standing.needs) == str(entry.needs)

    @invariant()
    def every_caller_waits_or_has_exactly_one_outcome(self) -> None:
        witness = self.witness
        assert witness.waiting == set(self.waiting())
        assert witness.entries == len(witness.waiting) + witness.ends
        assert self.queue.waiting().count == len(witness.waiting)

    @invariant()
    def who_is_ready_is_there(self) -> None:
        now_s = self.loop.time()
        for view in self.queue.seats():
            if view.state is SeatState.READY and view.seat.seat_id not in self.reachable:
                gone_s = now_s - self.left_s[view.seat.seat_id]
                assert gone_s <= SETTINGS.reach_grace_s
            if view.state is SeatState.READY and view.desktop:
                assert now_s - self.beats[view.seat.seat_id] <= SETTINGS.heartbeat_grace_s

    @invariant()
    def alerts_tell_who_is_paused_for_misses(self) -> None:
        told = {a.seat_id for a in self.queue.alerts() if a.kind is AlertKind.SEAT_MISSES}
        assert told == {v.seat.seat_id for v in self.queue.seats() if v.pause_reason == "missed"}

    @invariant()
    def the_mirror_was_told_everything(self) -> None:
        assert set(self.live.waiting) == set(self.waiting())
        known = {view.seat.seat_id: view for view in self.queue.seats()}
        for seat_id, view in self.live.seats.items():
            assert view is self.loaded.get(seat_id) or view == known[seat_id]


QueueMachine.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
TestQueue = QueueMachine.TestCase
