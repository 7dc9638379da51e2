"""Lengths of time as a policy writes them: `5 working days`, `4 working hours`, `15 minutes`.

Working time is the calendar's; plain minutes and hours run round the clock.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from tickets.calendar import WorkCalendar

LONGEST = {
    "working day": 260, "working hour": 2080, "working minute": 9600,
    "hour": 720, "minute": 43_200,
}  # fmt: skip
_WRITTEN = re.compile(r"(\d{1,6}) (working day|working hour|working minute|hour|minute)s?")


class Measure(StrEnum):
    """What a length is counted in."""

    WORKING_DAY = "working day"
    WORKING_HOUR = "working hour"
    WORKING_MINUTE = "working minute"
    HOUR = "hour"
    MINUTE = "minute"


PLAIN = frozenset({Measure.HOUR, Measure.MINUTE})
_SECONDS = {
    Measure.WORKING_HOUR: 3600, Measure.WORKING_MINUTE: 60,
    Measure.HOUR: 3600, Measure.MINUTE: 60,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Length:
    """An amount of time; a year of working days at most."""

    amount: int
    measure: Measure

    @classmethod
    def parse(cls, text: object) -> "Length":
        """`5 working days`; ValueError says how to write it."""
        match = _WRITTEN.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise ValueError(
                f"{text!r} is no length of time: write 5 working days, 4 working hours, "
                "30 working minutes, or 15 minutes or 2 hours round the clock"
            )
        amount, measure = int(match[1]), Measure(match[2])
        if not 1 <= amount <= LONGEST[measure]:
            raise ValueError(f"{text!r}: from 1 to {LONGEST[measure]} {measure}s are allowed")
        return cls(amount, measure)

    @property
    def round_the_clock(self) -> bool:
        """Whether it runs outside working hours, too."""
        return self.measure in PLAIN

    def seconds(self, calendar: WorkCalendar) -> int:
        """How many seconds are counted: of work, or all."""
        if self.measure is Measure.WORKING_DAY:
            return self.amount * calendar.day_s
        return self.amount * _SECONDS[self.measure]

    def __str__(self) -> str:
        return f"{self.amount} {self.measure}{'' if self.amount == 1 else 's'}"


def _length(value: object) -> Length:
    return value if isinstance(value, Length) else Length.parse(value)


LengthField = Annotated[Length, PlainValidator(_length), PlainSerializer(str, return_type=str)]
