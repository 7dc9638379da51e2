"""One caller's conversation, from the first word to the last, and its end at any point between.

`converse` leads a living call, `hang_up` closes the books of one that ended while no engine led
it. Both end in `settle`: one outcome, one row, and a ticket where one is due.
"""

import asyncio
from enum import StrEnum

from ivr.desk import Desk
from ivr.ending import leave_place, settle, unbroken
from ivr.flow import Close, Person, VoiceRequest
from ivr.greeting import greet
from ivr.hours import Override, decide, effective
from ivr.ports import Outcome
from ivr.story import Story, open_story
from ivr.transfer import transfer_line
from ivr.voice_request import explain_closed, find_recorded, take_request
from ivr.waiting import wait_for_person
from queue_manager.model import LeaveReason
from telephony.call import Call, CallInfo
from telephony.errors import CallEnded


class Resume(StrEnum):
    """Where a call stands when it comes (back) to an engine."""

    FRESH = "fresh"
    QUEUED = "queued"
    TRANSFER_BROKEN = "transfer_broken"
    VOICE_REQUEST = "voice_request"
    TALKED = "talked"
    TRANSFERRED = "transferred"


def resume_point(info: CallInfo) -> Resume:
    """Where to go on, from what an engine before us wrote on the channel."""
    seen = info.variables
    match seen.get("STAGE"):
        case "talked":
            return Resume.TALKED
        case "dialing" if seen.get("DIALSTATUS") == "ANSWER":
            return Resume.TALKED if seen.get("SEAT") else Resume.TRANSFERRED
        case "queued" | "dialing":
            return Resume.QUEUED if seen.get("QUEUED_AT") else Resume.TRANSFER_BROKEN
        case "voice_request":
            return Resume.VOICE_REQUEST
    return Resume.FRESH


async def converse(call: Call, desk: Desk) -> Outcome:
    """Lead a call to its end; the outcome that was written to the call log.

    When the engine stops (our task is cancelled) the call is left alone: nothing is written,
    the dialplan holds the caller and brings him to the next engine. An error of ours gives the
    place in the queue up and is raised; the dialplan brings that caller back, too.
    """
    call_id = call.info.call_id
    settled = False
    desk.live.begin(call_id)
    try:
        story = _open(call.info, desk)
        present = await _lead_until_over(call, desk, story)
        outcome = await unbroken(settle(story, desk))
        settled = True
        if present:
            await _finish(call)
        return outcome
    finally:
        desk.live.end(call_id, settled=settled)


async def hang_up(info: CallInfo, desk: Desk) -> Outcome | None:
    """The dialplan says that a caller is gone: write what no conversation of ours has written.

    Returns None when one has. Safe to call again, and beside a conversation still winding up;
    when it returns, everything is durable or journalled.
    """
    if await desk.live.settled(info.call_id):
        return None
    story = _open(info, desk)
    if story.line is not None and not story.answered:
        await find_recorded(desk, story)
    return await unbroken(settle(story, desk))


def _open(info: CallInfo, desk: Desk) -> Story:
    """The story so far, with what the channel says of a talk that is over."""
    story = open_story(info, desk.tenants, desk.trunks, desk.lines, desk.flows.of)
    point = resume_point(info)
    story.answered = point is Resume.TALKED
    story.transferred = point is Resume.TRANSFERRED
    if story.answered:
        story.seat_id = info.variables.get("SEAT", "")
    return story


async def _lead_until_over(call: Call, desk: Desk, story: Story) -> bool:
    """True when the conversation came to its end with the caller still there."""
    try:
        await _lead(call, desk, story)
    except CallEnded:
        return False
    except asyncio.CancelledError:
        raise
    except Exception:
        leave_place(story, LeaveReason.ABANDONED)
        raise
    return True


async def _lead(call: Call, desk: Desk, story: Story) -> None:
    if story.answered or story.transferred:
        return
    if story.line is None:
        story.log().warning(
            "call.unknown_number",
            trunk=call.info.trunk,
            called=story.called_number,
            pii_caller=story.facts.caller_raw,
        )
        await call.play(("unknown_number",), language=story.language)
        return
    step = await _first_step(call, desk, story)
    if step is not None:
        await _follow(call, desk, story, step)


async def _first_step(call: Call, desk: Desk, story: Story) -> str | None:
    """Which step the caller begins with; None when he was connected on and all is over."""
    match resume_point(call.info):
        case Resume.QUEUED:
            return story.flow.person
        case Resume.VOICE_REQUEST:
            return story.flow.closed
        case Resume.TRANSFER_BROKEN:
            greeted = True
        case _:
            greeted = False
    if not greeted and story.known_line.transfers:
        if await transfer_line(call, story):
            return None
        greeted = True
    if not _open_now(desk, story):
        if await explain_closed(call, story, story.flow.closed_step):
            return None
        return story.flow.closed
    return story.flow.person if greeted else story.flow.start


async def _follow(call: Call, desk: Desk, story: Story, name: str) -> None:
    """Do the flow's steps one after another until it closes."""
    while True:
        name = await greet(call, story, name)
        match story.flow.steps[name]:
            case Person() as step:
                name = await wait_for_person(call, desk, story, step)
            case VoiceRequest() as step:
                name = await take_request(call, desk, story, step)
            case Close() as step:
                if step.prompts:
                    await _say_goodbye(call, story, step)
                return


async def _say_goodbye(call: Call, story: Story, step: Close) -> None:
    if story.answered:
        # Without a farewell the end follows at once, and `dialing` + ANSWER says the same.
        await call.remember(STAGE="talked", TICKET=story.ticket)
    await call.play(step.prompts, language=story.language)


def _open_now(desk: Desk, story: Story) -> bool:
    """Is the caller's line answered by people now?"""
    tenant, line = story.tenant.id, story.known_line.id
    override: Override = effective(desk.override(tenant, line), desk.override(tenant, ""))
    return decide(desk.lines.schedule(tenant, line), override, desk.clock.now()).open


async def _finish(call: Call) -> None:
    """The last word; a caller who leaves in this moment has had everything already."""
    try:
        await call.finish()
    except CallEnded:
        return
