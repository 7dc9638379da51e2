"""The matcher against a brute-force model that scans everybody, over random histories."""

import time
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from queue_manager import idle
from queue_manager.matcher import Matcher
from queue_manager.model import Need, Requirement, WaitingCaller
from tests.queue_manager.builders import MANDARIN, ZHUANG, caller
from tests.queue_manager.virtual_time import START

SKILLS = ("cmn", "za", "sign")
LEVELS = st.integers(1, 5)
SKILL_SETS = st.dictionaries(st.sampled_from(SKILLS), LEVELS, max_size=3)
GROUPS = st.frozensets(st.builds(Need, st.sampled_from(SKILLS), LEVELS), min_size=1, max_size=2)
NEEDS = st.builds(Requirement, st.frozensets(GROUPS, max_size=2))


class Model:
    """The same rules, told by scanning: `order` is the order of idleness of all seats."""

    def __init__(self) -> None:
        self.skills: dict[str, dict[str, int]] = {}
        self.order: list[str] = []
        self.ready: set[str] = set()
        self.callers: dict[str, WaitingCaller] = {}
        self.entered: dict[str, int] = {}
        self.waiting: set[str] = set()

    def rank(self, call_id: str) -> tuple[int, object, int]:
        known = self.callers[call_id]
        return (-known.priority, known.queued_at, self.entered[call_id])

    def best_caller(self, seat_id: str) -> str | None:
        skills = self.skills[seat_id]
        fit = [c for c in self.waiting if self.callers[c].needs.met_by(skills)]
        return min(fit, key=self.rank, default=None)

    def longest_idle(self, call_id: str) -> str | None:
        needs = self.callers[call_id].needs
        fit = (s for s in self.order if s in self.ready and needs.met_by(self.skills[s]))
        return next(fit, None)

    def servers(self, call_id: str) -> set[str]:
        needs = self.callers[call_id].needs
        return {s for s, skills in self.skills.items() if needs.met_by(skills)}

    def position(self, call_id: str) -> int:
        mine = self.servers(call_id)
        return 1 + sum(
            self.rank(other) < self.rank(call_id)
            and (
                self.callers[other].needs == self.callers[call_id].needs
                or bool(mine and mine <= self.servers(other))
            )
            for other in self.waiting
        )


class MatcherMachine(RuleBasedStateMachine):
    """Random arrivals, hang-ups, misses, seats coming, going, learning; every decision checked."""

    seats = Bundle("seats")
    calls = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        self.matcher = Matcher()
        self.model = Model()
        self.matches: dict[str, str] = {}
        self.count = 0

    @initialize(spare=st.sampled_from([0, 256]))
    def turns(self, spare: int) -> None:
        """With few spare turns they are renumbered often."""
        self.spare = idle._SPARE_TURNS
        idle._SPARE_TURNS = spare

    def teardown(self) -> None:
        idle._SPARE_TURNS = self.spare

    def matched(self, call_id: str, seat_id: str) -> None:
        """Record a match: neither of the two may be in one already."""
        assert call_id in self.model.callers
        assert call_id not in self.matches
        assert seat_id not in self.matches.values()
        self.matches[call_id] = seat_id
        self.model.waiting.discard(call_id)
        self.model.ready.discard(seat_id)

    def busy(self, seat_id: str) -> bool:
        return seat_id in self.matches.values()

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def becomes_ready(self, seat_id: str, keep_turn: bool) -> None:
        if not keep_turn:
            self.model.order.remove(seat_id)
            self.model.order.append(seat_id)
        expected = self.model.best_caller(seat_id)
        self.model.ready.add(seat_id)
        found = self.matcher.seat_ready(seat_id, keep_turn=keep_turn)
        assert found == expected
        if found is not None:
            self.matched(found, seat_id)

    @rule(target=seats, skills=SKILL_SETS)
    def add_seat(self, skills: dict[str, int]) -> str:
        seat_id = self.name("s")
        assert self.matcher.put_seat(seat_id, skills) is None
        self.model.skills[seat_id] = skills
        self.model.order.append(seat_id)
        return seat_id

    @rule(seat_id=seats, skills=SKILL_SETS)
    def change_skills(self, seat_id: str, skills: dict[str, int]) -> None:
        self.model.skills[seat_id] = skills
        expected = self.model.best_caller(seat_id) if seat_id in self.model.ready else None
        found = self.matcher.put_seat(seat_id, skills)
        assert found == expected
        if found is not None:
            self.matched(found, seat_id)

    @rule(seat_id=consumes(seats))
    def drop_seat(self, seat_id: str) -> None:
        self.matcher.drop_seat(seat_id)
        self.model.ready.discard(seat_id)
        del self.model.skills[seat_id]
        self.model.order.remove(seat_id)
        self.matches = {c: s for c, s in self.matches.items() if s != seat_id}

    @rule(seat_id=seats, keep_turn=st.booleans())
    def seat_ready(self, seat_id: str, keep_turn: bool) -> None:
        if self.busy(seat_id) or seat_id in self.model.ready:
            return
        self.becomes_ready(seat_id, keep_turn)

    @rule(seat_id=seats)
    def seat_busy(self, seat_id: str) -> None:
        self.matcher.seat_busy(seat_id)
        self.model.ready.discard(seat_id)

    @rule(
        target=calls,
        needs=NEEDS,
        waited=st.integers(0, 3),
        priority=st.integers(-1, 1),
    )
    def caller_enters(self, needs: Requirement, waited: int, priority: int) -> str:
        call_id = self.name("c")
        known = caller(call_id, needs, waited_s=waited, priority=priority)
        self.model.callers[call_id] = known
        self.model.entered[call_id] = self.count
        self.expect_seat(call_id, self.matcher.caller_enters(known))
        return call_id

    def expect_seat(self, call_id: str, found: str | None) -> None:
        assert found == self.model.longest_idle(call_id)
        if found is None:
            self.model.waiting.add(call_id)
        else:
            self.matched(call_id, found)

    @rule(call_id=calls)
    def offer_missed(self, call_id: str) -> None:
        """The match comes to nothing: the caller waits again where he was."""
        if call_id not in self.model.callers or call_id in self.model.waiting:
            return
        self.matches.pop(call_id, None)
        self.expect_seat(call_id, self.matcher.caller_returns(call_id))

    @rule(call_id=consumes(calls))
    def caller_leaves(self, call_id: str) -> None:
        """Hung up while waiting (his place closes), or matched (his seat is ready again)."""
        self.matcher.caller_leaves(call_id)
        self.model.waiting.discard(call_id)
        del self.model.callers[call_id]
        seat_id = self.matches.pop(call_id, None)
        if seat_id is not None:
            self.becomes_ready(seat_id, keep_turn=True)

    @precondition(lambda self: self.model.callers)
    @rule(data=st.data())
    def ask_position(self, data: st.DataObject) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.model.callers)))
        assert self.matcher.position(call_id) == self.model.position(call_id)

    @invariant()
    def nobody_waits_beside_a_ready_seat_that_could_serve_him(self) -> None:
        for call_id in self.model.waiting:
            assert self.model.longest_idle(call_id) is None

    @invariant()
    def the_idle_order_is_kept(self) -> None:
        turns = self.matcher._idle._turns
        assert sorted(self.model.order, key=turns.__getitem__) == self.model.order


MatcherMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestMatcher = MatcherMachine.TestCase


def test_an_unserved_head_caller_blocks_nobody() -> None:
    """A Zhuang caller came first; the Mandarin caller behind him gets the Mandarin seat."""
    matcher = Matcher()
    matcher.put_seat("8001", {"lang:cmn": 5})
    assert matcher.caller_enters(caller("zhuang", ZHUANG, waited_s=60)) is None
    assert matcher.caller_enters(caller("mandarin", MANDARIN)) is None
    assert matcher.seat_ready("8001") == "mandarin"


def test_priority_goes_before_any_waiting_time() -> None:
    """A caller of higher priority is served before one who has waited for a day."""
    matcher = Matcher()
    matcher.put_seat("8001", {"lang:cmn": 5})
    matcher.caller_enters(caller("patient", waited_s=86400))
    matcher.caller_enters(caller("urgent", priority=1))
    assert matcher.position("patient") == 2
    assert matcher.seat_ready("8001") == "urgent"


def test_position_counts_those_who_compete_for_all_of_my_seats() -> None:
    """Mandarin callers stand in the way of a Zhuang caller, but not the other way round."""
    matcher = Matcher()
    matcher.put_seat("8001", {"lang:cmn": 5})
    matcher.put_seat("8002", {"lang:cmn": 5, "lang:za": 5})
    for number in range(3):
        matcher.caller_enters(caller(f"za{number}", ZHUANG, waited_s=20 - number))
        matcher.caller_enters(caller(f"cmn{number}", MANDARIN, waited_s=10 - number))
    assert [matcher.position(f"za{n}") for n in range(3)] == [1, 2, 3]
    assert [matcher.position(f"cmn{n}") for n in range(3)] == [1, 2, 3]
    matcher.caller_enters(caller("za3", ZHUANG, at=START + timedelta(seconds=1)))
    assert matcher.position("za3") == 7


def test_a_level_out_of_range_is_refused() -> None:
    """Levels are 1 to 5; the seat is not taken in."""
    matcher = Matcher()
    with pytest.raises(ValueError, match=r"lang:cmn.*level 6"):
        matcher.put_seat("8001", {"lang:cmn": 6})
    with pytest.raises(KeyError):
        matcher.seat_ready("8001")


def test_a_decision_does_not_look_at_everybody_who_waits() -> None:
    """With 50,000 waiting, a thousand seats are served in well under the time of one scan each.

    A thousand scans would take minutes; the bound leaves room for a busy machine.
    """
    matcher = Matcher()
    matcher.put_seat("8001", {"lang:cmn": 5})
    for number in range(50_000):
        matcher.caller_enters(caller(f"c{number}", at=START + timedelta(seconds=number)))
    begun = time.perf_counter()
    served = [matcher.seat_ready("8001") for _ in range(1000)]
    assert time.perf_counter() - begun < 2
    assert served == [f"c{number}" for number in range(1000)]
