"""Interpreters: for a citizen and a seat who don't share a language, by the rules of the queue."""

import asyncio
from dataclasses import replace

import structlog

from ivr.talk import Party, TalkEvent, TalkState
from ivr.talk_errors import SwitchFailed, TalkBusy, UnknownTalk
from ivr.talk_parts import Engagement, Talk, first_of
from ivr.talk_ringing import TalkRinging
from queue_manager.model import Need, Offer, Requirement
from queue_manager.rules import INTERPRETER
from telephony.errors import TelephonyError

log = structlog.get_logger(__name__)


class Interpreters(TalkRinging):
    """Looks for them in the queue, one after another."""

    async def add_interpreter(self, talk: Talk, skill: str) -> None:
        """The language that seat and citizen don't share (`lang:…`): both wait, and are told,
        until somebody who speaks it is with them."""
        try:
            talk = await self.open(talk.story.tenant.id, talk.call_id, TalkEvent.SEEK_ASKED)
            await self.talks.switch.write(talk.story.info.channel, "STAGE", "consulting")
            self.talks.happens(talk, TalkEvent.SEEK_ASKED)
            await self.talks.switch.to_desk(talk.status.first.channel)
        except (TelephonyError, TalkBusy, UnknownTalk, SwitchFailed) as error:
            if talk.status.state is TalkState.SEEKING:
                self.talks.saw(talk, TalkEvent.CANCEL_ASKED)
            log.warning("interpreter_not_sought", call_id=talk.call_id, reason=str(error))
            return
        await self._seek(talk, skill)

    async def _seek(self, talk: Talk, skill: str) -> None:
        """One after another, until somebody has come or nobody is sought any more."""
        needs = Requirement.of(Need(skill), Need(INTERPRETER))
        queue = self.talks.queues[talk.story.tenant.id]
        while talk.status.state is TalkState.SEEKING:
            engaged = Engagement(queue.enter(replace(self.caller(talk, "i"), needs=needs)))
            try:
                engaged.offer = await self._offered(talk, engaged)
            finally:
                if engaged.offer is None:
                    engaged.release()
            if engaged.offer is None:
                continue
            third = Party(engaged.offer.seat.seat_id, leg_id=self.new_leg(talk))
            talk.status = replace(talk.status, third=third)
            talk.engaged[third.seat_id] = engaged
            await self.ring_third(talk, third, engaged)
            while talk.status.state is TalkState.SEEKING and talk.has(third.leg_id):
                await asyncio.shield(talk.change())

    async def _offered(self, talk: Talk, engaged: Engagement) -> Offer | None:
        """Whoever the queue gives; None when the talk has changed before."""
        offered = engaged.place.next_offer()
        await first_of(offered, talk.change())
        if talk.status.state is not TalkState.SEEKING or not offered.done():
            return None
        return offered.result()
