"""Who gets whom: a pure, event-driven matcher for one tenant. No clock, no I/O, no asyncio.

Rules:

- A seat can serve a caller when it meets his requirement.
- A caller's *rank* is `queued_at - priority x weight_s`: a step of priority is worth `weight_s`
  seconds of waiting. It never changes by itself, and so nobody is overtaken by anyone who came
  more than (difference of priority) x weight_s + same_seat_s later: that is the starvation bound.
- A seat that becomes ready gets the waiting caller of the smallest rank it can serve; between
  equal ranks the closest fit, then who entered first. A caller who wants this very seat goes
  before those up to `same_seat_s` ahead of him. A caller nobody can serve blocks nobody.
- A caller who enters gets the ready seat he prefers; else, of those that can serve him, one whose
  skills aren't scarce, then the closest fit, then the longest idle, and never one that became idle
  more than `scarce_bound_s` after another that can serve him.
- So no caller ever waits beside a ready seat that could serve him, and every event makes at most
  one match.

How it stays fast: equal needs are one *signature* that keeps its callers in order; equal skills
are one *profile* that knows the signatures it can serve. A ready seat looks only at the first
caller of each of those, never at the callers behind them. An arriving caller costs a few ANDs of
integers with a bit per seat. What can wait (`tidy`) waits for an idle tick.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from queue_manager.bits import surplus
from queue_manager.callers import Callers
from queue_manager.idle import IdleOrder
from queue_manager.model import LEVELS, Requirement, WaitingCaller
from queue_manager.ordered import Line
from queue_manager.positions import Positions
from queue_manager.profiles import Profile, Profiles
from queue_manager.signatures import NOBODY, Signatures

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND_US = 1_000_000
_MOST = 1 << 62  # ranks stay within 64 bits, whatever date or priority comes in
_MOST_PRIORITY = 1_000_000_000
_WISHES_SEEN = 8
_SPARE_SIGNATURES = 256
_RECLAIMED = 8


def check_skills(skills: Mapping[str, int]) -> None:
    """Raises ValueError when a skill's level is out of range."""
    for skill, level in skills.items():
        if level not in LEVELS:
            raise ValueError(f"skill {skill!r}: level {level} is not 1 to {LEVELS[-1]}")


class Matcher:
    """Waiting callers and ready seats of one tenant; every method that can make a match returns
    the partner found, who then neither waits nor is ready any more.

    Seats and callers are known by their ids; using an unknown one raises KeyError.
    """

    def __init__(
        self, *, weight_s: float = 120.0, scarce_bound_s: float = 60.0, same_seat_s: float = 20.0
    ) -> None:
        self.set_bounds(weight_s=weight_s, scarce_bound_s=scarce_bound_s, same_seat_s=same_seat_s)
        self._callers = Callers()
        self._signatures = Signatures(self._callers.turn)
        self._profiles = Profiles(self._signatures, self._callers)
        self._positions = Positions(self._callers, self._signatures, self._profiles)
        self._seats: dict[str, Profile] = {}
        self._idle = IdleOrder()
        self._wanted: dict[str, Line] = {}
        self._sweep: list[Profile] = []
        self._swept = 0
        self._waiting = 0

    def set_bounds(self, *, weight_s: float, scarce_bound_s: float, same_seat_s: float) -> None:
        """The rules' seconds, at any time. A new weight counts for callers who enter or change
        from then on. Raises ValueError, and changes nothing, for what makes no sense."""
        if weight_s < 0.001 or scarce_bound_s < 0 or same_seat_s < 0:
            raise ValueError(
                f"weight_s {weight_s} must be at least 0.001, "
                f"scarce_bound_s {scarce_bound_s} and same_seat_s {same_seat_s} not negative"
            )
        self._weight_us = round(weight_s * _SECOND_US)
        self._scarce_bound_s = scarce_bound_s
        self._same_seat_us = round(same_seat_s * _SECOND_US)

    # --- seats

    def put_seat(self, seat_id: str, skills: Mapping[str, int]) -> str | None:
        """Add a seat (on duty, not ready), or give a known one new skills; a ready one may match
        now. Raises ValueError, and changes nothing, when a level is out of range."""
        check_skills(skills)
        old = self._seats.get(seat_id)
        profile = self._profiles.change(old, skills) if old else self._profiles.use(skills)
        self._seats[seat_id] = profile
        if profile.births < 0:
            self._sweep.append(profile)
        if old is None:
            self._idle.join(seat_id, profile.skills)
            return None
        self._idle.learn(seat_id, profile.skills)
        if not self._idle.is_ready(seat_id):
            return None
        call_id = self._best_caller(seat_id)
        if call_id is not None:
            self._idle.set_busy(seat_id)
        return call_id

    def drop_seat(self, seat_id: str) -> None:
        """Forget a seat."""
        self._profiles.release(self._seats.pop(seat_id))
        self._idle.drop(seat_id)

    def set_duty(self, seat_id: str, on_duty: bool) -> None:
        """Whether the seat is at work: counted by `on_duty`, and its skills as less scarce."""
        self._idle.set_duty(seat_id, on_duty)

    def seat_ready(
        self, seat_id: str, *, keep_turn: bool = False, idle_since: datetime | None = None
    ) -> str | None:
        """The seat can take a caller; the best one waiting for it, if any, is its match.

        `keep_turn` leaves its place in the order of idleness: the offer it had came to nothing
        without its doing, or it was idle before a restart (the order then is that of `put_seat`).
        `idle_since` is when it became idle, None: when the seat before it did.
        """
        if self._idle.is_ready(seat_id):
            return None
        if not keep_turn:
            self._idle.go_last(seat_id)
        if idle_since is not None or not keep_turn:
            self._idle.idle_since(seat_id, idle_since.timestamp() if idle_since else None)
        call_id = self._best_caller(seat_id)
        if call_id is None:
            self._idle.set_ready(seat_id)
        return call_id

    def seat_busy(self, seat_id: str) -> None:
        """The seat can't take a caller; nothing happens when it wasn't ready."""
        self._idle.set_busy(seat_id)

    def on_duty(self, needs: Requirement) -> int:
        """How many seats on duty, ready or busy, can serve these needs."""
        return self._idle.on_duty(needs)

    # --- callers

    def caller_enters(self, caller: WaitingCaller) -> str | None:
        """Take a new caller in; the seat that is his match, if any. Raises ValueError when a
        caller of this id is there already."""
        return self._find_seat(self._take_in(caller))

    def caller_enters_matched(self, caller: WaitingCaller) -> None:
        """Take a new caller in who has a seat by other means; he waits from `caller_returns` on.
        Raises ValueError as `caller_enters`."""
        self._take_in(caller)

    def hold(self, call_id: str) -> None:
        """He doesn't wait for the moment (a seat is given to him by hand), until
        `caller_returns`; his place is kept. Nothing happens when he is matched."""
        slot = self._callers.slot(call_id)
        if self._callers.waiting[slot]:
            self._stop_waiting(slot)

    def caller_returns(self, call_id: str) -> str | None:
        """The match came to nothing: the caller waits again, at the place he had."""
        slot = self._callers.slot(call_id)
        return None if self._callers.waiting[slot] else self._find_seat(slot)

    def change(
        self, call_id: str, needs: Requirement | None = None, priority: int | None = None
    ) -> str | None:
        """Another requirement or priority from now on (a step of the rules); the seat that is his
        match now, if any. He keeps the time he has waited. While he is matched it counts for his
        return."""
        callers = self._callers
        slot = callers.slot(call_id)
        waits = callers.waiting[slot]
        if waits:
            self._stop_waiting(slot)
        if needs is not None:
            number = self._signatures.use(needs, self._profiles.reach).number
            self._signatures.release(callers.signature[slot])
            callers.signature[slot] = number
        if priority is not None:
            priority = _within(priority, _MOST_PRIORITY)
            callers.priority[slot] = priority
            callers.rank[slot] = self._rank(callers.queued[slot], priority)
        return self._find_seat(slot) if waits else None

    def move_first(self, call_id: str) -> int:
        """Put a caller before all who wait, by the smallest priority that does it, which is
        returned to be kept with the call: so he is first after a crash, too."""
        callers = self._callers
        slot = callers.slot(call_id)
        waits = callers.waiting[slot]
        if waits:
            self._stop_waiting(slot)
        ahead = self._signatures.first_rank
        if ahead != NOBODY and callers.rank[slot] >= ahead - self._same_seat_us:
            late = callers.queued[slot] - ahead + self._same_seat_us
            priority = late // self._weight_us + 1
            callers.priority[slot] = priority
            callers.rank[slot] = self._rank(callers.queued[slot], priority)
        if waits:
            self._wait(slot)
        return callers.priority[slot]

    def caller_leaves(self, call_id: str) -> None:
        """Forget a caller, waiting or matched; nothing happens when he is unknown."""
        slot = self._callers.pop(call_id)
        if slot is None:
            return
        if self._callers.waiting[slot]:
            self._stop_waiting(slot)
        self._signatures.release(self._callers.signature[slot])
        self._callers.free(slot)

    @property
    def waiting(self) -> int:
        """How many callers wait (those who are matched don't)."""
        return self._waiting

    def waiting_for(self, needs: Requirement) -> int:
        """How many callers wait with exactly these needs."""
        found = self._signatures.find(needs)
        return len(found.line) if found else 0

    def position(self, call_id: str) -> int:
        """The caller's rank, from 1, among those who compete for at least the same seats.

        Counted are the waiting callers who come before him and whose needs every seat (on duty or
        not) that can serve him meets too. Those who wait for other seats, or only for some of his,
        don't count: they can't be ahead of him everywhere. When no seat can serve him, he is
        ranked among callers with the same needs.

        Exact while there are at most 512 different needs, of which 48 compete with his, and 64
        different sets of skills that can serve him; beyond that it is an estimate.
        """
        return self._positions.of(self._callers.slot(call_id))

    # --- on idle ticks

    def tidy(self, budget: int = 256) -> bool:
        """Do some of what can wait; True while there is more. `budget` counts pieces of work of
        about two µs: profiles that learn of new signatures, signatures nobody has any more."""
        signatures = self._signatures
        while budget > 0 and len(signatures.unused) > _SPARE_SIGNATURES:
            signatures.reclaim()
            budget -= _RECLAIMED
        if not self._sweep and self._swept != signatures.births:
            signatures.forget_births(self._swept)
            self._sweep, self._swept = list(self._profiles.all()), signatures.births
        while budget > 0 and self._sweep:
            budget -= self._profiles.prepare(self._sweep.pop())
        if not self._sweep:
            self._positions.look_ahead(budget)
        return (
            bool(self._sweep)
            or len(signatures.unused) > _SPARE_SIGNATURES
            or self._positions.behind
        )

    # --- inside

    def _take_in(self, caller: WaitingCaller) -> int:
        if caller.call_id in self._callers:
            raise ValueError(f"call {caller.call_id} is in the queue already")
        queued = (caller.queued_at - _EPOCH) // _MICROSECOND
        priority = _within(caller.priority, _MOST_PRIORITY)
        number = self._signatures.use(caller.needs, self._profiles.reach).number
        rank = self._rank(queued, priority)
        slot = self._callers.add(caller.call_id, queued, priority, rank, number)
        if caller.preferred_seat:
            self._callers.wishes[slot] = caller.preferred_seat
        return slot

    def _best_caller(self, seat_id: str) -> str | None:
        profile = self._seats[seat_id]
        best = self._profiles.best(profile)
        if best == NOBODY:
            return None
        slot = self._who_wants(seat_id, profile, best)
        if slot is None:
            slot = self._first_at(best, profile)
        self._stop_waiting(slot)
        return self._callers.ids[slot]

    def _first_at(self, rank: int, profile: Profile) -> int:
        """The caller of this rank; of several the closest fit, then who entered first."""
        signature, lines = self._callers.signature, self._signatures.by_number
        heads = self._signatures.first_at(rank)
        able = [slot for slot in heads if profile.served >> signature[slot] & 1]
        if len(able) == 1:
            return able[0]
        turn, skills = self._callers.turn, profile.skills
        return min(
            able, key=lambda slot: (surplus(lines[signature[slot]].needs, skills), turn[slot])
        )

    def _who_wants(self, seat_id: str, profile: Profile, best: int) -> int | None:
        wanting = self._wanted.get(seat_id)
        if wanting is None:
            return None
        callers = self._callers
        for slot in wanting.first(_WISHES_SEEN):
            if callers.rank[slot] > best + self._same_seat_us:
                return None
            if profile.served >> callers.signature[slot] & 1:
                return slot
        return None

    def _find_seat(self, slot: int) -> str | None:
        callers = self._callers
        needs = self._signatures.by_number[callers.signature[slot]].needs
        preferred = callers.wishes.get(slot, "")
        seat_id = self._idle.find(needs, preferred, self._scarce_bound_s)
        if seat_id is None:
            self._wait(slot)
        else:
            self._idle.set_busy(seat_id)
        return seat_id

    def _wait(self, slot: int) -> None:
        callers = self._callers
        rank = callers.rank[slot]
        callers.waiting[slot] = 1
        self._waiting += 1
        self._signatures.wait(callers.signature[slot], rank, slot)
        wish = callers.wishes.get(slot)
        if wish is not None:
            self._wanted.setdefault(wish, Line(callers.turn)).add(rank, slot)

    def _stop_waiting(self, slot: int) -> None:
        callers = self._callers
        rank = callers.rank[slot]
        callers.waiting[slot] = 0
        self._waiting -= 1
        self._signatures.stop(callers.signature[slot], rank, slot)
        wish = callers.wishes.get(slot)
        if wish is not None:
            wanting = self._wanted[wish]
            wanting.remove(rank, slot)
            if not wanting:
                del self._wanted[wish]

    def _rank(self, queued: int, priority: int) -> int:
        return _within(queued - priority * self._weight_us, _MOST)


def _within(value: int, most: int) -> int:
    return max(-most, min(value, most))
