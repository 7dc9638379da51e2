"""Connecting a caller on: emergencies, utilities, lines that are not merged, the duty phone.

The original caller and the number he first dialled go along (「推送原始主叫号码」).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from ivr.desk import Desk
from ivr.ending import connected_ticket, handed_on
from ivr.lines import Mode
from ivr.story import Story
from telephony.call import Call, DialStatus

_ANNOUNCED = {
    Mode.EMERGENCY: "transfer_emergency",
    Mode.UTILITY: "transfer_utility",
    Mode.NOT_MERGED: "transfer_not_merged",
}


async def transfer_line(call: Call, desk: Desk, story: Story) -> bool:
    """Connect the caller of a line that isn't answered here; False when that failed."""
    line = story.known_line
    assert line.target is not None
    sharing = _Sharing(desk, story, line.target) if story.shares_ticket else None
    if await connect(call, story, line.target, _ANNOUNCED[line.mode], sharing=sharing):
        return True
    await call.play(("transfer_failed",), language=story.language)
    return False


class _Sharing:
    """To a utility his ticket goes along, which it shares: made before it is rung, so that its
    number can be told."""

    def __init__(self, desk: Desk, story: Story, target: str) -> None:
        self._desk = desk
        self._story = story
        self._target = target

    async def make(self) -> None:
        """The ticket. Until somebody answers it is that of a caller who seeks one."""
        new = connected_ticket(self._story, self._desk.clock.now())
        self._story.ticket = await self._desk.tickets.create(new)

    async def answered(self, when: datetime) -> None:
        """It says who has him now, and goes where he has gone."""
        story = self._story
        story.handed_to, story.ticket_made = self._target, True
        number = await self._desk.tickets.create(connected_ticket(story, when, self._target))
        story.ticket = number or story.ticket
        await self._desk.handed_on(handed_on(story, when))


async def connect(
    call: Call,
    story: Story,
    target: str,
    announcement: str,
    on_answer: Callable[[datetime], Awaitable[None]] | None = None,
    sharing: _Sharing | None = None,
) -> bool:
    """Say so, then connect; True when the other side answered (and the talk is over). `on_answer`
    is called as soon as it does."""
    await call.play((announcement,), language=story.language)
    await call.remember(**story.variables("dialing"), SEAT="")
    facts = story.facts
    # Who hangs up from here on counts as handed on, unless the dialplan's last word is that
    # nobody answered: then he is one to be called back.
    story.sought = story.transferred = True
    if sharing is not None:
        await sharing.make()
        on_answer = sharing.answered
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
