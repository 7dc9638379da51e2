"""Whether anybody who is set up could serve given needs, without looking at every seat.

Seats with equal skills are counted together, and an answer is kept until the list of seats
changes. How many of them are at work now is the matcher's to tell.
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
    """The seats that are set up, by their skills."""

    __slots__ = ("_answers", "_seats")

    def __init__(self) -> None:
        self._seats: Counter[Profile] = Counter()
        self._answers: dict[Requirement, bool] = {}

    def add(self, profile: Profile, seats: int = 1) -> None:
        """A seat was set up (or, with -1, taken out)."""
        self._seats[profile] += seats
        if not self._seats[profile]:
            del self._seats[profile]
        self._answers.clear()

    def staffed(self, needs: Requirement) -> bool:
        """Whether any of them could serve these needs, whatever it does now."""
        known = self._answers.get(needs)
        if known is None:
            known = any(needs.met_by(dict(profile)) for profile in self._seats)
            if len(self._answers) >= _MOST_ANSWERS:
                self._answers.clear()
            self._answers[needs] = known
        return known
