"""Whether a person may answer now: by the hours of a caller's line, and by the seats at work."""

from ivr.desk import Desk
from ivr.hours import decide, effective
from ivr.story import Story
from queue_manager.opening import HoursMode


def open_now(desk: Desk, story: Story) -> bool:
    """Is the caller's line answered by people now?"""
    tenant, line = story.tenant.id, story.known_line.id
    override: HoursMode = effective(desk.override(tenant, line), desk.override(tenant, ""))
    return decide(desk.directory.lines.schedule(tenant, line), override, desk.clock.now()).open


def seat_may_come(desk: Desk, story: Story) -> bool:
    """Is it, and is a seat at work that could serve him, free or not?"""
    return open_now(desk, story) and desk.queues[story.tenant.id].at_work(story.needs)
