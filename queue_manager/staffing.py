"""How many seats can take a call with given needs, without looking at every seat.

Seats with equal skills are counted together, and an answer is kept until a seat goes on or off
duty: that happens at a shift's ends and pauses, not with each call.
"""

from collections import Counter
from collections.abc import Mapping

from queue_manager.model import Requirement

Profile = frozenset[tuple[str, int]]
_MOST_ANSWERS = 20_000


def profile_of(skills: Mapping[str, int]) -> Profile:
    """What is equal for seats with equal skills."""
    return frozenset(skills.items())


class Staffing:
    """Seats by their skills: those that are set up, and those of them on duty."""

    __slots__ = ("_answers", "_on_duty", "_set_up", "_staffed")

    def __init__(self) -> None:
        self._set_up: Counter[Profile] = Counter()
        self._on_duty: Counter[Profile] = Counter()
        self._answers: dict[Requirement, int] = {}
        self._staffed: dict[Requirement, bool] = {}

    def add(self, profile: Profile, seats: int = 1) -> None:
        """A seat was set up (or, with -1, taken out)."""
        _count(self._set_up, profile, seats)
        self._staffed.clear()

    def duty(self, profile: Profile, seats: int) -> None:
        """A seat went on duty (1) or off (-1)."""
        _count(self._on_duty, profile, seats)
        self._answers.clear()

    def on_duty(self, needs: Requirement) -> int:
        """How many seats on duty can serve these needs."""
        known = self._answers.get(needs)
        if known is None:
            known = sum(seats for p, seats in self._on_duty.items() if needs.met_by(dict(p)))
            if len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()
            self._answers[needs] = known
        return known

    def staffed(self, needs: Requirement) -> bool:
        """Whether any seat that is set up, at work or not, could serve these needs."""
        known = self._staffed.get(needs)
        if known is None:
            known = any(needs.met_by(dict(profile)) for profile in self._set_up)
            if len(self._staffed) >= _MOST_ANSWERS:
                self._staffed.clear()
            self._staffed[needs] = known
        return known


def _count(counter: Counter[Profile], profile: Profile, seats: int) -> None:
    counter[profile] += seats
    if not counter[profile]:
        del counter[profile]
