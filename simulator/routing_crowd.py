"""Who is in the routing benchmark: fifty skills, seats of almost as many mixes as there are seats,
and thousands of different needs, few of them frequent. Drawn by dice from one seed.

A fifth of the seats are *quiet*: they serve departments for which nobody waits, so that they are
ready while everybody else's callers wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from random import Random

LANGUAGES = ("cmn", "yue", "za", "xn", "ph", "hak", "yao", "mmc", "doc", "en", "vi")
SERVICES = tuple(f"svc:d{number}" for number in range(29))
QUIET = tuple(f"svc:q{number}" for number in range(5))
BRANCHES = ("branch:east", "branch:north")
OTHERS = ("svc:general", "svc:interpreter", "sign:video")
SKILLS = (*(f"lang:{code}" for code in LANGUAGES), *SERVICES, *QUIET, *BRANCHES, *OTHERS)


@dataclass(frozen=True, slots=True)
class Size:
    """How many seats, waiting callers, and different needs among them."""

    seats: int
    waiting: int
    needs: int


class Crowd:
    """`seats` with their skills, the `quiet_seats` among them, and needs as text: `needs` of those
    who wait, `quiet_needs` of those who find a ready seat at once."""

    def __init__(self, size: Size, random: Random) -> None:
        self._random = random
        self._known: set[str] = set()
        self.seats: dict[str, Mapping[str, int]] = {}
        self.quiet_seats: list[str] = []
        for number in range(size.seats):
            seat_id = f"{100_000 + number}"
            if number % 5:
                self.seats[seat_id] = self._busy_skills()
            else:
                self.seats[seat_id] = self._quiet_skills()
                self.quiet_seats.append(seat_id)
        self.quiet_needs = [
            f"lang:cmn>={a} & {q}>={b}" for q in QUIET for a in (1, 3) for b in (1, 3)
        ]
        self.needs = [self.fresh_needs() for _ in range(size.needs - len(self.quiet_needs))]
        self._weights = list(accumulate(1 / (20 + at) for at in range(len(self.needs))))

    def popular(self) -> int:
        """The index of some of the `needs`, the first ones more often than the last."""
        return self._random.choices(range(len(self.needs)), cum_weights=self._weights)[0]

    def fresh_needs(self) -> str:
        """Needs that nobody had before."""
        while True:
            text = self._some_needs()
            if text not in self._known:
                self._known.add(text)
                return text

    def other_skills(self, seat_id: str) -> Mapping[str, int]:
        """The seat's skills with one level changed, learnt or unlearnt; kept in `seats`."""
        skills = dict(self.seats[seat_id])
        quiet = any(skill in skills for skill in QUIET)
        skill = self._random.choice(QUIET if quiet else SERVICES)
        if not quiet and skill in skills and self._random.random() < 0.5:
            del skills[skill]
        else:
            skills[skill] = self._level()
        self.seats[seat_id] = skills
        return skills

    def _level(self) -> int:
        return self._random.randint(1, 5)

    def _busy_skills(self) -> dict[str, int]:
        chance = self._random.random
        skills = {"lang:cmn": self._random.randint(2, 5)} if chance() < 0.97 else {}
        if chance() < 0.35 or not skills:
            skills[f"lang:{self._random.choice(LANGUAGES[1:])}"] = self._level()
        for skill in self._random.sample(SERVICES, self._random.randint(2, 6)):
            skills[skill] = self._level()
        for skill, share in zip((*OTHERS, *BRANCHES), (0.7, 0.03, 0.01, 0.2, 0.2), strict=True):
            if chance() < share:
                skills[skill] = self._level()
        return skills

    def _quiet_skills(self) -> dict[str, int]:
        skills = {"lang:cmn": self._random.randint(2, 5)}
        for skill in self._random.sample(QUIET, self._random.randint(1, 3)):
            skills[skill] = self._level()
        return skills

    def _some_needs(self) -> str:
        dice = self._random
        code = "cmn" if dice.random() < 0.7 else dice.choice(LANGUAGES)
        language = f"lang:{code}>={dice.randint(1, 3)}"
        service = f"{dice.choice(SERVICES)}>={self._level()}"
        if dice.random() < 0.4:
            service = f"({service} | svc:general>={self._level()})"
        parts = [language, service]
        if dice.random() < 0.1:
            parts[0] = f"({language} | svc:interpreter>={dice.randint(1, 3)})"
        if dice.random() < 0.2:
            parts.append(f"{dice.choice((*BRANCHES, 'sign:video'))}>={dice.randint(1, 2)}")
        return " & ".join(parts)
