"""The matcher against a brute-force model, over random histories with crashes and clock jumps."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from queue_manager import idle, matcher, ordered, profiles, signatures
from queue_manager.matcher import Matcher
from queue_manager.model import Need, Requirement
from tests.queue_manager.builders import caller
from tests.queue_manager.matcher_model import BOUND_S, SAME_SEAT_S, WEIGHT_S, Model

SKILLS = ("cmn", "za", "sign")
LEVELS = st.integers(1, 5)
SKILL_SETS = st.dictionaries(st.sampled_from(SKILLS), LEVELS, max_size=3)
GROUPS = st.frozensets(st.builds(Need, st.sampled_from(SKILLS), LEVELS), min_size=1, max_size=2)
EASY = st.builds(Need, st.sampled_from(SKILLS), st.integers(1, 2)).map(Requirement.of)
NEEDS = EASY | st.builds(Requirement, st.frozensets(GROUPS, max_size=2))
CREWS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(SKILLS), st.integers(2, 5), min_size=1, max_size=3),
        st.integers(0, 9),
    ),
    max_size=6,
)
SINCE_S = st.none() | st.integers(0, 12)
"""Clocks jump: a seat may have become idle before or after any other, or at a time unknown."""


class MatcherMachine(RuleBasedStateMachine):
    """Random arrivals, hang-ups, misses, steps, moves, seats coming, going, learning, crashes;
    every decision is checked."""

    seats = Bundle("seats")
    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.matcher = self.new_matcher()
        self.model = Model()
        self.matches: dict[str, str] = {}
        self.outcomes: dict[str, str] = {}
        self.count = 0
        self.small = ExitStack()

    def new_matcher(self) -> Matcher:
        return Matcher(weight_s=WEIGHT_S, scarce_bound_s=BOUND_S, same_seat_s=SAME_SEAT_S)

    @initialize(target=seats, small=st.booleans(), crew=CREWS)
    def begin(self, small: bool, crew: list[tuple[dict[str, int], int]]) -> MultipleResults[str]:
        """With small blocks, logs and spares the paths for large queues are taken often. A crew
        that is ready gives callers a choice."""
        for module, name, size in (
            (idle, "GENERATION", 2),
            (idle, "_FEW", 1),
            (ordered, "BLOCK", 2),
            (signatures, "LOG", 2),
            (signatures, "_FEW", 1),
            (profiles, "_ANEW", 2),
            (profiles, "_LATER", 1),
            (profiles, "_OLDEST", 1),
            (signatures, "COMMON", 2),
            (matcher, "_SPARE_SIGNATURES", 0),
        ):
            if small:
                self.small.enter_context(patch.object(module, name, size))
        for skills, since_s in crew:
            self.becomes_ready(self.add_seat_of(skills), False, since_s)
        return multiple(*self.model.order)

    def teardown(self) -> None:
        self.small.close()

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def matched(self, call_id: str, seat_id: str) -> None:
        """Record a match: neither of the two may be in one already."""
        assert call_id in self.model.callers
        assert call_id not in self.matches
        assert seat_id not in self.matches.values()
        assert self.model.able(call_id, seat_id)
        self.matches[call_id] = seat_id
        self.model.waiting.discard(call_id)
        self.model.ready.discard(seat_id)

    def expect_caller(self, seat_id: str, found: str | None) -> None:
        """A ready seat found this caller, or nobody; nobody else was overtaken too far."""
        expected = self.model.best_caller(seat_id)
        if found is not None:
            chosen = self.model.callers[found]
            for other in map(self.model.callers.__getitem__, self.model.waiting - {found}):
                if other.needs.met_by(self.model.skills[seat_id]):
                    ahead_s = (chosen.queued_at - other.queued_at).total_seconds()
                    steps = max(chosen.priority - other.priority, 0)
                    assert ahead_s <= steps * WEIGHT_S + SAME_SEAT_S
        assert found == expected
        if found is not None:
            self.matched(found, seat_id)

    def expect_seat(self, call_id: str, found: str | None) -> None:
        assert found == self.model.best_seat(call_id)
        if found is None:
            self.model.waiting.add(call_id)
        else:
            self.matched(call_id, found)

    def becomes_ready(self, seat_id: str, keep_turn: bool, since_s: float | None) -> None:
        if not keep_turn:
            self.model.order.remove(seat_id)
            self.model.order.append(seat_id)
        if since_s is not None or not keep_turn:
            self.model.idle_since(seat_id, since_s)
        self.model.ready.add(seat_id)
        since = None if since_s is None else datetime.fromtimestamp(since_s, UTC)
        found = self.matcher.seat_ready(seat_id, keep_turn=keep_turn, idle_since=since)
        self.expect_caller(seat_id, found)

    # --- seats

    @rule(target=seats, skills=SKILL_SETS)
    def add_seat(self, skills: dict[str, int]) -> str:
        return self.add_seat_of(skills)

    def add_seat_of(self, skills: dict[str, int]) -> str:
        seat_id = self.name("s")
        assert self.matcher.put_seat(seat_id, skills) is None
        self.model.skills[seat_id] = skills
        self.model.order.append(seat_id)
        self.model.since_s[seat_id] = self.model.latest_s
        return seat_id

    @rule(seat_id=seats, skills=SKILL_SETS)
    def change_skills(self, seat_id: str, skills: dict[str, int]) -> None:
        self.model.skills[seat_id] = skills
        found = self.matcher.put_seat(seat_id, skills)
        if seat_id in self.model.ready:
            self.expect_caller(seat_id, found)
        else:
            assert found is None

    @rule(seat_id=consumes(seats))
    def drop_seat(self, seat_id: str) -> None:
        self.matcher.drop_seat(seat_id)
        self.model.ready.discard(seat_id)
        self.model.off_duty.discard(seat_id)
        del self.model.skills[seat_id], self.model.since_s[seat_id]
        self.model.order.remove(seat_id)
        self.matches = {c: s for c, s in self.matches.items() if s != seat_id}

    @rule(seat_id=seats, on_duty=st.booleans())
    def seat_on_duty(self, seat_id: str, on_duty: bool) -> None:
        self.matcher.set_duty(seat_id, on_duty)
        (self.model.off_duty.discard if on_duty else self.model.off_duty.add)(seat_id)

    @rule(seat_id=seats, keep_turn=st.booleans(), since_s=SINCE_S)
    def seat_ready(self, seat_id: str, keep_turn: bool, since_s: float | None) -> None:
        if seat_id in self.matches.values():
            return
        if seat_id in self.model.ready:
            assert self.matcher.seat_ready(seat_id) is None
        else:
            self.becomes_ready(seat_id, keep_turn, since_s)

    @rule(seat_id=seats)
    def seat_busy(self, seat_id: str) -> None:
        self.matcher.seat_busy(seat_id)
        self.model.ready.discard(seat_id)

    @rule(seat_id=seats, since_s=SINCE_S)
    def short_break(self, seat_id: str, since_s: float | None) -> None:
        if seat_id in self.model.ready:
            self.seat_busy(seat_id)
            self.becomes_ready(seat_id, False, since_s)

    # --- callers

    @rule(
        target=calls,
        needs=NEEDS,
        waited=st.integers(-3, 6),
        priority=st.integers(-1, 3),
        wish=st.integers(0, 8),
    )
    def caller_enters(self, needs: Requirement, waited: int, priority: int, wish: int) -> str:
        """Some want a certain seat: the one at this place in the order of idleness, if any."""
        call_id = self.name("c")
        seat_id = "".join(self.model.order[wish : wish + 1])
        known = replace(
            caller(call_id, needs, waited_s=waited, priority=priority), preferred_seat=seat_id
        )
        self.model.callers[call_id] = known
        self.model.entered[call_id] = self.count
        self.expect_seat(call_id, self.matcher.caller_enters(known))
        return call_id

    @rule(target=calls, needs=NEEDS, waited=st.integers(-3, 6))
    def caller_enters_matched(self, needs: Requirement, waited: int) -> str:
        """His seat was given to him by hand; he waits once that came to nothing."""
        call_id = self.name("c")
        known = self.model.callers[call_id] = caller(call_id, needs, waited_s=waited)
        self.model.entered[call_id] = self.count
        self.matcher.caller_enters_matched(known)
        return call_id

    @rule(call_id=calls)
    def held(self, call_id: str) -> None:
        if call_id in self.model.callers:
            self.matcher.hold(call_id)
            self.model.waiting.discard(call_id)

    @rule(call_id=calls)
    def offer_missed(self, call_id: str) -> None:
        """The match comes to nothing: the caller waits again where he was."""
        if call_id in self.model.callers and call_id not in self.model.waiting:
            self.matches.pop(call_id, None)
            self.expect_seat(call_id, self.matcher.caller_returns(call_id))

    @rule(call_id=calls)
    def returns_while_waiting(self, call_id: str) -> None:
        if call_id in self.model.waiting:
            assert self.matcher.caller_returns(call_id) is None

    @rule(call_id=calls, needs=st.none() | NEEDS, priority=st.none() | st.integers(-1, 3))
    def step(self, call_id: str, needs: Requirement | None, priority: int | None) -> None:
        """His rules ask for something else; while he is matched it counts for his return."""
        known = self.model.callers.get(call_id)
        if known is None:
            return
        known = replace(
            known,
            needs=known.needs if needs is None else needs,
            priority=known.priority if priority is None else priority,
        )
        self.model.callers[call_id] = known
        found = self.matcher.change(call_id, needs, priority)
        if call_id in self.model.waiting:
            self.model.waiting.discard(call_id)
            self.expect_seat(call_id, found)
        else:
            assert found is None

    @rule(call_id=calls)
    def moved_first(self, call_id: str) -> None:
        if call_id in self.model.callers:
            assert self.matcher.move_first(call_id) == self.model.move_first(call_id)

    @rule(call_id=consumes(calls))
    def caller_leaves(self, call_id: str) -> None:
        """Hung up while waiting (his place closes), or matched (his seat is ready again)."""
        self.matcher.caller_leaves(call_id)
        self.matcher.caller_leaves(call_id)
        assert call_id not in self.outcomes
        self.outcomes[call_id] = "abandoned"
        self.model.waiting.discard(call_id)
        del self.model.callers[call_id]
        seat_id = self.matches.pop(call_id, None)
        if seat_id is not None:
            self.becomes_ready(seat_id, True, None)

    @rule(call_id=consumes(calls), since_s=SINCE_S)
    def talk(self, call_id: str, since_s: float | None) -> None:
        """He is served, and his seat is ready again after it."""
        seat_id = self.matches.pop(call_id, None)
        if seat_id is None:
            return
        self.matcher.caller_leaves(call_id)
        assert call_id not in self.outcomes
        self.outcomes[call_id] = "answered"
        del self.model.callers[call_id]
        self.becomes_ready(seat_id, False, since_s)

    @precondition(lambda self: self.model.callers)
    @rule(data=st.data())
    def ask_position(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.model.callers)))
        assert self.matcher.position(call_id) == self.model.position(call_id)

    # --- time and crashes

    @rule(budget=st.integers(1, 3))
    def idle_tick(self, budget: int) -> None:
        while self.matcher.tidy(budget):
            pass

    @rule(random=st.randoms(use_true_random=False))
    def crash(self, random: Random) -> None:
        """The matcher is gone; another takes up seats and callers as they were kept, the callers
        in any order, those whose seat rang included. Nobody's place is later than before."""
        order = sorted(self.model.callers, key=self.model.rank)
        before = {c: self.model.position(c) for c in self.model.waiting}
        ready = [s for s in self.model.order if s in self.model.ready]
        self.matcher = self.new_matcher()
        self.matches.clear()
        self.model.ready.clear()
        self.model.latest_s = 0.0
        kept = dict(self.model.since_s)
        for seat_id in self.model.order:
            self.model.since_s[seat_id] = 0.0
            assert self.matcher.put_seat(seat_id, self.model.skills[seat_id]) is None
            self.matcher.set_duty(seat_id, seat_id not in self.model.off_duty)
        rang = set(order) - self.model.waiting
        random.shuffle(order)
        for at, call_id in enumerate(order):
            assert self.matcher.caller_enters(self.model.callers[call_id]) is None
            self.model.entered[call_id] = self.count + at
            self.model.waiting.add(call_id)
        self.count += len(order)
        for call_id, position in before.items():
            place = self.model.effective(call_id)
            level = [c for c in self.model.waiting if self.model.effective(c) == place]
            back = sum(self.model.effective(c) < place for c in rang)
            assert self.matcher.position(call_id) < position + len(level) + back
        for seat_id in ready:
            self.becomes_ready(seat_id, True, kept[seat_id])

    # --- always

    @invariant()
    def nobody_waits_beside_a_ready_seat_that_could_serve_him(self) -> None:
        for call_id in self.model.waiting:
            assert self.model.best_seat(call_id) is None

    @invariant()
    def every_caller_waits_rings_or_has_had_one_outcome(self) -> None:
        assert not self.model.callers.keys() & self.outcomes.keys()
        assert self.matcher.waiting == len(self.model.waiting)

    @invariant()
    def counts_are_true(self) -> None:
        for known in list(self.model.callers.values())[:2]:
            same = [c for c in self.model.waiting if self.model.callers[c].needs == known.needs]
            assert self.matcher.waiting_for(known.needs) == len(same)
            assert self.matcher.on_duty(known.needs) == self.model.on_duty(known.needs)

    @invariant()
    def the_idle_order_is_kept(self) -> None:
        assert list(self.matcher._idle) == self.model.order


MatcherMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=60, deadline=None)
TestMatcher = MatcherMachine.TestCase
