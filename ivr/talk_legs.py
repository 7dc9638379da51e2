"""What the legs of a talk do when they have come to the desk: `lead_leg` is each one's session.

A leg that is to be joined with somebody needs no word of ours: whoever joins it takes it out of
here, and its session ends. A leg that nobody wants any more is hung up when its leading is over.
"""

import asyncio
from dataclasses import replace
from datetime import datetime

import structlog

from ivr.talk import TalkEvent, TalkState, with_third
from ivr.talk_parts import Engagement, Observer, Talk, first_of
from ivr.talks import Talks
from queue_manager.errors import QueueError
from queue_manager.model import MissReason
from telephony.call import DialStatus
from telephony.errors import TelephonyError
from telephony.talking import TalkingCall

ADOPTED_S = 15.0
"""How long a leg whose talk nobody knows yet (the engine has just begun) is held."""
ADOPT_STEP_S = 0.5
BESIDE_S = 0.1
BRIDGED_TRIES = 30
TICKET_S = 0.5
"""How long the outside waits for the number of a ticket that is just being written: a tenth of a
second after the answer it is durable, unless SQL is away."""
MOVED_S = 0.3
"""How soon after a change the legs of a talk are where they belong."""
_MISSED = {DialStatus.NOANSWER: MissReason.NO_ANSWER, DialStatus.BUSY: MissReason.BUSY}

log = structlog.get_logger(__name__)


class TalkLegs:
    """Leads legs."""

    def __init__(self, talks: Talks) -> None:
        self._talks = talks

    async def lead_leg(self, leg: TalkingCall) -> None:
        """One leg, until it is wanted elsewhere (raises CallEnded) or nowhere."""
        leg_id, call_id = leg.info.call_id, leg.info.variables["TALK"]
        talk = self._talks.find(call_id) or await self._adopted(leg, call_id)
        if talk is None:
            return
        observer = talk.observers.get(leg_id)
        status = talk.status
        if observer is not None:
            await self._observe(talk, observer, leg)
        elif status.first.leg_id == leg_id and status.state is TalkState.CALLING:
            await self._call_third(talk, leg)
        elif status.first.leg_id == leg_id and status.state is TalkState.SEEKING:
            await self._wait_for_interpreter(talk, leg)
        elif status.third is not None and status.third.leg_id == leg_id:
            await self._come_in(talk, leg)
        await leg.stay(talk.until_without(leg_id))

    async def _adopted(self, leg: TalkingCall, call_id: str) -> Talk | None:
        """A leg of a talk that an engine before us led: its citizen comes, too, and joins it."""
        try:
            if not await self._talks.switch.lives(call_id):
                return None
        except TelephonyError as error:
            log.info("leg_not_asked_for", call_id=call_id, reason=str(error))
        return await leg.hold(self._found_again(leg.info.call_id, call_id))

    async def _found_again(self, leg_id: str, call_id: str) -> Talk | None:
        """The talk, as soon as the citizen is back in it; None when it is one without this leg."""
        for _ in range(round(ADOPTED_S / ADOPT_STEP_S)):
            await asyncio.sleep(ADOPT_STEP_S)
            talk = self._talks.find(call_id)
            if talk is not None and talk.has(leg_id):
                return talk
        return None

    # --- consultation: the seat rings the other one from its own leg

    async def _call_third(self, talk: Talk, leg: TalkingCall) -> None:
        """Ring; come back when that talk is over, or never began."""
        third = talk.status.third
        assert third is not None
        if third.number:
            answered = await self._call_outside(talk, leg, third.number)
        else:
            answered = await self._ring_seat(talk, leg)
        talk.then = None
        if answered:
            self._talks.saw(talk, TalkEvent.THIRD_LEFT)
        else:
            self._talks.saw(talk, TalkEvent.THIRD_FAILED)

    async def _call_outside(self, talk: Talk, leg: TalkingCall, number: str) -> bool:
        story = talk.story
        if story.draft is not None and not story.draft.done():
            either = (story.draft, talk.change())
            await asyncio.wait(either, timeout=TICKET_S, return_when=asyncio.FIRST_COMPLETED)
            if talk.status.state is not TalkState.CALLING:
                return False
        result = await leg.transfer(
            number,
            caller=story.facts.caller_e164 or story.facts.caller_raw,
            first_called=story.facts.called_number,
            ticket=story.ticket,
            on_answer=lambda when: self._third_answered(talk, leg, when),
        )
        answered = result.status is DialStatus.ANSWER
        talk.failed = "" if answered else result.status.value
        return answered

    async def _ring_seat(self, talk: Talk, leg: TalkingCall) -> bool:
        third = talk.status.third
        assert third is not None
        engaged = talk.engaged[third.seat_id]
        while talk.status.state is TalkState.CALLING:
            if engaged.offer is None and not await self._next_seat(talk, leg, engaged):
                return False
            assert engaged.offer is not None
            result = await leg.ring(
                engaged.offer.ring_at,
                ring_s=talk.story.tenant.ring_s,
                on_answer=lambda when: self._third_answered(talk, leg, when),
            )
            if result.status is DialStatus.ANSWER:
                return True
            engaged.rung(False, _MISSED.get(result.status, MissReason.UNREACHABLE))
        return False

    async def _next_seat(self, talk: Talk, leg: TalkingCall, engaged: Engagement) -> bool:
        """Whoever the queue gives; False when a seat by name has missed its only ring."""
        offered = engaged.place.next_offer()
        await leg.hold(first_of(offered, talk.change()))
        if talk.status.state is not TalkState.CALLING:
            return False
        try:
            engaged.offer = await offered
        except QueueError:
            return False
        third = talk.status.third
        assert third is not None
        seat_id = engaged.offer.seat.seat_id
        talk.engaged[seat_id] = talk.engaged.pop(third.seat_id)
        talk.status = with_third(talk.status, replace(third, seat_id=seat_id))
        return True

    async def _third_answered(self, talk: Talk, leg: TalkingCall, when: datetime) -> None:
        """Find the other one's leg: marked as ours is, since it was rung from it."""
        legs = await self._talks.switch.legs(talk.call_id)
        known = {talk.status.first.leg_id, *talk.observers}
        other = next((seen for seen in legs if seen.leg_id not in known), None)
        third = talk.status.third
        if other is None or third is None or talk.status.state is not TalkState.CALLING:
            log.warning("answer_too_late", call_id=talk.call_id, leg=leg.info.call_id)
            return
        await self._talks.switch.mark(talk.call_id, other)
        engaged = talk.engaged.get(third.seat_id)
        if engaged is not None:
            engaged.rung(True)
        answered = replace(third, leg_id=other.leg_id, channel=other.channel)
        self._talks.saw(talk, TalkEvent.THIRD_ANSWERED, answered)
        if talk.then is not None:
            await self._until_bridged(talk, other.leg_id)
            follows, talk.then = talk.then, None
            if follows is TalkEvent.COMPLETE_ASKED:
                await self._talks.write_next(talk)
            if follows is not None:
                self._talks.saw(talk, follows)

    async def _until_bridged(self, talk: Talk, leg_id: str) -> None:
        """The two are only just being joined when the answer is told."""
        for _ in range(BRIDGED_TRIES):
            legs = await self._talks.switch.legs(talk.call_id)
            if any(seen.leg_id == leg_id and seen.bridged for seen in legs):
                return
            await asyncio.sleep(BESIDE_S)

    # --- three-way and taking over: the third one was rung for the talk, and is here now

    async def _come_in(self, talk: Talk, leg: TalkingCall) -> None:
        third = talk.status.third
        assert third is not None
        engaged = talk.engaged.get(third.seat_id)
        if engaged is not None:
            engaged.rung(True)
        if talk.status.state in (TalkState.TAKING, TalkState.HELD):
            await self._talks.write_next(talk, stage="consulting")
        if talk.has(leg.info.call_id):
            here = replace(third, channel=leg.info.channel)
            self._talks.saw(talk, TalkEvent.THIRD_ANSWERED, here)
        while talk.status.state is TalkState.THREE_WAY and talk.has(leg.info.call_id):
            # At once, unless the citizen is only just being joined with the first one.
            await leg.join(talk.story.info.channel, beside=True)
            await asyncio.sleep(BESIDE_S)

    async def _wait_for_interpreter(self, talk: Talk, leg: TalkingCall) -> None:
        """The seat is told, as the citizen is, and hears music until somebody comes."""
        await leg.play(("interpreter_sought",), language=talk.story.tenant.languages[0])
        while talk.status.state is TalkState.SEEKING and talk.has(leg.info.call_id):
            await leg.hold(asyncio.shield(talk.change()))
        await leg.music(False)

    # --- supervisors

    async def _spy(self, talk: Talk, observer: Observer, leg: TalkingCall, channel: str) -> None:
        """Until that leg hangs up, or the talk changes: Asterisk loses one side of what it hears
        when a leg that is listened to moves, so that listening begins anew then."""
        change = talk.change()
        spying = asyncio.ensure_future(leg.spy(channel, whisper=observer.whisper))
        await first_of(spying, change)
        await asyncio.sleep(MOVED_S)
        if not spying.done():
            try:
                await self._talks.switch.to_desk(leg.info.channel)
            except TelephonyError as error:
                log.warning("listener_not_moved", call_id=talk.call_id, reason=str(error))
        await spying

    async def _observe(self, talk: Talk, observer: Observer, leg: TalkingCall) -> None:
        """Listen to whoever has the citizen, as long as the talk goes on."""
        observer.channel = leg.info.channel
        observer.engagement.rung(True)
        while self._talks.find(talk.call_id) is talk and leg.info.call_id in talk.observers:
            first = talk.status.first
            if first.channel:
                await self._spy(talk, observer, leg, first.channel)
            else:
                await leg.hold(asyncio.shield(talk.change()))
