"""What follows when a citizen comes out of his talk: mostly nothing, else he is handed on.

To another seat, to a queue or a line (he waits there with the time he has waited since he came), or
to a number outside by the outbound rules. Where that comes to nothing he goes back to the queue of
his own line: whoever was in a talk is never dropped by our doing.
"""

from datetime import datetime

from ivr.desk import Desk
from ivr.ending import draft_ticket, end_talk
from ivr.story import Story
from ivr.talk_parts import Engagement, Talk
from ivr.targets import Target, TargetKind
from ivr.transfer import connect
from queue_manager.model import MissReason
from telephony.call import Call, DialStatus
from telephony.errors import CallEnded

_MISSED = {DialStatus.NOANSWER: MissReason.NO_ANSWER, DialStatus.BUSY: MissReason.BUSY}


async def talk_on(call: Call, desk: Desk, story: Story) -> str | None:
    """From the end of the bridge with his seat to the end of his talk. The step that follows when
    he has to wait again; None when he has had all he wanted."""
    talk = await desk.talks.follow(call, story)
    end_talk(story)
    return None if talk is None else await _hand_on(call, desk, story, talk)


async def resume_talk(call: Call, desk: Desk, story: Story) -> str | None:
    """A citizen who was in the middle of a talk when the engine before us went away."""
    talk = await desk.talks.resume(call, story)
    return None if talk is None else await _hand_on(call, desk, story, talk)


async def _hand_on(call: Call, desk: Desk, story: Story, talk: Talk) -> str | None:
    target, engaged = talk.to, talk.to_seat
    story.answered, story.seat_id = False, ""
    story.place = story.offer = None
    if target is not None and target.kind is TargetKind.NUMBER:
        outside = target.name

        async def answered(when: datetime) -> None:
            story.handed_to = outside
            await draft_ticket(story, desk, when)

        if await connect(call, story, outside, "transfer_seat", answered):
            return None
        await call.play(("transfer_failed",), language=story.language)
        story.transferred = story.sought = False
        story.to = ""
    elif engaged is not None:
        try:
            if await _ring(call, desk, story, engaged):
                return await talk_on(call, desk, story)
        finally:
            if not engaged.answered:
                engaged.release()
        story.to = ""
    elif target is not None:
        wait_by(desk, story, target)
    return story.flow.person


def wait_where_handed(desk: Desk, story: Story) -> None:
    """A caller who had been handed on when the engine before us went away: he waits there."""
    target = Target.parse(story.to)
    if target is not None:
        wait_by(desk, story, target)


def wait_by(desk: Desk, story: Story, target: Target) -> None:
    """From now on he waits by another queue's or line's rules, with the time he has waited."""
    tenant = story.tenant.id
    if target.kind is TargetKind.QUEUE:
        story.queue_id = target.name
    elif target.kind is TargetKind.LINE:
        line = desk.directory.lines.get(tenant, target.name)
        if line is not None:
            story.line, story.queue_id = line, line.queue
            story.waits_for = line.needed(story.language)


async def _ring(call: Call, desk: Desk, story: Story, engaged: Engagement) -> bool:
    """Ring the seat he is handed to; True when it answered and that bridge is over."""
    offer = engaged.offer
    assert offer is not None

    async def answered(when: datetime) -> None:
        story.answered = True
        engaged.rung(True)
        desk.talks.began(story, when, engaged)
        await draft_ticket(story, desk, when)

    story.seat_id = offer.seat.seat_id
    try:
        result = await call.dial(
            offer.ring_at,
            ring_s=story.tenant.ring_s,
            on_answer=answered,
            variables={**story.variables("dialing"), "SEAT": story.seat_id},
        )
    finally:
        if not story.answered:
            story.seat_id = ""
    if story.answered:
        return True
    engaged.rung(False, _MISSED.get(result.status, MissReason.UNREACHABLE))
    if result.status is DialStatus.CANCEL:
        raise CallEnded("the caller left while the seat was ringing")
    return False
