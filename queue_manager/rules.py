"""A tenant's rules for its queues, as data (YAML): skills, priorities, steps over time.

The shape is checked here by pydantic; what hangs together (unknown skills, circles of overflow) by
`queue_manager.rule_faults`. What a step does to a caller's requirement are pure functions. Nothing
in here knows the time: `path` tells what is due when, from the moment of queueing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from queue_manager.model import LEVELS, Need, Requirement, Suggestion

MAIN_QUEUE = "main"
MOST_STEPS = 16
INTERPRETER = "svc:interpreter"
LANGUAGE = "lang:"
WILDCARD = "*"

SkillName = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,10}:[a-z0-9_]{1,30}$")]
SkillPattern = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,10}:([a-z0-9_]{1,30}|\*)$")]
Level = Annotated[int, Field(ge=LEVELS[0], le=LEVELS[-1])]
QueueId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]
TenantId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_]{0,30}$")]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


def _requirement(value: Any) -> Requirement:
    """The text form of a requirement; raises ValueError that names what is wrong."""
    if isinstance(value, Requirement):
        return value
    if not isinstance(value, str):
        raise ValueError("write needs as text, such as `svc:general>=2`")
    return Requirement.parse(value)


def _need(value: Any) -> Need:
    """One need as text; raises ValueError."""
    if isinstance(value, Need):
        return value
    needs = tuple(_requirement(value).needs())
    if len(needs) != 1:
        raise ValueError(f"{value!r} is not one need such as `svc:general>=2`")
    return needs[0]


NeedText = Annotated[Need, BeforeValidator(_need)]
RequirementText = Annotated[Requirement, BeforeValidator(_requirement)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Skill(_Strict):
    """A skill there is. A `hard` one (language, dialect, sign language) is given up only by a step
    that names it itself."""

    name: str = Field(min_length=1, max_length=40)
    name_en: str = Field(min_length=1, max_length=60)
    hard: bool = False


class Priorities(_Strict):
    """How many steps of priority a caller gets for what he is; one step is worth `weight_s`
    seconds of waiting. The reasons of one caller add up. `repeat_within_s` and
    `abandoned_within_s`: how long an earlier call counts."""

    weight_s: Seconds = 120.0
    elder: int = Field(default=2, ge=0, le=100)
    repeat: int = Field(default=1, ge=0, le=100)
    danger: int = Field(default=5, ge=0, le=100)
    abandoned: int = Field(default=1, ge=0, le=100)
    repeat_within_s: Seconds = 86_400.0
    abandoned_within_s: Seconds = 3_600.0


class SeatRules(_Strict):
    """Choosing among seats: how long a caller waits for the seat he had last time (0: not at all),
    and how long a scarce seat may be saved for those who need it, in seconds."""

    same_seat_s: float = Field(default=0.0, ge=0, le=3600)
    scarce_bound_s: float = Field(default=60.0, ge=0, le=3600)


class CallbackOrder(StrEnum):
    """Who is rung first when a callback's turn has come."""

    CUSTOMER_FIRST = "customer_first"
    SEAT_FIRST = "seat_first"


class CallbackRules(_Strict):
    """Callbacks that keep the place: `tries` at most, `retry_s` apart, given up after
    `expires_s` seconds (a ticket stays)."""

    order: Annotated[CallbackOrder, Field(strict=False)] = CallbackOrder.CUSTOMER_FIRST
    tries: int = Field(default=3, ge=1, le=20)
    retry_s: Seconds = 300.0
    expires_s: float = Field(default=14_400.0, ge=60, le=604_800)


class Overflow(_Strict):
    """Where a caller goes on: a queue of this tenant, or (with `tenant`) of another one. He keeps
    his hard needs and the time he has waited; the other needs are those of the queue there."""

    queue: QueueId = MAIN_QUEUE
    tenant: TenantId | None = None


class Step(_Strict):
    """What changes for a caller who has waited `after_s` seconds in this queue. One step may do
    several things; they happen in the order of these fields.

    `lower` brings a level down to what is given, `widen` allows other skills in place of one,
    `drop` gives a need up, `interpreter` gives the language up (an interpreter joins the talk),
    `overflow` lets him go on in another queue, `suggest` has something offered to him.
    """

    after_s: float = Field(ge=0, le=86_400)
    lower: dict[SkillPattern, Level] = Field(default_factory=dict)
    widen: dict[SkillPattern, tuple[NeedText, ...]] = Field(default_factory=dict)
    drop: tuple[SkillPattern, ...] = ()
    interpreter: bool = False
    overflow: Overflow | None = None
    suggest: Annotated[Suggestion, Field(strict=False)] | None = None


class QueueRules(_Strict):
    """A queue: a named set of rules that lines refer to. `needs` are what those must be served
    with who come in by overflow (besides the hard needs they bring)."""

    id: QueueId
    name: str = Field(min_length=1, max_length=60)
    service_level_s: float = Field(default=15.0, gt=0, le=3600)
    needs: RequirementText = Requirement()
    steps: tuple[Step, ...] = Field(default=(), max_length=MOST_STEPS)


class Rules(_Strict):
    """All rules of one tenant."""

    version: Literal[1]
    skills: dict[SkillName, Skill] = Field(min_length=1)
    priorities: Priorities = Priorities()
    seats: SeatRules = SeatRules()
    callback: CallbackRules = CallbackRules()
    queues: tuple[QueueRules, ...] = Field(min_length=1)

    def queue(self, queue_id: str) -> QueueRules:
        """The queue of that id; `main` when there is none (a call is never without rules)."""
        by_id = {queue.id: queue for queue in self.queues}
        return by_id.get(queue_id) or by_id[MAIN_QUEUE]

    def is_hard(self, skill: str) -> bool:
        """True for a skill that only a step that names it gives up; unknown ones count as hard."""
        known = self.skills.get(skill)
        return known is None or known.hard

    def named(self, pattern: str) -> Iterator[str]:
        """The skills that a name in a step stands for: itself, or every soft one of its kind."""
        if not pattern.endswith(WILDCARD):
            yield pattern
            return
        kind = pattern.removesuffix(WILDCARD)
        yield from (s for s, skill in self.skills.items() if s.startswith(kind) and not skill.hard)


@dataclass(frozen=True, slots=True)
class Due:
    """A step of a caller's way: `at_s` seconds after he first queued, in this queue."""

    at_s: float
    tenant: str
    queue_id: str
    step: Step


def path(rules: Mapping[str, Rules], tenant: str, queue_id: str) -> tuple[Due, ...]:
    """Every step that lies before a caller of this queue, over all overflows, in order of time.

    `rules` by tenant. After an overflow the next queue's `after_s` count from it. What has been
    done to a caller follows from this and the time he has waited, so an engine started anew knows
    it. Rules with a circle (which `rule_faults` refuses) are followed once around only.
    """
    ways: list[Due] = []
    seen: set[tuple[str, str]] = set()
    began_s = 0.0
    while (tenant, queue_id) not in seen and tenant in rules:
        seen.add((tenant, queue_id))
        here, there = (tenant, queue_id), None
        for step in rules[tenant].queue(queue_id).steps:
            ways.append(Due(began_s + step.after_s, *here, step))
            there = step.overflow
        if there is None:
            break
        began_s = ways[-1].at_s
        tenant, queue_id = there.tenant or tenant, there.queue
    return tuple(ways)


def stepped(needs: Requirement, step: Step, rules: Rules) -> Requirement:
    """The requirement after a step, its overflow left out (see `overflowed`)."""
    for pattern, level in step.lower.items():
        for skill in rules.named(pattern):
            needs = needs.lowered(skill, level)
    for pattern, alternatives in step.widen.items():
        for skill in rules.named(pattern):
            needs = needs.widened(skill, alternatives)
    for pattern in step.drop:
        for skill in rules.named(pattern):
            needs = needs.without(skill)
    if step.interpreter:
        for skill in languages(needs):
            needs = needs.without(skill)
    return needs


def overflowed(needs: Requirement, rules: Rules, into: QueueRules) -> Requirement:
    """The requirement in another queue (`rules` are those of the tenant he leaves): what is hard
    goes with him, all else is as that queue has it."""
    hard = (g for g in needs.all_of if any(rules.is_hard(need.skill) for need in g))
    return Requirement(frozenset(hard)).joined(into.needs)


def languages(needs: Requirement) -> tuple[str, ...]:
    """The languages that are asked for, as skills: those an interpreter would have to speak. Who
    is sought as the interpreter himself has to speak them: none."""
    if any(need.skill == INTERPRETER for need in needs.needs()):
        return ()
    return tuple(dict.fromkeys(n.skill for n in needs.needs() if n.skill.startswith(LANGUAGE)))
