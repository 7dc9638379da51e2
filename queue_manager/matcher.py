"""Who gets whom: a pure, event-driven matcher for one tenant. No clock, no I/O, no asyncio.

Rules:

- A seat can serve a caller when it has every skill he needs at that level or better.
- A seat that becomes ready gets the best waiting caller it can serve: higher priority first, then
  the earlier `queued_at`, then who entered first. A caller nobody can serve blocks nobody.
- A caller who enters gets the ready seat that is longest idle among those that can serve him.
- So no caller ever waits beside a ready seat that could serve him, and every event makes at most
  one match.

How it stays fast: equal needs are one *signature* that keeps its callers in order; equal skills
are one *profile* that knows the signatures it can serve. A ready seat looks only at the first
caller of each of those, never at the callers behind them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from queue_manager.idle import IdleOrder
from queue_manager.model import LEVELS, Requirement, WaitingCaller
from queue_manager.ordered import SortedKeys

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PRIORITY_US = 10**18  # one step of priority outweighs any waiting time
_SEQUENCE_BITS = 48
_NOBODY = 1 << 256  # comes after every caller


@dataclass(slots=True, eq=False)
class _Signature:
    """Callers with equal needs; `reach` has the bit of every profile that can serve them."""

    needs: Requirement
    number: int
    waiting: SortedKeys = field(default_factory=SortedKeys)
    reach: int = 0


@dataclass(slots=True, eq=False)
class _Profile:
    """Seats with equal skills, and the numbers of the signatures they can serve."""

    skills: Mapping[str, int]
    number: int
    seats: int = 0
    signatures: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Caller:
    key: int
    signature: _Signature
    waiting: bool = False


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

    def __init__(self) -> None:
        self._signatures: dict[Requirement, _Signature] = {}
        self._by_number: list[_Signature] = []
        self._heads: list[int] = []
        self._profiles: dict[frozenset[tuple[str, int]], _Profile] = {}
        self._spare_numbers: list[int] = []
        self._seats: dict[str, _Profile] = {}
        self._idle = IdleOrder()
        self._callers: dict[str, _Caller] = {}
        self._call_at: dict[int, str] = {}
        self._sequence = 0

    # --- seats

    def put_seat(self, seat_id: str, skills: Mapping[str, int]) -> str | None:
        """Add a seat (not ready), or give a known one new skills; a ready one may match now.

        Raises ValueError, and changes nothing, when a level is out of range.
        """
        old = self._seats.get(seat_id)
        profile = self._profile_of(skills)
        profile.seats += 1
        self._seats[seat_id] = profile
        if old is None:
            self._idle.join(seat_id)
            return None
        self._release(old)
        if not self._idle.is_ready(seat_id):
            return None
        self._idle.set_busy(seat_id)
        return self.seat_ready(seat_id, keep_turn=True)

    def drop_seat(self, seat_id: str) -> None:
        """Forget a seat."""
        self._release(self._seats.pop(seat_id))
        self._idle.drop(seat_id)

    def seat_ready(self, seat_id: str, *, keep_turn: bool = False) -> str | None:
        """The seat can take a caller; the best one waiting for it, if any, is its match.

        `keep_turn` leaves its place in the order of idleness: the offer it had came to nothing
        without its doing, or it was idle before a restart (the order then is that of `put_seat`).
        """
        profile = self._seats[seat_id]
        if self._idle.is_ready(seat_id):
            return None
        if not keep_turn:
            self._idle.go_last(seat_id)
        best = min(map(self._heads.__getitem__, profile.signatures), default=_NOBODY)
        if best == _NOBODY:
            self._idle.set_ready(seat_id, profile.skills)
            return None
        call_id = self._call_at[best]
        self._stop_waiting(self._callers[call_id])
        return call_id

    def seat_busy(self, seat_id: str) -> None:
        """The seat can't take a caller; nothing happens when it wasn't ready."""
        self._idle.set_busy(seat_id)

    # --- callers

    def caller_enters(self, caller: WaitingCaller) -> str | None:
        """Take a new caller in; the seat that is his match, if any."""
        queued_us = (caller.queued_at - _EPOCH) // _MICROSECOND
        rank = queued_us - caller.priority * _PRIORITY_US
        self._sequence += 1
        known = _Caller((rank << _SEQUENCE_BITS) | self._sequence, self._signature_of(caller.needs))
        self._callers[caller.call_id] = known
        return self._find_seat(caller.call_id, known)

    def caller_returns(self, call_id: str) -> str | None:
        """The match came to nothing: the caller waits again, at the place he had."""
        known = self._callers[call_id]
        return None if known.waiting else self._find_seat(call_id, known)

    def change(self, call_id: str, needs: Requirement) -> str | None:
        """The caller needs something else from now on (a step of his queue's rules), at the place
        he has; the seat that is his match now, if any. While he is matched it counts for his
        return."""
        known = self._callers[call_id]
        if known.waiting:
            self._stop_waiting(known)
            known.signature = self._signature_of(needs)
            return self._find_seat(call_id, known)
        known.signature = self._signature_of(needs)
        return None

    def caller_leaves(self, call_id: str) -> None:
        """Forget a caller, waiting or matched; nothing happens when he is unknown."""
        known = self._callers.pop(call_id, None)
        if known is not None and known.waiting:
            self._stop_waiting(known)

    def position(self, call_id: str) -> int:
        """The caller's rank, from 1, among those who compete for at least the same seats.

        Counted are the waiting callers who come before him and whose needs every seat (on duty or
        not) that can serve him meets too. Those who wait for other seats, or only for some of his,
        don't count: they can't be ahead of him everywhere. When no seat can serve him, he is
        ranked among callers with the same needs.
        """
        known = self._callers[call_id]
        mine = known.signature
        ahead = mine.waiting.count_below(known.key)
        if mine.reach:
            for other in self._by_number:
                if other is not mine and other.waiting and not mine.reach & ~other.reach:
                    ahead += other.waiting.count_below(known.key)
        return ahead + 1

    # --- inside

    def _find_seat(self, call_id: str, known: _Caller) -> str | None:
        signature = known.signature
        seat_id = self._idle.longest(signature.needs)
        if seat_id is not None:
            self._idle.set_busy(seat_id)
            return seat_id
        known.waiting = True
        self._call_at[known.key] = call_id
        signature.waiting.add(known.key)
        self._heads[signature.number] = signature.waiting.first
        return None

    def _stop_waiting(self, known: _Caller) -> None:
        known.waiting = False
        del self._call_at[known.key]
        signature = known.signature
        signature.waiting.remove(known.key)
        self._heads[signature.number] = signature.waiting.first if signature.waiting else _NOBODY

    def _signature_of(self, needs: Requirement) -> _Signature:
        found = self._signatures.get(needs)
        if found is None:
            found = self._signatures[needs] = _Signature(needs, len(self._by_number))
            self._by_number.append(found)
            self._heads.append(_NOBODY)
            for profile in self._profiles.values():
                _introduce(profile, found)
        return found

    def _profile_of(self, skills: Mapping[str, int]) -> _Profile:
        key = frozenset(skills.items())
        found = self._profiles.get(key)
        if found is None:
            check_skills(skills)
            number = self._spare_numbers.pop() if self._spare_numbers else len(self._profiles)
            found = self._profiles[key] = _Profile(dict(skills), number)
            for signature in self._by_number:
                _introduce(found, signature)
        return found

    def _release(self, profile: _Profile) -> None:
        profile.seats -= 1
        if profile.seats:
            return
        del self._profiles[frozenset(profile.skills.items())]
        self._spare_numbers.append(profile.number)
        for number in profile.signatures:
            self._by_number[number].reach &= ~(1 << profile.number)


def _introduce(profile: _Profile, signature: _Signature) -> None:
    if signature.needs.met_by(profile.skills):
        profile.signatures.append(signature.number)
        signature.reach |= 1 << profile.number
