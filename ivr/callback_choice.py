"""A waiting caller chooses to be called back instead of waiting: which number, is it right, then
it is promised. All of it yields to a seat that is offered meanwhile.
"""

import asyncio

from ivr.caller import caller_id
from ivr.desk import Desk
from ivr.dialling import dialled
from ivr.ending import leave_place, promise_callback, unbroken
from ivr.numbers import DIGITS, digits
from ivr.ports import Outcome
from ivr.story import Story
from queue_manager.model import LeaveReason, Offer
from telephony.call import Call

CONFIRM_KEY, OTHER_KEY, END_KEY = "1", "2", "#"
ASKED_TIMES = 3
CONFIRM_SILENCE_S = 5.0
TYPED_SILENCE_S = 4.0
MOST_DIGITS = 16


async def choose_callback(
    call: Call, desk: Desk, story: Story, offer: "asyncio.Future[Offer]"
) -> bool:
    """Ask for the number and promise the callback; False when he goes on waiting: a seat was
    offered, he pressed nothing, or it can't be promised now."""
    number = await _confirmed_number(call, story, offer)
    if not number:
        return False
    story.number = number
    return await promised(call, desk, story)


async def promised(call: Call, desk: Desk, story: Story) -> bool:
    """Promise the callback he has confirmed, let him go; False when that isn't possible now.

    What he wants is on the channel before anything else, so that his hang-up or our own end in
    this very moment loses neither the wish nor the place.
    """
    await call.remember(**story.variables("callback"))
    await unbroken(promise_callback(story, desk))
    if not story.promised:
        story.number = ""
        await call.remember(STAGE="queued", NUMBER="")
        await call.play(("callback_failed",), language=story.language)
        return False
    leave_place(story, LeaveReason.CALLBACK)
    story.log().info("callback_promised", outcome=Outcome.CALLBACK, pii_number=story.number)
    await call.play(("callback_taken",), language=story.language)
    return True


async def _confirmed_number(call: Call, story: Story, offer: "asyncio.Future[Offer]") -> str:
    """The number (E.164) he has confirmed by a key; "" when he hasn't."""
    number = story.caller.e164 if dialled(story.caller.e164) else ""
    for _ in range(ASKED_TIMES):
        number = number or await _typed_number(call, story, offer)
        if offer.done():
            return ""
        if not number:
            continue
        key = await call.announce(
            ("callback_confirm", *digits(dialled(number)), "callback_confirm_keys"),
            language=story.language,
            until=offer,
            keys=CONFIRM_KEY + OTHER_KEY,
            timeout_s=CONFIRM_SILENCE_S,
        )
        story.keys += key
        if key != OTHER_KEY:
            return number if key == CONFIRM_KEY and not offer.done() else ""
        number = ""
    return ""


async def _typed_number(call: Call, story: Story, offer: "asyncio.Future[Offer]") -> str:
    """A number he types; "" when it is none that could be rung."""
    prompts: tuple[str, ...] = ("callback_number",)
    typed = ""
    while len(typed) < MOST_DIGITS:
        key = await call.announce(
            prompts,
            language=story.language,
            until=offer,
            keys=DIGITS + END_KEY,
            timeout_s=TYPED_SILENCE_S,
        )
        if key in ("", END_KEY):
            break
        typed, prompts = typed + key, ()
    if offer.done():
        return ""
    number = caller_id(typed, area_code=story.tenant.area_code).e164
    if dialled(number):
        return number
    await call.announce(("callback_number_wrong",), language=story.language, until=offer)
    return ""
