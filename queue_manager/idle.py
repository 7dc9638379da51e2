"""Seats in the order in which they became idle, found by skill without a search.

Every seat has a turn, and is the bit of its turn in one integer per skill and level. The ready
seats that meet some needs are an AND of those integers, the longest idle is the lowest bit.

Which seat: of the ready ones that can serve, those are spared whose skills are scarce, then the
closest fit counts, then the longest idle; but a seat that has been idle for more than a bound
longer than the one so found is taken before it.
"""

from collections.abc import Mapping

from queue_manager.bits import SkillBits, lowest
from queue_manager.model import Requirement

_SPARE_TURNS = 256
_STEPS_PER_TURN = 3  # a pass over 2n turns ends before 3n are in use


class IdleOrder:
    """Turns of all seats, which of them are ready, and which are on duty. Pure bookkeeping: the
    only time here is `idle_since_s`, which is compared and never asked for."""

    __slots__ = (
        "_bits",
        "_closed",
        "_duty",
        "_held",
        "_latest_s",
        "_ready",
        "_scarcest",
        "_seat_at",
        "_seen",
        "_since_s",
        "_skills",
        "_turns",
    )

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}
        self._seat_at: list[str | None] = []
        self._skills: dict[str, Mapping[str, int]] = {}
        self._since_s: dict[str, float] = {}
        self._latest_s = 0.0
        self._bits = SkillBits()
        self._ready = 0
        self._duty = 0
        self._held: dict[str, int] = {}
        self._scarcest: list[str] | None = None
        self._seen = -1  # next turn to look at while gaps are being closed, -1 otherwise
        self._closed = 0

    def join(self, seat_id: str, skills: Mapping[str, int]) -> None:
        """A new seat, on duty and not ready; its turn comes after all others."""
        turn = len(self._seat_at)
        self._seat_at.append(seat_id)
        self._turns[seat_id] = turn
        self._skills[seat_id] = skills
        self._since_s[seat_id] = self._latest_s
        self._bits.flip(1 << turn, skills)
        self.set_duty(seat_id, True)

    def drop(self, seat_id: str) -> None:
        """Forget a seat, ready or not."""
        self.set_busy(seat_id)
        self.set_duty(seat_id, False)
        turn = self._turns.pop(seat_id)
        self._seat_at[turn] = None
        self._bits.flip(1 << turn, self._skills.pop(seat_id))
        del self._since_s[seat_id]

    def learn(self, seat_id: str, skills: Mapping[str, int]) -> None:
        """The seat has these skills from now on, at the turn it has."""
        bit = 1 << self._turns[seat_id]
        on_duty = bool(self._duty & bit)
        self.set_duty(seat_id, False)
        self._bits.flip(bit, self._skills[seat_id])
        self._bits.flip(bit, skills)
        self._skills[seat_id] = skills
        self.set_duty(seat_id, on_duty)

    def set_duty(self, seat_id: str, on_duty: bool) -> None:
        """Whether the seat is at work; that alone makes it neither ready nor busy."""
        bit = 1 << self._turns[seat_id]
        if bool(self._duty & bit) == on_duty:
            return
        self._duty ^= bit
        for skill in self._skills[seat_id]:
            self._held[skill] = self._held.get(skill, 0) + (1 if on_duty else -1)
        self._scarcest = None

    def is_ready(self, seat_id: str) -> bool:
        """True while the seat may be found."""
        return bool(self._ready >> self._turns[seat_id] & 1)

    def go_last(self, seat_id: str) -> None:
        """Give a seat a new turn, after all others."""
        turn = len(self._seat_at)
        if self._turns[seat_id] != turn - 1:
            self._seat_at.append(None)
            self._move(seat_id, turn)
            self._close_gaps()

    def set_ready(self, seat_id: str) -> None:
        """Let the seat be found, at its turn."""
        self._ready |= 1 << self._turns[seat_id]

    def idle_since(self, seat_id: str, since_s: float | None) -> None:
        """Since when the seat is idle, in seconds of any clock; None: since the latest known."""
        if since_s is None:
            since_s = self._latest_s
        self._latest_s = max(since_s, self._latest_s)
        self._since_s[seat_id] = since_s

    def set_busy(self, seat_id: str) -> None:
        """The seat is no longer to be found; nothing happens when it wasn't ready."""
        self._ready &= ~(1 << self._turns[seat_id])

    def find(self, needs: Requirement, preferred: str, bound_s: float) -> str | None:
        """The best ready seat that meets the requirement: the preferred one if it does, else as
        the module tells."""
        found = self._bits.capable(needs, self._ready)
        if not found:
            return None
        turn = self._turns.get(preferred) if preferred else None
        if turn is not None and found >> turn & 1:
            return preferred
        longest = self._at(found)
        if not found & (found - 1):
            return longest
        best = self._at(self._bits.closest(needs, self._spare(found)))
        too_long = self._since_s[longest] + bound_s < self._since_s[best]
        return longest if too_long else best

    def on_duty(self, needs: Requirement) -> int:
        """How many seats on duty meet the requirement."""
        return self._bits.capable(needs, self._duty).bit_count()

    # --- inside

    def _at(self, bits: int) -> str:
        seat_id = self._seat_at[lowest(bits)]
        assert seat_id is not None
        return seat_id

    def _spare(self, found: int) -> int:
        """Leave out who has the scarcest skill, unless all have it; then the next scarce one …"""
        if self._scarcest is None:
            self._scarcest = sorted(self._held, key=lambda skill: (self._held[skill], skill))
        for skill in self._scarcest:
            held = found & self._bits.having(skill)
            if held and held != found:
                found ^= held
                if not found & (found - 1):
                    break
        return found

    def _move(self, seat_id: str, turn: int) -> None:
        old = self._turns[seat_id]
        both = 1 << old | 1 << turn
        self._bits.flip(both, self._skills[seat_id])
        if self._ready >> old & 1:
            self._ready ^= both
        if self._duty >> old & 1:
            self._duty ^= both
        self._seat_at[old] = None
        self._seat_at[turn] = seat_id
        self._turns[seat_id] = turn

    def _close_gaps(self) -> None:
        """Used turns leave gaps; close them a little with each new turn, so that the integers
        stay short and no decision ever waits for it."""
        if self._seen < 0:
            if len(self._seat_at) <= _SPARE_TURNS + 2 * len(self._turns):
                return
            self._seen = self._closed = 0
        for _ in range(_STEPS_PER_TURN):
            if self._seen == len(self._seat_at):
                del self._seat_at[self._closed :]
                self._seen = -1
                return
            seat_id = self._seat_at[self._seen]
            if seat_id is not None:
                if self._closed != self._seen:
                    self._move(seat_id, self._closed)
                self._closed += 1
            self._seen += 1
