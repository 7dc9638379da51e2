"""A tenant's policy: how long things may take, what shortens, pauses, extends, who is told when.

It is data (YAML, `tickets/data/policies`); this file says what it may hold and answers questions
about it. Nothing here knows the time.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tickets.effects import ClockName, PauseReason
from tickets.follow_up_rules import FollowUpRules
from tickets.limits import Length, LengthField, Measure
from tickets.model import Kind


class Urgency(StrEnum):
    """How urgent a ticket is: 一般, 急 (急事急办), 特急 (特事特办)."""

    NORMAL = "normal"
    URGENT = "urgent"
    CRITICAL = "critical"


class Complexity(StrEnum):
    """How hard a matter is: 一般, 复杂, 特别复杂."""

    GENERAL = "general"
    COMPLEX = "complex"
    SPECIAL = "special"


class AlwaysOn(StrEnum):
    """Classes whose clocks and cards don't wait for the morning."""

    NO = ""
    DANGER = "danger"
    UTILITIES = "utilities"


@dataclass(frozen=True, slots=True)
class Matter:
    """What a limit depends on. `class_code` is the code of the class, the leaf's; `text` is all of
    it as one text, kept because clocks are looked up by it by the million."""

    kind: Kind | None = None
    urgency: Urgency = Urgency.NORMAL
    complexity: Complexity = Complexity.GENERAL
    always: AlwaysOn = AlwaysOn.NO
    class_code: str = ""
    text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = (self.kind or "", self.urgency, self.complexity, self.always, self.class_code)
        object.__setattr__(self, "text", "|".join(parts))  # the way of a frozen class

    @classmethod
    def parse(cls, text: str) -> "Matter":
        """`text`, back; ValueError for anything else. The same text gives the same object."""
        return _matter(text)


@lru_cache(maxsize=4096)
def _matter(text: str) -> Matter:
    kind, urgency, complexity, always, code = text.split("|", 4)
    return Matter(
        Kind(kind) if kind else None,
        Urgency(urgency), Complexity(complexity), AlwaysOn(always), code,
    )  # fmt: skip


class MarkName(StrEnum):
    """What a clock sets off: 催办, 黄牌, 红牌, 督办通知, 通报; a time-out at the desk."""

    REMINDER = "reminder"
    YELLOW = "yellow_card"
    RED = "red_card"
    NOTICE = "notice"
    CIRCULAR = "circular"
    TIMEOUT = "timeout"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Extensions(_Part):
    """How often and how far a limit may be extended, and for how hard a matter at least."""

    times: int = Field(ge=0, le=10)
    limit: LengthField = Field(description="the longest one")
    only: tuple[Complexity, ...] = Field(default=tuple(Complexity), min_length=1)

    @field_validator("limit")
    @classmethod
    def _in_days(cls, value: Length) -> Length:
        if value.measure is not Measure.WORKING_DAY:
            raise ValueError(f"an extension is given in working days, not {value}")
        return value


NO_EXTENSIONS = Extensions(times=0, limit=Length(1, Measure.WORKING_DAY))


class FinishRule(_Part):
    """A limit for the tickets it fits; what isn't named fits all. The first that fits counts."""

    kinds: tuple[Kind, ...] = Field(default=(), description="consultation, complaint, …")
    complexity: tuple[Complexity, ...] = Field(default=())
    classes: tuple[str, ...] = Field(default=(), description="beginnings of class codes")
    limit: LengthField
    extensions: Extensions = Field(default=NO_EXTENSIONS)

    def fits(self, matter: Matter) -> bool:
        """Whether it is for this matter."""
        return (
            (not self.kinds or matter.kind in self.kinds)
            and (not self.complexity or matter.complexity in self.complexity)
            and (not self.classes or matter.class_code.startswith(self.classes))
        )

    @property
    def fits_all(self) -> bool:
        """Whether nothing is left for a rule below it."""
        return not (self.kinds or self.complexity or self.classes)


class AlwaysRule(_Part):
    """Limits of a class that doesn't wait for the morning; what isn't named is as for others.

    `classes` are beginnings of class codes that are such; an event may say so of any ticket.
    """

    classes: tuple[str, ...] = Field(default=())
    sign: LengthField
    contact: LengthField | None = None
    finish: LengthField | None = None
    desk: LengthField | None = Field(default=None, description="at the platform, in any state")


class MarkRule(_Part):
    """A card, reminder or circular: before the due time, at it (neither), or after it."""

    mark: MarkName
    before: LengthField | None = None
    after: LengthField | None = None

    @model_validator(mode="after")
    def _one_side(self) -> "MarkRule":
        if self.before and self.after:
            raise ValueError("write `before` or `after`, not both")
        if self.before and self.mark not in (MarkName.REMINDER, MarkName.YELLOW):
            raise ValueError(f"a {self.mark} can't come before the due time")
        if not self.before and self.mark in (MarkName.REMINDER, MarkName.YELLOW):
            raise ValueError(f"a {self.mark} needs `before`: it comes before the due time")
        return self


class Marks(_Part):
    """What each clock sets off."""

    desk: tuple[MarkRule, ...] = Field(default=(), max_length=6)
    sign: tuple[MarkRule, ...] = Field(default=(), max_length=6)
    contact: tuple[MarkRule, ...] = Field(default=(), max_length=6)
    finish: tuple[MarkRule, ...] = Field(default=(), max_length=6)

    @model_validator(mode="after")
    def _each_once(self) -> "Marks":
        for clock in ClockName:
            names = [rule.mark for rule in self.of(clock)]
            if len(set(names)) != len(names):
                raise ValueError(f"{clock}: each mark may be written once")
        return self

    def of(self, clock: ClockName) -> tuple[MarkRule, ...]:
        """The rules of one clock."""
        found: tuple[MarkRule, ...] = getattr(self, clock.value)
        return found


class Returns(_Part):
    """Sending a ticket back (退回): until when, and how often before a joint review."""

    within: LengthField
    before_joint_review: int = Field(default=2, ge=1, le=9)


class Policy(_Part):
    """One place's rules. `first_day_counts`: whether days begin to count at once, or, as the civil
    code (民法典 201) has it, with the day after."""

    version: Literal[1] = 1
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_]{0,30}$")
    name: str = Field(min_length=1, max_length=60)
    source: str = Field(default="", max_length=500, description="where the figures come from")
    first_day_counts: bool = False
    sign: LengthField
    contact: LengthField | None = None
    finish: tuple[FinishRule, ...] = Field(min_length=1, max_length=100)
    desk: dict[str, LengthField] = Field(description="by state; `other` for those not named")
    returns: Returns
    pauses: tuple[PauseReason, ...] = tuple(PauseReason)
    urgency: dict[Urgency, int] = Field(default={}, description="percent of the limit that is left")
    round_the_clock: dict[AlwaysOn, AlwaysRule]
    supervised_from_round: int = Field(default=2, ge=2, le=9)
    marks: Marks
    follow_up: FollowUpRules = Field(default=FollowUpRules())

    @field_validator("urgency")
    @classmethod
    def _shortens(cls, value: dict[Urgency, int]) -> dict[Urgency, int]:
        for urgency, percent in value.items():
            if urgency is Urgency.NORMAL or not 1 <= percent <= 100:
                raise ValueError(
                    f"{urgency}: urgent and critical have 1 to 100 percent of the limit"
                )
        return value

    @field_validator("finish")
    @classmethod
    def _fits_every_ticket(cls, value: tuple[FinishRule, ...]) -> tuple[FinishRule, ...]:
        if not value[-1].fits_all:
            raise ValueError("the last rule must fit every ticket (only a limit)")
        for n, rule in enumerate(value[:-1], 1):
            if rule.fits_all:
                raise ValueError(f"rule {n} fits every ticket, those below never count")
        return value

    @field_validator("desk")
    @classmethod
    def _has_other(cls, value: dict[str, Length]) -> dict[str, Length]:
        if "other" not in value:
            raise ValueError("a limit for `other` states is missing")
        return value

    @field_validator("round_the_clock")
    @classmethod
    def _names_both(cls, value: dict[AlwaysOn, AlwaysRule]) -> dict[AlwaysOn, AlwaysRule]:
        if set(value) != {AlwaysOn.DANGER, AlwaysOn.UTILITIES}:
            raise ValueError("name both danger and utilities")
        return value

    def finish_rule(self, matter: Matter) -> FinishRule:
        """The first rule that fits."""
        return next(rule for rule in self.finish if rule.fits(matter))

    def always_on(self, class_code: str) -> AlwaysOn:
        """Whether a class is one that doesn't wait for the morning."""
        for always, rule in self.round_the_clock.items():
            if class_code and class_code.startswith(rule.classes):
                return always
        return AlwaysOn.NO

    def limit(self, clock: ClockName, matter: Matter, state: str = "") -> Length | None:
        """How long a clock may run, before urgency; None: this policy doesn't have the clock."""
        always = self.round_the_clock.get(matter.always)
        match clock:
            case ClockName.SIGN:
                return always.sign if always else self.sign
            case ClockName.CONTACT:
                return always.contact if always and always.contact else self.contact
            case ClockName.FINISH:
                if always and always.finish:
                    return always.finish
                return self.finish_rule(matter).limit
            case ClockName.DESK:
                if always and always.desk:
                    return always.desk
                return self.desk.get(state, self.desk["other"])

    def percent(self, clock: ClockName, matter: Matter) -> int:
        """How much of the limit urgency leaves; the platform's own desk is always the same."""
        return 100 if clock is ClockName.DESK else self.urgency.get(matter.urgency, 100)
