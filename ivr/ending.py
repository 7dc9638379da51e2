"""How a call ended, and the ticket that comes of it: pure rules, then the writing of both.

| What happened (the first that holds) | Outcome | Ticket |
|---|---|---|
| a seat answered | answered | a draft of the talk |
| connected on | transferred | none here, but shared with a utility; what he said, in danger |
| a callback was promised | callback | to be called back, keeping his place |
| something was recorded | voice_request | the request |
| he served himself | self_service | none here |
| he waited in the queue | abandoned | to be called back; none of a callback, which goes on |
| a person was asked for outside the hours | voice_request | first callback |
| what he said couldn't be written down (a full disk) | voice_request | first callback |
| a transfer was tried, nobody answered it | abandoned | to be called back |
| nobody's number | unknown_number | none |
| none of these | left_early | none; of a call handed over by 110: to be called back |
"""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import datetime
from typing import Any, TypeVar

import structlog

from ivr.desk import Desk
from ivr.handed_on import HandedOn
from ivr.own_words import keep_words
from ivr.ports import CallbackRequest, CallRecord, Outcome
from ivr.story import Story
from ivr.voice_files import VoiceFile
from queue_manager.callback import CallbackEvent
from queue_manager.model import LeaveReason, Offer, Verdict
from telephony.call import DialStatus
from tickets.model import NewTicket, Origin, TicketState
from tickets.spoken import request_of

T = TypeVar("T")
LEAST_VOICE_S = 1.0
ANSWERED = DialStatus.ANSWER.value

log = structlog.get_logger(__name__)


def outcome_of(story: Story) -> Outcome:
    """The one outcome of a call, from what has happened in it."""
    if story.answered or story.talked:
        return Outcome.ANSWERED
    if story.transferred:
        return Outcome.TRANSFERRED
    if story.promised:
        return Outcome.CALLBACK
    if story.voice_s > 0 or (story.intake is not None and story.intake.answers):
        return Outcome.VOICE_REQUEST
    if story.served:
        return Outcome.SELF_SERVICE
    if story.queued_at is not None:
        return Outcome.ABANDONED
    if story.asked_for_person or story.unheard:
        return Outcome.VOICE_REQUEST
    if story.sought:
        return Outcome.ABANDONED
    return Outcome.UNKNOWN_NUMBER if story.line is None else Outcome.LEFT_EARLY


def ticket_of(story: Story, now: datetime) -> NewTicket | None:
    """The ticket this call must leave, if any."""
    match outcome_of(story):
        case Outcome.ANSWERED:
            return NewTicket(
                facts=story.matter,
                origin=Origin.HANDED_OVER if _handed_over(story) else Origin.TALK,
                state=TicketState.DRAFT,
                at=now,
                seat_id=last_seat(story),
                handed_to=story.handed_to,
            )
        case Outcome.VOICE_REQUEST:
            return request_ticket(story, now)
        case Outcome.TRANSFERRED if story.intake is not None:
            return request_ticket(story, now)
        case Outcome.TRANSFERRED if story.shares_ticket:
            return connected_ticket(story, now, story.known_line.target or "")
        case Outcome.CALLBACK:
            return NewTicket(
                facts=story.matter, origin=Origin.CALLBACK, state=TicketState.DRAFT, at=now
            )
        case Outcome.ABANDONED if story.callback is None:
            return NewTicket(
                facts=story.matter, origin=Origin.ABANDONED, state=TicketState.DRAFT, at=now
            )
        case Outcome.LEFT_EARLY if _handed_over(story):
            return NewTicket(
                facts=story.matter,
                origin=Origin.HANDED_OVER,
                state=TicketState.DRAFT,
                at=now,
                first_callback=True,
            )
    return None


def _handed_over(story: Story) -> bool:
    """Whether another hotline (110) has handed the call over to us."""
    return story.line is not None and bool(story.line.handed_over)


def connected_ticket(story: Story, now: datetime, to: str = "") -> NewTicket:
    """The ticket of a call that its line leads on to a utility, which shares it; `to` once somebody
    has answered there."""
    return NewTicket(
        facts=story.matter, origin=Origin.CONNECTED, state=TicketState.DRAFT, at=now, handed_to=to
    )


def request_ticket(story: Story, now: datetime) -> NewTicket:
    """The ticket of a spoken request, as it stands."""
    intake = story.intake
    if intake is not None:
        spoken = intake.request()
    else:
        spoken = request_of(story.language, (), recognised=False)
    return NewTicket(
        facts=story.matter,
        origin=Origin.VOICE_REQUEST,
        state=TicketState.PENDING_REVIEW,
        at=now,
        voice_path=story.voice.stored if story.voice else "",
        voice_s=story.voice_s,
        confirmed=story.confirmed or spoken.confirmed,
        first_callback=story.asked_for_person or story.unheard or bool(spoken.danger),
        spoken=spoken,
    )


def record_of(story: Story, now: datetime) -> CallRecord:
    """The call's row."""
    return CallRecord(
        facts=story.facts,
        outcome=outcome_of(story),
        seat_id=last_seat(story),
        queued_at=story.queued_at,
        answered_at=story.answered_at,
        ended_at=now,
        ticket=story.ticket,
    )


def last_seat(story: Story) -> str:
    """The seat that has him, or had him last; "" when none did."""
    if story.answered:
        return story.seat_id
    return story.talked[-1] if story.talked else ""


def leave_place(story: Story, reason: LeaveReason) -> None:
    """Give the place in the queue up, once."""
    if story.place is not None:
        story.place.leave(reason)
        story.place = None


def begin_talk(story: Story, offer: Offer) -> Verdict:
    """The ringing seat has picked up. REFUSED: too late, it is not his any more."""
    story.answered = True  # first: whatever follows, he is not queued again
    if story.place is None:
        return Verdict.TALK
    return story.place.answered(offer)


def end_talk(story: Story) -> None:
    """The talk is over, the seat wraps up. Nothing happens when there was none, or twice."""
    if story.answered and story.place is not None and story.offer is not None:
        story.place.talk_ended(story.offer)
        story.place = None


def take_last_word(story: Story, seen: Mapping[str, str]) -> None:
    """What the channel of a caller who hung up says of the last dialling, seat or transfer: it
    knows of an answer even when the manager interface was away and nobody told us."""
    if seen.get("STAGE") != "dialing":
        return
    answered = seen.get("DIALSTATUS") == ANSWERED
    if not seen.get("SEAT"):
        story.transferred = answered
    elif answered and not story.answered:
        story.seat_id = seen["SEAT"]
        if story.offer is None:
            story.answered = True
        elif begin_talk(story, story.offer) is not Verdict.REFUSED:
            story.answered_at = story.offer.made_at  # when it rang, as of any talk told of too late


async def settle(story: Story, desk: Desk) -> Outcome:
    """Write what the call leaves behind: place given up, ticket, row. Every call, once."""
    end_talk(story)
    await promise_callback(story, desk)
    leave_place(story, LeaveReason.CALLBACK if story.promised else LeaveReason.ABANDONED)
    now = desk.clock.now()
    if story.pending is not None:
        await _keep_what_was_said(story, desk)
    if story.adding is not None:
        await keep_words(story, desk)
    await make_ticket(story, desk, now)
    record = record_of(story, now)
    await desk.call_log.record(record)
    desk.callers.note(record)
    if story.callback is not None:
        over = CallbackEvent.TALK_ENDED if story.answered else CallbackEvent.NOT_REACHED
        await desk.callbacks.happened(story.info.call_id, over, seat_id=record.seat_id)
    log.info(
        "call_ended",
        call_id=story.info.call_id,
        tenant=story.tenant.id,
        outcome=record.outcome,
        line=record.facts.line_id,
        seat=record.seat_id,
        ticket=record.ticket,
        lasted_s=round((now - record.facts.started_at).total_seconds(), 3),
        pii_caller=record.facts.caller_raw,
    )
    return record.outcome


async def promise_callback(story: Story, desk: Desk) -> None:
    """Have the callback taken that he has confirmed, if that isn't done. His place goes over to
    it: only once it is durable he leaves the queue."""
    queued_at = story.queued_at
    if not story.number or story.promised or story.answered or queued_at is None:
        return
    rules = desk.directory.rules[story.tenant.id]
    story.promised = await desk.callbacks.take(
        CallbackRequest(
            tenant=story.tenant.id,
            call_id=story.matter.call_id,
            line_id=story.known_line.id,
            queue_id=story.queue_id,
            needs=story.needs,
            language=story.language,
            priority=story.priority,
            queued_at=queued_at,
            number_e164=story.number,
            order=rules.callback.order,
            facts=story.matter,
        )
    )


async def make_ticket(story: Story, desk: Desk, now: datetime) -> None:
    """Make the call's ticket if it must have one and hasn't."""
    if story.draft is not None:
        await asyncio.wait({story.draft})  # being written since the answer: don't write it twice
    new = None if story.ticket_made else ticket_of(story, now)
    if new is not None:
        story.ticket = await desk.tickets.create(new)
        story.ticket_made = True
        if story.intake is not None and desk.spoken is not None:
            await desk.spoken.journal.forget(story.info.call_id)


async def draft_ticket(story: Story, desk: Desk, now: datetime) -> None:
    """The ticket of a talk that has just begun. A failure must not touch the talk: it is told
    in the log, and the ticket is made when the talk is over."""
    new = ticket_of(story, now)
    assert new is not None
    if story.callback is not None:
        talk = CallbackEvent.SEAT_ANSWERED
        await desk.callbacks.happened(story.info.call_id, talk, seat_id=story.seat_id)
    try:
        story.ticket = await desk.tickets.create(new)
        story.ticket_made = True
        if story.handed_to:
            await desk.handed_on(handed_on(story, now))
    except Exception:
        story.log().exception("ticket_draft_failed")


def handed_on(story: Story, now: datetime) -> HandedOn:
    """What his ticket is told of whoever has him now."""
    return HandedOn(
        tenant=story.tenant.id,
        call_id=story.matter.call_id,
        ticket=story.ticket,
        to=story.handed_to,
        at=now,
        seat_id=last_seat(story),
        unit=story.known_line.unit if story.shares_ticket else "",
    )


async def _keep_what_was_said(story: Story, desk: Desk) -> None:
    """A hang-up in the middle of a recording: what lies in the file counts."""
    assert story.pending is not None
    seconds = await desk.voice.seconds(story.pending.stored)
    keep_take(story, story.pending, seconds)
    await notice_torn(story, desk, story.pending, seconds)
    story.pending = None


def keep_take(story: Story, file: VoiceFile, seconds: float) -> bool:
    """Keep what was recorded; True when it is more than a breath. A mere breath is kept too when
    there is nothing else, and never takes the place of what was said before."""
    said = seconds >= LEAST_VOICE_S
    if said or seconds > story.voice_s:
        story.voice, story.voice_s, story.confirmed = file, seconds, False
    return said


async def notice_torn(story: Story, desk: Desk, file: VoiceFile, seconds: float) -> None:
    """Nothing lies there: whether he said nothing, or it couldn't be written."""
    if not seconds and await desk.voice.torn(file.stored):
        story.unheard = True
        story.log().error("request_not_kept", file=file.stored)


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Do the work to its end even when our own task is cancelled meanwhile (the engine stops);
    the cancellation goes on afterwards. Only for work whose parts have deadlines."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as why:
            cancelled = why
        except Exception:
            break  # the work's own; raised below
    if cancelled is not None:
        task.result()
        raise cancelled
    return task.result()
