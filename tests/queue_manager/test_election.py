"""Who leads: no two engines are ever both obeyed, whatever Redis, links and engines do."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from queue_manager.cluster.election import (
    Event,
    FollowerCame,
    FollowerLost,
    Heard,
    Joined,
    LeaderLost,
    Patience,
    Renewed,
    Role,
    Standing,
    TimePassed,
    Won,
    decide,
)

PATIENCE = Patience(lease_s=1.5, alone_after_s=8.0)
NAMES = ("a", "b", "c")


@dataclass
class Lease:
    """Redis as the scripts of storage/lease.py make it: the last token and the holder."""

    counter: int = 0
    clock: int = 0
    holder: str = ""
    token: int = 0
    until_s: float = 0.0
    away: set[str] = field(default_factory=set)

    def held(self, now_s: float) -> bool:
        return bool(self.holder) and now_s < self.until_s

    def take(self, name: str, at_least: int, now_s: float) -> int:
        """The token won, 0 when it is another's."""
        if self.held(now_s) and self.holder != name:
            return 0
        self.clock += 1  # Redis's own clock, which no wiping sets back
        self.counter = max(self.counter, at_least, self.token, self.clock) + 1
        self.holder, self.token, self.until_s = name, self.counter, now_s + PATIENCE.lease_s
        return self.counter

    def renew(self, name: str, token: int, now_s: float) -> int:
        """The token that holds now."""
        if self.held(now_s) and self.token > token:
            return self.token
        if self.counter > token:
            return self.counter
        self.counter = self.token = token
        self.holder, self.until_s = name, now_s + PATIENCE.lease_s
        return token

    def wipe(self) -> None:
        self.counter = self.token = 0
        self.holder = ""


class Engines(RuleBasedStateMachine):
    """Three engines, one Redis, links that break on either side, answers that come late."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.redis = Lease()
        self.standing = {name: Standing() for name in NAMES}
        self.links: set[tuple[str, str]] = set()  # (follower, leader)
        self.late: list[tuple[str, Event]] = []
        self.led: dict[int, str] = {}
        self.wipes = 0
        self.confirmed: dict[str, int] = {}
        self.won_after: dict[str, int] = {}

    def hear(self, name: str, event: Event) -> None:
        before = self.standing[name]
        after = self.standing[name] = decide(before, event, self.now_s, PATIENCE)
        assert after.term >= before.term, "a term never falls"
        if after.role is Role.LEADING:
            assert self.led.setdefault(after.term, name) == name, "one leader a term"
        moved = (after.role, after.term) != (before.role, before.term)
        if moved and before.role is Role.FOLLOWING:
            self.part(name)
        if moved and before.role is Role.LEADING:
            for follower, leader in tuple(self.links):
                if leader == name:
                    self.links.discard((follower, leader))
                    self.hear(follower, LeaderLost())

    def part(self, follower: str) -> None:
        """The follower's end is closed; its leader sees that at once or never sees it again."""
        for link in tuple(self.links):
            if link[0] == follower:
                self.links.discard(link)
                self.hear(link[1], FollowerLost(follower))

    @rule(name=st.sampled_from(NAMES), lost=st.booleans())
    def stands(self, name: str, lost: bool) -> None:
        """Whoever seeks asks for the lease; the answer may be late."""
        mine = self.standing[name]
        if name in self.redis.away or mine.role not in (Role.SEEKING, Role.ALONE):
            return
        token = self.redis.take(name, mine.term, self.now_s)
        if token:
            self.confirmed[name] = self.won_after[name] = self.wipes
        event: Event = Won(token, self.now_s) if token else Heard(self.redis.token)
        self.late.append((name, event)) if lost else self.hear(name, event)

    @rule(name=st.sampled_from(NAMES))
    def renews(self, name: str) -> None:
        mine = self.standing[name]
        if name in self.redis.away or mine.role is not Role.LEADING:
            return
        was = (self.redis.holder, self.redis.token)
        token = self.redis.renew(name, mine.term, self.now_s)
        if token == mine.term:
            self.confirmed[name] = self.wipes
            if was[0] not in ("", name) and was[1] < token:
                self.overruled(was[0], name)
        self.hear(name, Renewed(self.now_s) if token == mine.term else Heard(token))

    def overruled(self, smaller: str, larger: str) -> None:
        """A Redis that had forgotten both took the smaller one's word first, then the larger one's:
        as if it had been wiped in between. That needs a wipe since the larger one won."""
        assert self.won_after[larger] < self.wipes
        self.wipes += 1
        self.confirmed[larger] = self.wipes

    @rule(name=st.sampled_from(NAMES))
    def looks(self, name: str) -> None:
        if name not in self.redis.away and self.redis.held(self.now_s):
            self.hear(name, Heard(self.redis.token))

    @rule(follower=st.sampled_from(NAMES), leader=st.sampled_from(NAMES))
    def joins(self, follower: str, leader: str) -> None:
        """A greeting: each hears the other's term; the leader takes him in if it leads on."""
        mine, other = self.standing[follower], self.standing[leader]
        if follower == leader or mine.role not in (Role.SEEKING, Role.ALONE):
            return
        self.hear(leader, Heard(mine.term))
        other = self.standing[leader]
        if other.role is Role.LEADING and other.term >= mine.term:
            self.links.add((follower, leader))
            self.hear(leader, FollowerCame(follower))
            self.hear(follower, Joined(other.term))

    @rule(follower=st.sampled_from(NAMES))
    def link_breaks(self, follower: str) -> None:
        if any(link[0] == follower for link in self.links):
            self.part(follower)
            self.hear(follower, LeaderLost())

    @rule(name=st.sampled_from(NAMES))
    def dies(self, name: str) -> None:
        """SIGKILL and a new start: it knows nothing any more."""
        self.part(name)
        for follower, leader in tuple(self.links):
            if leader == name:
                self.links.discard((follower, leader))
                self.hear(follower, LeaderLost())
        self.late = [(who, event) for who, event in self.late if who != name]
        self.standing[name] = Standing(since_s=self.now_s)

    @rule(seconds=st.sampled_from((0.1, 0.5, 1.6, 9.0)))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds
        for name in NAMES:
            self.hear(name, TimePassed())

    @rule(name=st.sampled_from(NAMES))
    def redis_goes(self, name: str) -> None:
        self.redis.away ^= {name}

    @rule()
    def redis_is_wiped(self) -> None:
        self.redis.wipe()
        self.wipes += 1

    @rule()
    def an_answer_comes_late(self) -> None:
        if self.late:
            name, event = self.late.pop(0)
            self.hear(name, event)

    @invariant()
    def nobody_obeys_two(self) -> None:
        """A follower is on one link, that link's leader leads with the very term it obeys."""
        for name in NAMES:
            mine = self.standing[name]
            obeyed = [leader for follower, leader in self.links if follower == name]
            if mine.role is Role.FOLLOWING:
                assert len(obeyed) == 1
                leader = self.standing[obeyed[0]]
                assert leader.role is Role.LEADING
                assert leader.term == mine.term
            else:
                assert not obeyed

    @invariant()
    def a_sure_leader_is_the_only_one(self) -> None:
        """While a lease can't be another's, nobody else leads by one. (A Redis that was wiped may
        give a second one, of a larger term: the smaller is fenced off when it next asks.)"""
        sure = [
            name
            for name, mine in self.standing.items()
            if mine.role is Role.LEADING and self.now_s < mine.sure_s
        ]
        confirmed = [self.confirmed[name] for name in sure]
        assert len(set(confirmed)) == len(confirmed)


Engines.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestEngines = Engines.TestCase


LEADER = Standing(Role.LEADING, 5, since_s=0.0, sure_s=2.0, followers=frozenset({"b"}))
FOLLOWER = Standing(Role.FOLLOWING, 5)


@pytest.mark.parametrize(
    ("before", "event", "role", "term"),
    [
        (Standing(), Won(1, 10.0), Role.LEADING, 1),
        (Standing(term=7), Won(7, 10.0), Role.SEEKING, 7),
        (Standing(), TimePassed(), Role.ALONE, 0),
        (Standing(Role.ALONE, 5), Joined(5), Role.FOLLOWING, 5),
        (Standing(term=6), Joined(5), Role.SEEKING, 6),
        (FOLLOWER, TimePassed(), Role.FOLLOWING, 5),
        (FOLLOWER, Heard(5), Role.FOLLOWING, 5),
        (FOLLOWER, Heard(6), Role.SEEKING, 6),
        (FOLLOWER, LeaderLost(), Role.SEEKING, 5),
        (LEADER, TimePassed(), Role.LEADING, 5),
        (LEADER, FollowerLost("b"), Role.ALONE, 5),
        (LEADER, Heard(6), Role.SEEKING, 6),
    ],
)
def test_each_word_leads_where_the_rules_say(
    before: Standing, event: Event, role: Role, term: int
) -> None:
    """At second 10: leases that were asked for before second 8.5 have run out."""
    after = decide(before, event, 10.0, PATIENCE)
    assert (after.role, after.term) == (role, term)


def test_a_leader_with_a_lease_goes_on_when_a_follower_leaves() -> None:
    after = decide(LEADER, FollowerLost("b"), 1.0, PATIENCE)
    assert (after.role, after.followers) == (Role.LEADING, frozenset())


def test_a_renewal_asked_before_an_older_one_takes_nothing_back() -> None:
    """Answers may come in any order: the lease is never thought longer, nor shorter, than it is."""
    later = decide(LEADER, Renewed(4.0), 4.1, PATIENCE)
    assert decide(later, Renewed(3.0), 4.2, PATIENCE).sure_s == later.sure_s == 5.5
