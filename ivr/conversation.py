"""One caller's conversation, from the first word to the last, and its end at any point between.

`converse` leads a living call, `hang_up` closes the books of one that ended while no engine led
it. Both end in `settle`: one outcome, one row, and a ticket where one is due.
"""

from ivr.at_work import open_now
from ivr.callback import call_back
from ivr.callback_choice import promised
from ivr.desk import Desk, Session, TakenOver
from ivr.ending import end_talk, leave_place, settle, take_last_word, unbroken
from ivr.flow import PERSON_KEY, Close, Person, SelfService, VoiceRequest
from ivr.greeting import greet, recognise
from ivr.handing_on import resume_talk, wait_where_handed
from ivr.ports import Outcome
from ivr.self_service import PersonWanted, serve_oneself
from ivr.story import Resume, Story, open_story
from ivr.survey import ask_about_talk
from ivr.transfer import transfer_line
from ivr.voice_request import (
    explain_closed,
    find_recorded,
    person_outside_hours,
    take_request,
    take_up,
)
from ivr.waiting import wait_for_person
from queue_manager.model import LeaveReason
from telephony.call import Call, CallInfo
from telephony.errors import CallEnded


async def converse(call: Call, desk: Desk) -> Outcome:
    """Lead a call to its end; the outcome that was written to the call log.

    When the engine stops (our task is cancelled) the call is left alone: nothing is written,
    the dialplan holds the caller and brings him to the next engine. An error of ours gives the
    place in the queue up and is raised; the dialplan brings that caller back, too. `CallEnded`
    is raised when only this session ended and a newer one leads the caller.
    """
    call_id = call.info.call_id
    settled = False
    session = desk.live.begin(call_id)
    try:
        story = open_story(call.info, desk.directory)
        recognise(story, desk.callers)
        await take_up(desk, story)
        present = await _lead_until_over(call, desk, story, session)
        outcome = await unbroken(settle(story, desk))
        settled = True
        if present:
            await _finish(call)
        return outcome
    finally:
        desk.live.end(call_id, session, settled=settled)


async def hang_up(info: CallInfo, desk: Desk) -> Outcome | None:
    """The dialplan says that a caller is gone: write what no conversation of ours has written.

    Returns None when one has. Safe to call again, and beside a conversation still winding up;
    when it returns, everything is durable or journalled.
    """
    if await desk.live.hung_up(info):
        return None
    story = open_story(info, desk.directory)
    if story.point is Resume.VOICE_REQUEST:
        await find_recorded(desk.voice, story)
    await take_up(desk, story)
    return await unbroken(settle(story, desk))


async def _lead_until_over(call: Call, desk: Desk, story: Story, session: Session) -> bool:
    """True when the conversation came to its end with the caller still there, False when he is
    gone. The end of our session is only believed with the dialplan's word (or its long silence).
    """
    try:
        await _lead(call, desk, story)
    except CallEnded:
        try:
            word = await session.last_word(desk.hangup_word_s)
        except TakenOver as why:
            end_talk(story)
            raise CallEnded("a newer session leads this caller") from why
        if word is not None:
            take_last_word(story, word.variables)
        return False
    except Exception:
        leave_place(story, LeaveReason.ABANDONED)
        raise
    return True


async def _lead(call: Call, desk: Desk, story: Story) -> None:
    if story.point is Resume.OVER:
        return
    if story.point not in (Resume.HELD, Resume.JOINED) and (story.answered or story.transferred):
        return
    if story.line is None:
        story.log().warning(
            "call_unknown_number",
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
    match story.point:
        case Resume.QUEUED:
            wait_where_handed(desk, story)
            return story.flow.person
        case Resume.HELD | Resume.JOINED:
            return await resume_talk(call, desk, story)
        case Resume.VOICE_REQUEST:
            return story.flow.closed
        case Resume.CALLBACK_ASKED:
            return story.flow.person if not await promised(call, desk, story) else None
        case Resume.CALLED_BACK:
            return await call_back(call, desk, story)
        case Resume.SERVED:
            return story.flow.self_service or story.flow.start
        case Resume.TRANSFER_BROKEN:
            greeted = True
        case _:
            greeted = False
    if not greeted and story.known_line.transfers:
        if await transfer_line(call, desk, story):
            return None
        greeted = True
    if not story.flow.any_hour and not open_now(desk, story):
        return await explain_closed(call, story, story.flow.closed_step)
    return story.flow.person if greeted else story.flow.start


async def _follow(call: Call, desk: Desk, story: Story, name: str) -> None:
    """Do the flow's steps one after another until it closes."""
    following: str | None = name
    while following is not None:
        following = await greet(call, story, following)
        match story.flow.steps[following]:
            case Person() if story.flow.any_hour and not open_now(desk, story):
                following = await person_outside_hours(call, story)
            case Person() as step:
                following = await wait_for_person(call, desk, story, step)
                if story.answered and story.tenant.survey:
                    await ask_about_talk(call, desk, story)
            case VoiceRequest() as step:
                following = await take_request(call, desk, story, step)
            case SelfService() as step:
                following = await _serve(call, desk, story, step)
            case Close() as step:
                if step.prompts:
                    await _say_goodbye(call, story, step)
                return


async def _serve(call: Call, desk: Desk, story: Story, step: SelfService) -> str | None:
    """He serves himself, or is led to a person."""
    try:
        return await serve_oneself(call, desk, story, step)
    except PersonWanted:
        story.served = False
        story.keys += PERSON_KEY
    if not open_now(desk, story):
        return await person_outside_hours(call, story)
    await call.play(("to_person",), language=story.language)
    return story.flow.person


async def _say_goodbye(call: Call, story: Story, step: Close) -> None:
    if story.answered:
        # Without a farewell the end follows at once, and `dialing` + ANSWER says the same.
        await call.remember(STAGE="talked", TICKET=story.ticket)
    await call.play(step.prompts, language=story.language)


async def _finish(call: Call) -> None:
    """The last word; a caller who leaves in this moment has had everything already."""
    try:
        await call.finish()
    except CallEnded:
        return
