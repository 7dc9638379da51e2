"""What came of a call to a citizen, as it is told: to SQL, or to the journal while that is away."""

from dataclasses import dataclass
from datetime import datetime

from tickets.follow_up import Heard, Leg


@dataclass(frozen=True, slots=True)
class ToldFollowUp:
    """Which call, what was heard in it, when."""

    leg: Leg
    heard: Heard
    at: datetime
