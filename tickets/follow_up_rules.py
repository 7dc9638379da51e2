"""When and how often the engine phones a citizen with the result (回访): a part of the policy."""

from datetime import datetime, time, timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tickets.calendar import WorkCalendar
from tickets.workdays import periods

EARLIEST_MIN, LATEST_MIN = 8 * 60, 21 * 60
"""Nobody is phoned by a machine at night, whatever a policy says (minutes of the local day)."""
DAYS_AHEAD = 60


class FollowUpRules(BaseModel):
    """The follow-up call's part of a policy. `automatic` off: a person phones.

    `hours` are those of working days, `days_off` those of all others (none: nobody is phoned
    then). A citizen is rung at most `tries` times; `again_after_h` are the pauses, the last one
    again and again. `at_once` bounds calls of a tenant over all engines, `of_trunk` those that one
    engine has out by one trunk, so that live callers find lines.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    automatic: bool = True
    hours: tuple[str, ...] = Field(default=("09:00-12:00", "14:30-20:00"), min_length=1)
    days_off: tuple[str, ...] = ("10:00-12:00", "15:00-18:00")
    tries: int = Field(default=3, ge=1, le=9)
    again_after_h: tuple[float, ...] = Field(default=(3.0, 24.0), min_length=1, max_length=8)
    ring_s: float = Field(default=40.0, ge=5, le=120)
    at_once: int = Field(default=2, ge=1, le=100)
    of_trunk: int = Field(default=2, ge=1, le=100)

    @field_validator("hours", "days_off")
    @classmethod
    def _by_day(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for begin, end in periods(value):
            if begin < EARLIEST_MIN or end > LATEST_MIN:
                raise ValueError("citizens are phoned between 08:00 and 21:00 only")
        return value

    @model_validator(mode="after")
    def _grow(self) -> "FollowUpRules":
        if any(pause <= 0 for pause in self.again_after_h):
            raise ValueError("again_after_h: pauses are longer than 0 hours")
        if list(self.again_after_h) != sorted(self.again_after_h):
            raise ValueError("again_after_h: each pause is as long as the one before, or longer")
        return self

    def pause_s(self, attempts: int) -> int:
        """How long to wait after so many tries in vain (1 or more), at least a second."""
        hours = self.again_after_h[min(attempts, len(self.again_after_h)) - 1]
        return max(1, round(hours * 3600))


def allowed_from(rules: FollowUpRules, calendar: WorkCalendar, at: int) -> int:
    """`at` itself (whole seconds since 1970) when a citizen may be phoned then, else the next
    moment when he may."""
    day = calendar.local_day(at)
    for _ in range(DAYS_AHEAD):
        midnight = datetime.combine(day, time(), calendar.zone)
        hours = rules.hours if calendar.day(day).working else rules.days_off
        for begin, end in periods(hours):
            opens = int((midnight + timedelta(minutes=begin)).timestamp())
            if at < int((midnight + timedelta(minutes=end)).timestamp()):
                return max(at, opens)
        day += timedelta(days=1)
    return at + DAYS_AHEAD * 86_400
