"""How long a caller will probably wait: a range, never a promise. Pure arithmetic.

Formula: with `seats` seats that can serve him, each busy `handling_s` per caller (talk and
wrap-up), one of them becomes free every `handling_s / seats` on average. A caller at position p
waits for p such moments: mean p x handling_s / seats. Taking those moments as random (Poisson),
the spread is the mean divided by the root of p; the range is mean ± one spread, which holds about
two callers of three.
"""

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True, slots=True)
class WaitEstimate:
    """From `low_s` to `high_s` seconds more to wait."""

    low_s: float
    high_s: float


def expected_wait(position: int, seats: int, handling_s: float) -> WaitEstimate | None:
    """The range for a caller at `position` (from 1) among callers of the same `seats` on duty;
    None when no seat is, since then nothing honest can be said."""
    if seats <= 0:
        return None
    mean_s = position * handling_s / seats
    spread_s = mean_s / sqrt(position)
    return WaitEstimate(mean_s - spread_s, mean_s + spread_s)


@dataclass(slots=True)
class HandlingTime:
    """Recent seconds a seat is busy per caller: a moving mean, in which about the last
    1 / `weight` talks count; `mean_s` is the assumption to begin with."""

    mean_s: float = 180.0
    weight: float = 0.05

    def add(self, seconds: float) -> None:
        """One more caller was handled."""
        self.mean_s += self.weight * (max(seconds, 0.0) - self.mean_s)
