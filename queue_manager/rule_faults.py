"""What doesn't hang together in a tenant's rules, each fault with its place in the file. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from queue_manager.model import LEVELS
from queue_manager.rules import (
    INTERPRETER,
    MAIN_QUEUE,
    WILDCARD,
    QueueRules,
    Rules,
    Step,
)

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `place` leads to the value (`("queues", 0, "steps", 2, "lower")`)."""

    place: Place
    reason: str


def faults(rules: Rules) -> tuple[Fault, ...]:
    """Everything wrong within one tenant's rules."""
    return tuple(_faults(rules))


def overflow_faults(rules: Mapping[str, Rules]) -> Iterator[tuple[str, Fault]]:
    """What is wrong between queues and tenants (`rules` by tenant): overflow into the unknown, or
    in a circle. Each fault with the tenant whose file it stands in."""
    for tenant, own in rules.items():
        for index, queue in enumerate(own.queues):
            for number, step in enumerate(queue.steps):
                if step.overflow is None:
                    continue
                place = ("queues", index, "steps", number, "overflow")
                there, into = step.overflow.tenant or tenant, step.overflow.queue
                if there not in rules:
                    yield tenant, Fault((*place, "tenant"), f"there is no tenant {there!r}")
                elif into not in (q.id for q in rules[there].queues):
                    reason = f"there is no queue {into!r}" + _of(there, tenant)
                    yield tenant, Fault((*place, "queue"), reason)
                elif circle := _circle(rules, (tenant, queue.id)):
                    yield tenant, Fault(place, f"callers would overflow in a circle: {circle}")


def _faults(rules: Rules) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, queue in enumerate(rules.queues):
        place: Place = ("queues", index)
        if queue.id in first:
            yield Fault((*place, "id"), f"queue {queue.id!r} is there twice")
        first.setdefault(queue.id, index)
        for need in queue.needs.needs():
            yield from _unknown(rules, need.skill, (*place, "needs"))
        yield from _step_faults(rules, queue, place)
    if MAIN_QUEUE not in first:
        yield Fault(("queues",), f"a queue {MAIN_QUEUE!r} is missing: lines that name none use it")


def _step_faults(rules: Rules, queue: QueueRules, place: Place) -> Iterator[Fault]:
    before_s = -1.0
    for number, step in enumerate(queue.steps):
        at = (*place, "steps", number)
        if step.after_s <= before_s:
            reason = f"after_s: {step.after_s:g} must be more than {before_s:g} of the step before"
            yield Fault((*at, "after_s"), reason)
        before_s = step.after_s
        yield from _skill_faults(rules, step, at)
        if step == Step(after_s=step.after_s):
            yield Fault(at, "the step does nothing")
        if step.interpreter and INTERPRETER not in rules.skills:
            yield Fault((*at, "interpreter"), f"there is no skill {INTERPRETER!r} to call one by")
        if step.overflow is not None and number < len(queue.steps) - 1:
            reason = "overflow must be the last step: what follows it is never reached"
            yield Fault((*at, "overflow"), reason)


def _skill_faults(rules: Rules, step: Step, at: Place) -> Iterator[Fault]:
    for pattern, alternatives in step.widen.items():
        yield from _named_faults(rules, pattern, (*at, "widen", pattern))
        if not alternatives:
            yield Fault((*at, "widen", pattern), "name at least one need to widen to")
        for index, need in enumerate(alternatives):
            yield from _unknown(rules, need.skill, (*at, "widen", pattern, index))
    for pattern, level in step.lower.items():
        yield from _named_faults(rules, pattern, (*at, "lower", pattern))
        if level == LEVELS[-1]:
            reason = f"level {level} is the highest: nothing is lowered by it"
            yield Fault((*at, "lower", pattern), reason)
    for index, pattern in enumerate(step.drop):
        yield from _named_faults(rules, pattern, (*at, "drop", index))


def _named_faults(rules: Rules, pattern: str, at: Place) -> Iterator[Fault]:
    """A pattern must stand for something, and never for a hard skill."""
    if not pattern.endswith(WILDCARD):
        yield from _unknown(rules, pattern, at)
        return
    kind = pattern.removesuffix(WILDCARD)
    hard = [s for s, skill in rules.skills.items() if s.startswith(kind) and skill.hard]
    if hard:
        reason = f"{pattern} would take in the hard skill {hard[0]!r}: write that skill itself"
        yield Fault(at, reason)
    elif not any(rules.named(pattern)):
        yield Fault(at, f"no skill in `skills` begins with {kind!r}")


def _unknown(rules: Rules, skill: str, at: Place) -> Iterator[Fault]:
    if skill not in rules.skills:
        yield Fault(at, unknown_skill(skill, rules.skills))


def unknown_skill(skill: str, known: Iterable[str]) -> str:
    """Why a skill is refused, with those of its kind that there are."""
    kind = skill.partition(":")[0] + ":"
    like = ", ".join(sorted(s for s in known if s.startswith(kind)))
    return f"there is no skill {skill!r} in `skills`" + (f" (there are {like})" if like else "")


def _circle(rules: Mapping[str, Rules], start: tuple[str, str]) -> str:
    """The circle that leads from this queue back to it, told in words; "" when none does."""
    way = [start]
    while True:
        tenant, queue_id = way[-1]
        own = rules.get(tenant)
        steps = own.queue(queue_id).steps if own and _has(own, queue_id) else ()
        there = next((s.overflow for s in steps if s.overflow is not None), None)
        if there is None:
            return ""
        following = (there.tenant or tenant, there.queue)
        if following == start:
            return " → ".join(f"{t}/{q}" if t else q for t, q in [*way, following])
        if following in way:
            return ""  # a circle further on: told at its own queues
        way.append(following)


def _has(rules: Rules, queue_id: str) -> bool:
    return any(queue.id == queue_id for queue in rules.queues)


def _of(there: str, tenant: str) -> str:
    return f" of tenant {there!r}" if there != tenant else ""
