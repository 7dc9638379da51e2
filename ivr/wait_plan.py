"""When a waiting caller is spoken to, and what he is told. Pure: seconds come in as arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor

from ivr.numbers import MOST, count, position
from queue_manager.estimate import WaitEstimate
from queue_manager.model import Suggestion

FIRST_TOLD_S = 10.0
"""A caller hears how long it will take before he has waited longer than this."""
QUIET_S = 5.0
LONGEST_TOLD_MIN = 30
TOLD_AGAIN_S = 120.0
"""Nothing much has changed, but he has heard nothing of his place for this long."""


class Due(StrEnum):
    """What is to be said to a waiting caller now."""

    NOTHING = "nothing"
    PLACE = "place"
    OFFER = "offer"


@dataclass(slots=True)
class WaitPlan:
    """When something is due. A callback or voice request is offered after `offer_after_s` and
    again after every further span of it, and whenever a step of the rules suggests it."""

    announce_every_s: float
    offer_after_s: float
    place_at_s: float
    offer_at_s: float
    suggested: Suggestion | None = None

    @classmethod
    def start(cls, announce_every_s: float, offer_after_s: float, waited_s: float) -> "WaitPlan":
        """A plan for one who has waited `waited_s` already (0 for a new caller)."""
        offer_at_s = offer_after_s if waited_s < offer_after_s else waited_s + announce_every_s
        first_s = min(FIRST_TOLD_S, announce_every_s)
        return cls(announce_every_s, offer_after_s, waited_s + first_s, offer_at_s)

    def suggest(self, suggestion: Suggestion, waited_s: float) -> None:
        """A step of the rules wants something offered now."""
        self.suggested = suggestion
        self.offer_at_s = waited_s

    def rest_s(self, waited_s: float) -> float:
        """Seconds until something is due."""
        return max(0.0, min(self.place_at_s, self.offer_at_s) - waited_s)

    def due(self, waited_s: float) -> Due:
        """What is due now; it is taken as done, the next of its kind is planned.

        An offer also puts the next word on his place off, and that an offer of the clock: two
        never run together.
        """
        if waited_s >= self.offer_at_s:
            self.offer_at_s = waited_s + self.offer_after_s
            self.place_at_s = waited_s + self.announce_every_s
            return Due.OFFER
        if waited_s >= self.place_at_s:
            self.place_at_s = waited_s + self.announce_every_s
            self.offer_at_s = max(self.offer_at_s, waited_s + QUIET_S)
            return Due.PLACE
        return Due.NOTHING


@dataclass(frozen=True, slots=True)
class Minutes:
    """A wait as a range of whole minutes, `low` < `high`; the last one is open above."""

    low: int
    high: int

    @classmethod
    def of(cls, estimate: WaitEstimate) -> "Minutes":
        """Rounded so that the range holds the estimate; (0, 1) is less than a minute."""
        low = min(max(floor(estimate.low_s / 60), 0), LONGEST_TOLD_MIN)
        high = ceil(estimate.high_s / 60)
        if high > 1:
            low = max(low, 1)
        return cls(low, max(high, low + 1))

    @property
    def spoken(self) -> tuple[str, ...]:
        """The range as prompts."""
        if self.high <= 1:
            return ("wait_under_minute",)
        if self.low >= LONGEST_TOLD_MIN or self.high > MOST:
            return ("wait_long",)
        return ("wait_before", *count(self.low), "wait_to", *count(self.high), "wait_minutes")


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller knows of his place: how many are ahead, the minutes, when he was told so."""

    ahead: int
    minutes: Minutes | None
    at_s: float

    @property
    def spoken(self) -> tuple[str, ...]:
        """As prompts. The next in line is told just that."""
        if self.ahead <= 0 or self.minutes is None:
            return position(self.ahead + 1)
        return (*position(self.ahead + 1), *self.minutes.spoken)


def told_now(place: int, estimate: WaitEstimate | None, now_s: float) -> Told:
    """What there is to be told at this place in the queue (from 1)."""
    return Told(max(place - 1, 0), Minutes.of(estimate) if estimate else None, now_s)


def worth_telling(before: Told | None, now: Told) -> bool:
    """Whether things have changed much since he was told, or that was long ago.

    Much is: he has become the next (told so once only: it is to him that the next free seat
    rings); a quarter of those ahead, two at least, are gone or more; the middle of the range has
    moved by a quarter, one minute at least; a wait can be named that couldn't be, or no longer.
    """
    if before is None:
        return True
    if now.ahead == 0 or before.ahead == 0:
        return now.ahead != before.ahead
    if now.at_s - before.at_s >= TOLD_AGAIN_S:
        return True
    if abs(now.ahead - before.ahead) >= max(2, before.ahead / 4):
        return True
    if now.minutes is None or before.minutes is None:
        return now.minutes is not before.minutes
    middle, moved = _middle(before.minutes), abs(_middle(now.minutes) - _middle(before.minutes))
    return moved >= max(1.0, middle / 4)


def information(prompts: Sequence[str], turn: int) -> tuple[str, ...]:
    """The piece of information whose turn it is; nothing when there is none."""
    return (prompts[turn % len(prompts)],) if prompts else ()


def _middle(minutes: Minutes) -> float:
    return (minutes.low + minutes.high) / 2
