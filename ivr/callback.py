"""Calling back: what is said to whom we have rung, before citizen and seat have each other.

Customer first: whoever picks up must press a key before a seat is rung, so that an answering
machine takes nobody's time; then he waits in his place, which is at its turn. Seat first: the seat
hears who is to be called back, then he is rung from the seat's own channel by the outbound rules.
Either way it is one call with one recording; its ticket is that of the call he asked in.
"""

from datetime import datetime

from ivr.desk import Desk
from ivr.dialling import dialled
from ivr.ending import draft_ticket
from ivr.numbers import digits
from ivr.story import Story, moment
from queue_manager.callback import CallbackEvent
from queue_manager.rules import CallbackOrder
from telephony.call import Call

CONNECT_KEY = "1"
ASKED_TIMES = 3
KEY_S = 5.0


async def call_back(call: Call, desk: Desk, story: Story) -> str | None:
    """Lead a call that we made ourselves; the step that follows, None when it has come to its
    end."""
    if story.callback is CallbackOrder.SEAT_FIRST:
        await _ring_citizen(call, desk, story)
        return None
    await desk.callbacks.happened(story.info.call_id, CallbackEvent.PICKED_UP)
    for _ in range(ASKED_TIMES):
        digit = await call.ask(
            ("callback_greeting",), language=story.language, max_digits=1, timeout_s=KEY_S
        )
        if digit == CONNECT_KEY:
            story.keys += digit
            story.queued_at = moment(story.info.variables.get("QUEUED_AT"))
            return story.flow.person
    await call.play(("callback_missed",), language=story.language)
    return None


async def _ring_citizen(call: Call, desk: Desk, story: Story) -> None:
    """Tell the seat, ring the citizen, stay for the talk. A seat that comes back without a talk
    (an engine died meanwhile) is let go: the callback goes on by itself."""
    if story.info.variables.get("DIALSTATUS"):
        return
    language = story.flow.languages[0]
    number = dialled(story.caller.e164)
    await call.play(("callback_seat", *digits(number)), language=language)
    await call.remember(**story.variables("dialing"))

    async def answered(when: datetime) -> None:
        story.queued_at = moment(story.info.variables.get("QUEUED_AT"))
        story.seat_id = story.info.variables.get("SEAT", "")
        story.answered, story.answered_at = True, when
        await draft_ticket(story, desk, when)

    await call.transfer(number, caller=story.called_number, first_called="", on_answer=answered)
    if not story.answered:
        await call.play(("callback_not_reached",), language=language)
