"""Seats in the order in which they became idle, found by skill without a search.

Every ready seat is a bit in integers, one per skill and level: those that meet some needs are an
AND of a few. Bits are used again, so that the integers are short when few seats are ready; the
order of idleness is kept apart from them, in *generations* of seats, the longest idle first.

Which seat: of the ready ones that can serve, those are spared whose skills are scarce, then the
closest fit counts, then the longest idle; but a seat that has been idle for more than a bound
longer than the one so found is taken before it.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from operator import attrgetter

from queue_manager.bits import SkillBits, numbers
from queue_manager.model import Requirement

GENERATION = 256
_FEW = 24
_SPARED = 16
"""So many skills are spared, the scarcest on duty: what more people have isn't scarce."""


class IdleOrder:
    """All seats in their order, which of them are ready, and which are on duty. Pure bookkeeping:
    the only time here is `idle_since`, which is compared and never asked for."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._seats: list[_Seat] = []
        self._spare: list[int] = []
        self._generations = [_Generation(0)]
        self._staffed: list[_Generation] = []
        self._turn = 0
        self._latest_s = 0.0
        self._bits = SkillBits()
        self._duty = 0
        self._ready_bits = SkillBits()
        self._ready = 0
        self._places: list[_Seat] = []
        self._turns = array("q")
        self._free: list[int] = []
        self._held: dict[str, int] = {}
        self._scarce: list[tuple[int, str]] = []

    def __iter__(self) -> Iterator[str]:
        """Every seat, ready or not, the longest idle first."""
        for generation in self._generations:
            for number in generation.members:
                yield self._seats[number].seat_id

    def join(self, seat_id: str, skills: Mapping[str, int]) -> None:
        """A new seat, on duty and not ready; it comes after all others."""
        number = self._spare.pop() if self._spare else len(self._seats)
        seat = _Seat(seat_id, skills, self._latest_s, self._generations[-1])
        self._seats[number : number + 1] = [seat]
        self._numbers[seat_id] = number
        self._append(number)
        self._bits.flip(1 << number, skills)
        self.set_duty(seat_id, True)

    def drop(self, seat_id: str) -> None:
        """Forget a seat, ready or not."""
        self.set_busy(seat_id)
        self.set_duty(seat_id, False)
        number = self._numbers.pop(seat_id)
        seat = self._seats[number]
        del seat.generation.members[number]
        self._bits.flip(1 << number, seat.skills)
        self._spare.append(number)

    def learn(self, seat_id: str, skills: Mapping[str, int]) -> None:
        """The seat has these skills from now on."""
        number = self._numbers[seat_id]
        seat = self._seats[number]
        old, seat.skills = seat.skills, skills
        self._bits.change(1 << number, old, skills)
        if seat.place >= 0:
            self._ready_bits.change(1 << seat.place, old, skills)
        if self._duty >> number & 1:
            self._hold(old.keys() - skills.keys(), -1)
            self._hold(skills.keys() - old.keys(), 1)

    def set_duty(self, seat_id: str, on_duty: bool) -> None:
        """Whether the seat is at work; that alone makes it neither ready nor busy."""
        number = self._numbers[seat_id]
        if bool(self._duty >> number & 1) == on_duty:
            return
        self._duty ^= 1 << number
        self._hold(self._seats[number].skills, 1 if on_duty else -1)

    def is_ready(self, seat_id: str) -> bool:
        """True while the seat may be found."""
        return self._seats[self._numbers[seat_id]].place >= 0

    def go_last(self, seat_id: str) -> None:
        """The seat, which isn't ready, comes after all others from now on."""
        number = self._numbers[seat_id]
        del self._seats[number].generation.members[number]
        self._append(number)

    def idle_since(self, seat_id: str, since_s: float | None) -> None:
        """Since when the seat is idle, in seconds of any clock; None: since the latest known."""
        if since_s is None:
            since_s = self._latest_s
        self._latest_s = max(since_s, self._latest_s)
        self._seats[self._numbers[seat_id]].since_s = since_s

    def set_ready(self, seat_id: str) -> None:
        """Let the seat be found."""
        seat = self._seats[self._numbers[seat_id]]
        if seat.place < 0:
            seat.place = heappop(self._free) if self._free else len(self._places)
            self._places[seat.place : seat.place + 1] = [seat]
            self._turns[seat.place : seat.place + 1] = array("q", (seat.turn,))
            self._flip_ready(seat)

    def set_busy(self, seat_id: str) -> None:
        """The seat is no longer to be found; nothing happens when it wasn't ready."""
        seat = self._seats[self._numbers[seat_id]]
        if seat.place >= 0:
            self._flip_ready(seat)
            heappush(self._free, seat.place)
            seat.place = -1

    def find(self, needs: Requirement, preferred: str, bound_s: float) -> str | None:
        """The best ready seat that meets the requirement: the preferred one if it does, else as
        the module tells."""
        found = self._ready_bits.capable(needs, self._ready)
        if not found:
            return None
        number = self._numbers.get(preferred) if preferred else None
        if number is not None:
            place = self._seats[number].place
            if place >= 0 and found >> place & 1:
                return preferred
        if not found & (found - 1):
            return self._places[found.bit_length() - 1].seat_id
        longest = self._longest(found)
        best = self._longest(self._ready_bits.closest(needs, self._spared(found)))
        too_long = longest.since_s + bound_s < best.since_s
        return longest.seat_id if too_long else best.seat_id

    def on_duty(self, needs: Requirement) -> int:
        """How many seats on duty meet the requirement."""
        return self._bits.capable(needs, self._duty).bit_count()

    # --- inside

    def _longest(self, found: int) -> "_Seat":
        """The longest idle of these ready seats, of whom there is one at least."""
        here, generation = 0, self._staffed[0]
        for generation in self._staffed:
            here = found & generation.ready
            if here:
                break
        if not here & (here - 1):
            return self._places[here.bit_length() - 1]
        if here.bit_count() > _FEW:
            return self._foremost(here, generation)
        return self._places[min(numbers(here, _FEW), key=self._turns.__getitem__)]

    def _foremost(self, found: int, generation: "_Generation") -> "_Seat":
        """The first of so many in a generation that they come soon."""
        seats = map(self._seats.__getitem__, generation.members)
        return next(seat for seat in seats if seat.place >= 0 and found >> seat.place & 1)

    def _spared(self, found: int) -> int:
        """Leave out who has the scarcest skill, unless all have it; then the next scarce one …"""
        return self._ready_bits.without((skill for _, skill in self._scarce[:_SPARED]), found)

    def _hold(self, skills: Iterable[str], more: int) -> None:
        """One more, or one less, on duty has each of these skills."""
        for skill in skills:
            held = self._held.get(skill)
            if held is not None:
                del self._scarce[bisect_left(self._scarce, (held, skill))]
            held = self._held[skill] = (held or 0) + more
            insort(self._scarce, (held, skill))

    def _flip_ready(self, seat: "_Seat") -> None:
        bit, generation = 1 << seat.place, seat.generation
        self._ready ^= bit
        self._ready_bits.flip(bit, seat.skills)
        if not generation.ready:
            insort(self._staffed, generation, key=_first)
        generation.ready ^= bit
        if not generation.ready:
            self._staffed.remove(generation)

    def _append(self, number: int) -> None:
        if len(self._generations[-1].members) >= GENERATION:
            self._join_generations()
            self._generations.append(_Generation(self._turn))
        self._turn += 1
        seat, youngest = self._seats[number], self._generations[-1]
        seat.turn, seat.generation = self._turn, youngest
        youngest.members[number] = None

    def _join_generations(self) -> None:
        """Most have left the older ones: neighbours that fit in one become one."""
        kept = [self._generations[0]]
        for generation in self._generations[1:]:
            if len(kept[-1].members) + len(generation.members) <= GENERATION:
                kept[-1].take(generation)
                for number in generation.members:
                    self._seats[number].generation = kept[-1]
            else:
                kept.append(generation)
        self._generations = kept
        self._staffed = [generation for generation in kept if generation.ready]


class _Generation:
    """Seats that became idle one after the other, after turn `first`: `members` in that order
    (their numbers), and the bits of those that are `ready`."""

    __slots__ = ("first", "members", "ready")

    def __init__(self, first: int) -> None:
        self.first = first
        self.members: dict[int, None] = {}
        self.ready = 0

    def take(self, younger: "_Generation") -> None:
        self.members |= younger.members
        self.ready |= younger.ready


class _Seat:
    """`turn` grows from the longest idle to the shortest; `place` is its bit while it is ready, -1
    while it isn't."""

    __slots__ = ("generation", "place", "seat_id", "since_s", "skills", "turn")

    def __init__(
        self, seat_id: str, skills: Mapping[str, int], since_s: float, generation: _Generation
    ) -> None:
        self.seat_id = seat_id
        self.skills = skills
        self.since_s = since_s
        self.generation = generation
        self.place = -1
        self.turn = 0


_first = attrgetter("first")
