"""Waiting for a person: a place in the queue, music, position, voice request, ring, talk."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ivr.desk import Desk
from ivr.ending import begin_talk, draft_ticket, end_talk, leave_place
from ivr.flow import Person
from ivr.numbers import position
from ivr.ports import Place
from ivr.story import Story
from queue_manager.model import LeaveReason, MissReason, Need, Offer, Requirement, WaitingCaller
from telephony.call import Call, DialStatus
from telephony.errors import CallEnded

VOICE_KEY = "1"
GENERAL = Need("svc:general")
VOICE_OFFER_SILENCE_S = 3.0
_MISSED = {DialStatus.NOANSWER: MissReason.NO_ANSWER, DialStatus.BUSY: MissReason.BUSY}


class Due(StrEnum):
    """What is to be said to a waiting caller now."""

    NOTHING = "nothing"
    POSITION = "position"
    VOICE_OFFER = "voice_offer"


@dataclass(slots=True)
class WaitPlan:
    """When a waiting caller is spoken to. Pure: seconds since he first queued come in.

    The voice request is offered after `voice_after_s` and again after every further span of it.
    """

    announce_every_s: float
    voice_after_s: float
    position_at_s: float
    voice_at_s: float

    @classmethod
    def start(cls, announce_every_s: float, voice_after_s: float, waited_s: float) -> "WaitPlan":
        """A plan for one who has waited `waited_s` already (0 for a new caller)."""
        voice_at_s = voice_after_s if waited_s < voice_after_s else waited_s + announce_every_s
        return cls(announce_every_s, voice_after_s, waited_s + announce_every_s, voice_at_s)

    def rest_s(self, waited_s: float) -> float:
        """Seconds until something is due."""
        return max(0.0, min(self.position_at_s, self.voice_at_s) - waited_s)

    def due(self, waited_s: float) -> Due:
        """What is due now; it is taken as done, the next of its kind is planned.

        The voice offer also puts the next position off: two announcements never run together.
        """
        if waited_s >= self.voice_at_s:
            self.voice_at_s = waited_s + self.voice_after_s
            self.position_at_s = waited_s + self.announce_every_s
            return Due.VOICE_OFFER
        if waited_s >= self.position_at_s:
            self.position_at_s = waited_s + self.announce_every_s
            return Due.POSITION
        return Due.NOTHING


async def wait_for_person(call: Call, desk: Desk, story: Story, step: Person) -> str:
    """From the queue to the end of the talk; the name of the step that follows."""
    now = desk.clock.now()
    story.queued_at = story.queued_at or now
    queue = desk.queues[story.tenant.id]
    place = queue.enter(
        WaitingCaller(
            tenant=story.tenant.id,
            call_id=story.info.call_id,
            line_id=story.known_line.id,
            needs=served_needs(story.needs, queue.staffed),
            queued_at=story.queued_at,
            began_at=story.info.answered_at,
        )
    )
    story.place = place
    waiting = _Waiting(call, desk, story, step, place, (now - story.queued_at).total_seconds())
    return await waiting.until_over()


def served_needs(needs: Requirement, staffed: Callable[[Requirement], bool]) -> Requirement:
    """What a seat must know, so that some seat of this city does: callers of a line that none of
    them has as a skill are answered at the general desk. The language stays as it is."""
    if staffed(needs):
        return needs
    general = Requirement.of(
        GENERAL, *(need for need in needs.needs() if need.skill.startswith("lang:"))
    )
    return general if staffed(general) else needs


class _Waiting:
    """One caller's waiting."""

    def __init__(
        self, call: Call, desk: Desk, story: Story, step: Person, place: Place, waited_s: float
    ) -> None:
        self._call = call
        self._desk = desk
        self._story = story
        self._step = step
        self._place = place
        self._started_s = asyncio.get_running_loop().time() - max(0.0, waited_s)
        self._plan = WaitPlan.start(
            desk.announce_every_s, desk.voice_offer_after_s, self._waited_s()
        )
        self._remembered = False
        self._told_next = False

    def _waited_s(self) -> float:
        return asyncio.get_running_loop().time() - self._started_s

    async def until_over(self) -> str:
        while True:
            offer = asyncio.ensure_future(self._place.next_offer())
            try:
                await asyncio.sleep(0)  # a seat that is ready is offered in this one turn
                if not offer.done() and await self._leaves_for_voice_request(offer):
                    return self._step.offer
                made = await offer
            finally:
                offer.cancel()
            if await self._talk(made):
                return self._step.next

    async def _leaves_for_voice_request(self, offer: asyncio.Future[Offer]) -> bool:
        """Hold the caller until a seat is offered (False) or he wants to speak instead (True)."""
        if not self._remembered:
            await self._call.remember(**self._story.variables("queued"))
            self._remembered = True
        while not offer.done():
            await self._hold(offer)
            if offer.done():
                break
            match self._plan.due(self._waited_s()):
                case Due.POSITION:
                    await self._tell_position(offer)
                case Due.VOICE_OFFER:
                    if await self._voice_wanted() and not offer.done():
                        leave_place(self._story, LeaveReason.VOICE_REQUEST)
                        return True
        return False

    async def _hold(self, offer: asyncio.Future[Offer]) -> None:
        """Music until a seat is offered or something is due; the offer itself is not cancelled."""
        rest_s = self._plan.rest_s(self._waited_s())
        wake = asyncio.ensure_future(asyncio.wait({offer}, timeout=rest_s))
        try:
            await self._call.hold(wake)
        finally:
            wake.cancel()

    async def _tell_position(self, offer: asyncio.Future[Offer]) -> None:
        """Say how many are ahead, piece by piece, so that a seat's offer cuts it short.

        The next one in line is told so once only: it is to him that the next free seat rings,
        and it shall not wait for an announcement.
        """
        prompts = position(self._place.position())
        if prompts == ("ahead_none",):
            if self._told_next:
                return
            self._told_next = True
        for prompt in (*self._step.announce, *prompts):
            if offer.done():
                return
            await self._call.play((prompt,), language=self._story.language)

    async def _voice_wanted(self) -> bool:
        digit = await self._call.ask(
            ("voice_offer",),
            language=self._story.language,
            max_digits=1,
            timeout_s=VOICE_OFFER_SILENCE_S,
        )
        self._story.keys += digit
        return digit == VOICE_KEY

    async def _talk(self, offer: Offer) -> bool:
        """Ring the offered seat; True when there was a talk and it is over."""
        story = self._story
        story.offer, story.seat_id = offer, offer.seat.seat_id
        written = {"STAGE": "dialing"} if self._remembered else story.variables("dialing")
        self._remembered = True
        result = await self._call.dial(
            offer.seat.endpoint,
            ring_s=story.tenant.ring_s,
            on_answer=lambda when: self._answered(offer, when),
            variables={**written, "SEAT": story.seat_id},
        )
        if story.answered:
            end_talk(story)
            return True
        if result.status is DialStatus.CANCEL:
            raise CallEnded("the caller left while the seat was ringing")
        story.offer, story.seat_id = None, ""
        self._place.missed(offer, _MISSED.get(result.status, MissReason.UNREACHABLE))
        return False

    async def _answered(self, offer: Offer, when: datetime) -> None:
        """The seat picked up: from here on it is a talk, and its ticket is written at once."""
        story = self._story
        begin_talk(story, offer)
        story.answered_at = when
        story.draft = asyncio.ensure_future(draft_ticket(story, self._desk, when))
        await asyncio.shield(story.draft)  # a hang-up now must not break off the writing
