"""What `hotline doctor` finds."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How it stands: good; look at it; wrong."""

    GOOD = "good"
    LOOK = "look"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what was found, and how to mend it when it isn't good."""

    check: str
    grade: Grade
    found: str
    mend: str = ""
