"""Waiting for a person: a place in the queue, music, position, choices by key, ring, talk."""

import asyncio
from datetime import datetime
from functools import partial
from itertools import count

from ivr.callback_choice import choose_callback
from ivr.desk import Desk
from ivr.ending import begin_talk, draft_ticket, leave_place
from ivr.flow import Person
from ivr.handing_on import talk_on
from ivr.ports import Place
from ivr.story import Story
from ivr.taking_place import take_a_place, waiting_caller
from ivr.wait_plan import Due, Told, WaitPlan, information, told_now, worth_telling
from queue_manager.model import (
    LeaveReason,
    MissReason,
    Offer,
    Seat,
    Suggestion,
    Verdict,
)
from telephony.call import Call, DialStatus, RingEnd
from telephony.errors import CallEnded

CALLBACK_KEY, VOICE_KEY = "1", "2"
CHOICE_SILENCE_S = 3.0
_MISSED = {DialStatus.NOANSWER: MissReason.NO_ANSWER, DialStatus.BUSY: MissReason.BUSY}


async def wait_for_person(call: Call, desk: Desk, story: Story, step: Person) -> str:
    """From the queue to the end of the talk; the name of the step that follows."""
    now = desk.clock.now()
    story.served = False
    if story.queued_at is None:
        await take_a_place(desk, story, now)
    assert story.queued_at is not None
    place = desk.queues[story.tenant.id].enter(waiting_caller(desk, story))
    story.place = place
    waiting = _Waiting(call, desk, story, step, place, (now - story.queued_at).total_seconds())
    try:
        return await waiting.until_over()
    finally:
        desk.waiting.pop(story.info.call_id, None)


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
        self._told: Told | None = None
        self._turns = count()
        self._remembered = False
        self._following: str | None = None
        self._ring_end: RingEnd | None = None
        place.when_moved(self._moved_up)

    def _moved_up(self, priority: int) -> None:
        """A supervisor has put him before all others: so he is before them after a crash, too."""
        self._story.priority = priority
        self._remembered = False  # once more with the next words to his channel
        self._call.note(PRIORITY=str(priority))

    def _waited_s(self) -> float:
        return asyncio.get_running_loop().time() - self._started_s

    async def until_over(self) -> str:
        while True:
            offer = self._place.next_offer()
            try:
                await asyncio.sleep(0)  # a seat that is ready is offered in this one turn
                if not offer.done():
                    elsewhere = await self._hold_until(offer)
                    if elsewhere is not None:
                        return elsewhere
                made = await offer
            finally:
                offer.cancel()
            if await self._talk(made):
                return self._following or self._step.next

    async def _hold_until(self, offer: asyncio.Future[Offer]) -> str | None:
        """Hold the caller until a seat is offered (None), or he chooses something else: the step
        that follows then."""
        if not self._remembered:
            self._desk.waiting[self._story.info.call_id] = self._story
            await self._call.remember(**self._story.variables("queued"))
            self._remembered = True
        key, suggested = self._call.next_key(), self._place.next_suggestion()
        try:
            while not offer.done():
                rest_s = self._plan.rest_s(self._waited_s())
                await self._call.hold_until((offer, key, suggested), rest_s)
                pressed = ""
                if offer.done():
                    break
                if key.done():
                    pressed, key = key.result(), self._call.next_key()
                elif suggested.done():
                    self._plan.suggest(suggested.result(), self._waited_s())
                    suggested = self._place.next_suggestion()
                if not pressed:
                    pressed = await self._say_what_is_due(offer)
                    if pressed and key.done() and key.result() == pressed:  # told of both ways
                        key = self._call.next_key()
                elsewhere = await self._choice(pressed, offer)
                if elsewhere is not None:
                    return elsewhere
        finally:
            key.cancel()
            suggested.cancel()
        return None

    async def _say_what_is_due(self, offer: asyncio.Future[Offer]) -> str:
        """The key he presses meanwhile, "" for none. All of it yields to a seat's offer."""
        match self._plan.due(self._waited_s()):
            case Due.PLACE:
                return await self._say(self._news(), offer)
            case Due.OFFER:
                return await self._say((self._choices(),), offer, CHOICE_SILENCE_S)
        return ""

    def _news(self) -> tuple[str, ...]:
        """His place where it has changed much since he was told, else the next information."""
        now = told_now(self._place.position(), self._place.estimate(), self._waited_s())
        if not worth_telling(self._told, now):
            return information(self._step.inform, next(self._turns))
        self._told = now
        return (*self._step.announce, *now.spoken)

    def _choices(self) -> str:
        """The prompt of what he may choose: a step's suggestion, else all there is."""
        suggested, self._plan.suggested = self._plan.suggested, None
        if not self._may_be_called_back:
            return "voice_offer"
        if suggested is Suggestion.CALLBACK:
            return "callback_offer"
        return "voice_offer" if suggested is Suggestion.VOICE_REQUEST else "choice_offer"

    @property
    def _may_be_called_back(self) -> bool:
        """Not in a call that we made to call him back."""
        return self._desk.callbacks.open and self._story.callback is None

    async def _say(
        self, prompts: tuple[str, ...], offer: asyncio.Future[Offer], silence_s: float = 0.0
    ) -> str:
        if not prompts:
            return ""
        return await self._call.announce(
            prompts,
            language=self._story.language,
            until=offer,
            keys=self._keys,
            timeout_s=silence_s,
        )

    @property
    def _keys(self) -> str:
        return "".join((CALLBACK_KEY, VOICE_KEY, *self._step.keys))

    async def _choice(self, key: str, offer: asyncio.Future[Offer]) -> str | None:
        """What his key leads to; None: he goes on waiting (or a seat is there)."""
        self._story.keys += key
        if key == VOICE_KEY and not offer.done():
            leave_place(self._story, LeaveReason.VOICE_REQUEST)
            return self._step.offer
        leads = self._step.keys.get(key)
        if leads is not None and not offer.done():
            leave_place(self._story, LeaveReason.SELF_SERVICE)
            return leads.go
        if key != CALLBACK_KEY or not self._may_be_called_back or offer.done():
            return None
        gone = await choose_callback(self._call, self._desk, self._story, offer)
        return self._step.next if gone else None

    async def _talk(self, offer: Offer) -> bool:
        """Ring the offered seat; True when there was a talk and it is over."""
        story = self._story
        story.offer, story.seat_id = offer, seat_name(offer.seat, story.tenant.id)
        written = {"STAGE": "dialing"} if self._remembered else story.variables("dialing")
        self._remembered = True
        self._ring_end = None
        taken_back = self._place.taken_back(offer)
        taken_back.add_done_callback(partial(self._let_go, offer))
        try:
            result = await self._call.dial(
                offer.ring_at,
                ring_s=story.tenant.ring_s,
                on_answer=lambda when: self._answered(offer, when),
                variables={**written, "SEAT": story.seat_id},
            )
        finally:
            taken_back.cancel()
            if self._ring_end is not None:
                self._ring_end.spare()  # what wasn't ended until now is none of the next ring
        if story.answered:
            self._following = await talk_on(self._call, self._desk, story)
            return True
        if result.status is DialStatus.CANCEL:
            raise CallEnded("the caller left while the seat was ringing")
        story.offer, story.seat_id = None, ""
        if result.status is DialStatus.ANSWER:
            self._remembered = False  # the channel tells of a talk that there wasn't
        elif taken_back.cancelled():
            self._place.missed(offer, _MISSED.get(result.status, MissReason.UNREACHABLE))
        return False

    def _let_go(self, offer: Offer, taken_back: "asyncio.Future[None]") -> None:
        """The queue has taken the offer back: the seat shall ring for him no longer."""
        told = not taken_back.cancelled() and taken_back.exception() is None
        if told and self._story.offer is offer and not self._story.answered:
            self._ring_end = self._call.end_ring()

    async def _answered(self, offer: Offer, when: datetime) -> None:
        """The seat picked up: from here on it is a talk, and its ticket is written at once. Only
        when the offer was taken back and its leg is being hung up there is none: he waits on."""
        story = self._story
        if self._ring_end is not None and not self._ring_end.spare():
            story.log().warning("answer_cut_off", seat=story.seat_id, token=offer.token)
            return
        if begin_talk(story, offer) is Verdict.REFUSED:
            story.answered = False
            story.log().warning("answer_refused", seat=story.seat_id, token=offer.token)
            self._ring_end = self._call.end_ring(answered=True)
            return
        story.answered_at = when
        self._desk.waiting.pop(story.info.call_id, None)
        self._desk.talks.began(story, when)
        if offer.interpreter:
            self._desk.talks.interpreter_wanted(story, offer.interpreter)
        story.draft = asyncio.ensure_future(draft_ticket(story, self._desk, when))
        await asyncio.shield(story.draft)  # a hang-up now must not break off the writing


def seat_name(seat: Seat, tenant: str) -> str:
    """How a call of this tenant notes its seat: by number, with the seat's tenant before it when
    it is another's (overflow)."""
    return seat.seat_id if seat.tenant == tenant else f"{seat.tenant}/{seat.seat_id}"
