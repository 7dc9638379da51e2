"""Connecting a caller on: emergencies, utilities, lines that are not merged, the duty phone.

The original caller and the number he first dialled go along (「推送原始主叫号码」).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from ivr.lines import Mode
from ivr.story import Story
from telephony.call import Call, DialStatus

_ANNOUNCED = {
    Mode.EMERGENCY: "transfer_emergency",
    Mode.UTILITY: "transfer_utility",
    Mode.NOT_MERGED: "transfer_not_merged",
}


async def transfer_line(call: Call, story: Story) -> bool:
    """Connect the caller of a line that isn't answered here; False when that failed."""
    line = story.known_line
    assert line.target is not None
    if await connect(call, story, line.target, _ANNOUNCED[line.mode]):
        return True
    await call.play(("transfer_failed",), language=story.language)
    return False


async def connect(
    call: Call,
    story: Story,
    target: str,
    announcement: str,
    on_answer: Callable[[datetime], Awaitable[None]] | None = None,
) -> bool:
    """Say so, then connect; True when the other side answered (and the talk is over). `on_answer`
    is called as soon as it does."""
    await call.play((announcement,), language=story.language)
    await call.remember(**story.variables("dialing"), SEAT="")
    facts = story.facts
    # Who hangs up from here on counts as handed on, unless the dialplan's last word is that
    # nobody answered: then he is one to be called back.
    story.sought = story.transferred = True
    result = await call.transfer(
        target,
        caller=facts.caller_e164 or facts.caller_raw,
        first_called=facts.called_number,
        ticket=story.ticket,
        on_answer=on_answer,
    )
    story.transferred = result.status is DialStatus.ANSWER
    if not story.transferred:
        story.log().warning("call_transfer_failed", target=target, status=result.status)
    return story.transferred
