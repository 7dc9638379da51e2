"""The place somebody takes in the queue when he begins to wait: since when, for whom, how soon."""

from collections.abc import Callable
from datetime import datetime

from ivr.desk import Desk
from ivr.priority import priority_of, standing
from ivr.story import Story
from queue_manager.model import Need, Requirement, WaitingCaller
from queue_manager.rules import Rules

GENERAL = Need("svc:general")


async def take_a_place(desk: Desk, story: Story, now: datetime) -> None:
    """What his place is: now and by what he is, or the one he was to be called back for."""
    rules = desk.directory.rules[story.tenant.id]
    story.queued_at, story.priority = now, _priority(desk, story, now)
    story.queue_id = story.known_line.queue
    staffed = desk.queues[story.tenant.id].staffed
    story.waits_for = served_needs(story.needs, staffed, rules)
    kept = await desk.callbacks.take_over(story.tenant.id, story.caller.e164)
    if kept is not None:
        story.queued_at = min(now, kept.queued_at)
        story.priority = max(story.priority, kept.priority)
        story.asked_in = kept.call_id


def raise_priority(desk: Desk, story: Story) -> None:
    """He has shown why he is more urgent than he was when he took his place, if he has one."""
    if story.queued_at is not None:
        story.priority = max(story.priority, _priority(desk, story, desk.clock.now()))


def _priority(desk: Desk, story: Story, now: datetime) -> int:
    weights = desk.directory.rules[story.tenant.id].priorities
    shown = standing(story.known, now, weights, elder=story.elder, danger=story.danger)
    return priority_of(shown, weights)


def waiting_caller(desk: Desk, story: Story) -> WaitingCaller:
    """The caller as his queue knows him."""
    assert story.queued_at is not None
    same_seat_s = desk.directory.rules[story.tenant.id].seats.same_seat_s
    last_seat = story.known.last_seat if story.known is not None and same_seat_s > 0 else ""
    return WaitingCaller(
        tenant=story.tenant.id,
        call_id=story.info.call_id,
        line_id=story.known_line.id,
        needs=story.needs,
        queued_at=story.queued_at,
        priority=story.priority,
        queue_id=story.queue_id or story.known_line.queue,
        language=story.language,
        preferred_seat="" if "/" in last_seat else last_seat,  # a "/": another city's seat
        began_at=story.info.answered_at,
    )


def served_needs(
    needs: Requirement, staffed: Callable[[Requirement], bool], rules: Rules
) -> Requirement:
    """What a seat must know, so that some seat of this city does: callers of a line that none of
    them has as a skill are answered at the general desk. What is hard (language, sign language)
    stays as it is."""
    if staffed(needs):
        return needs
    hard = (n for n in needs.needs() if rules.is_hard(n.skill) and n.skill in rules.skills)
    general = Requirement.of(GENERAL, *hard)
    return general if staffed(general) else needs
