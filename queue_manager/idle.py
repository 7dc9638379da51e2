"""Ready seats in the order in which they became idle, found by skill without a search.

Every seat has a turn; a ready seat is the bit of its turn in one integer per skill and level.
The seats that meet some needs are the AND of those integers, the longest idle is the lowest bit.
"""

from collections.abc import Mapping

from queue_manager.model import LEVELS, Requirement

_SPARE_TURNS = 256


class IdleOrder:
    """Turns of all seats, and which of them are ready. Pure bookkeeping, no time."""

    __slots__ = ("_all", "_masks", "_next", "_ready", "_seat_at", "_turns")

    def __init__(self) -> None:
        self._turns: dict[str, int] = {}
        self._ready: dict[str, Mapping[str, int]] = {}
        self._seat_at: dict[int, str] = {}
        self._masks: dict[str, list[int]] = {}
        self._all = 0
        self._next = 0

    def join(self, seat_id: str) -> None:
        """A new seat, not ready yet; its turn comes after all others."""
        self.go_last(seat_id)

    def drop(self, seat_id: str) -> None:
        """Forget a seat, ready or not."""
        self.set_busy(seat_id)
        del self._turns[seat_id]

    def is_ready(self, seat_id: str) -> bool:
        """True while the seat may be found by `longest`."""
        return seat_id in self._ready

    def go_last(self, seat_id: str) -> None:
        """Give a seat that isn't ready a new turn, after all others."""
        self._turns[seat_id] = self._new_turn()

    def set_ready(self, seat_id: str, skills: Mapping[str, int]) -> None:
        """Let the seat be found, at its turn."""
        turn = self._turns[seat_id]
        self._ready[seat_id] = skills
        self._seat_at[turn] = seat_id
        self._flip(turn, skills)

    def set_busy(self, seat_id: str) -> None:
        """The seat is no longer to be found; nothing happens when it wasn't ready."""
        skills = self._ready.pop(seat_id, None)
        if skills is not None:
            turn = self._turns[seat_id]
            del self._seat_at[turn]
            self._flip(turn, skills)

    def longest(self, needs: Requirement) -> str | None:
        """The ready seat longest idle that meets the requirement."""
        found = self._all
        for group in needs.all_of:
            enough = 0
            for need in group:
                for mask in self._masks.get(need.skill, ())[need.level :]:
                    enough |= mask
            found &= enough
        return self._seat_at[(found & -found).bit_length() - 1] if found else None

    def _flip(self, turn: int, skills: Mapping[str, int]) -> None:
        bit = 1 << turn
        self._all ^= bit
        for skill, level in skills.items():
            levels = self._masks.get(skill)
            if levels is None:
                levels = self._masks[skill] = [0] * LEVELS.stop
            levels[level] ^= bit

    def _new_turn(self) -> int:
        if self._next > _SPARE_TURNS + 4 * len(self._turns):
            self._renumber()
        self._next += 1
        return self._next - 1

    def _renumber(self) -> None:
        """Close the gaps that used turns left, so that the integers stay short."""
        order = sorted(self._turns, key=self._turns.__getitem__)
        self._turns = {seat_id: turn for turn, seat_id in enumerate(order)}
        self._next = len(order)
        self._masks.clear()
        self._all = 0
        self._seat_at = {self._turns[seat_id]: seat_id for seat_id in self._ready}
        for turn, seat_id in self._seat_at.items():
            self._flip(turn, self._ready[seat_id])
