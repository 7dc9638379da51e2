"""When a seat's coming back is believed: pure rules against flapping. Times are seconds of a loop.

A seat that goes for the first time in a while is taken back at once. One that keeps coming and
going must stay for a while before it counts, twice as long each time. So a bad network or a dying
telephone makes few changes of state, and no caller is sent to a seat that is about to be gone.
"""

from dataclasses import dataclass

STEADY_S = 60.0
"""Who has been there for this long is steady: its next absence counts as a first one."""
FORGET_S = 300.0
"""Who has been away for this long begins anew."""
FIRST_HOLD_S = 5.0


@dataclass(slots=True)
class Steadiness:
    """One seat's comings and goings; `wobbles` are its short presences in a row."""

    wobbles: int = 0
    came_s: float = float("-inf")
    went_s: float = float("-inf")

    def came(self, now_s: float) -> None:
        """It counts as there."""
        self.came_s = now_s

    def went(self, now_s: float) -> None:
        """It counts as gone."""
        self.wobbles = self.wobbles + 1 if now_s - self.came_s < STEADY_S else 0
        self.went_s = now_s

    def hold_s(self, now_s: float, longest_s: float) -> float:
        """How long it must stay from now on before it counts as there; 0: at once."""
        if self.wobbles < 2 or now_s - self.went_s >= FORGET_S:
            return 0.0
        return min(FIRST_HOLD_S * 2.0 ** (self.wobbles - 2), longest_s)
