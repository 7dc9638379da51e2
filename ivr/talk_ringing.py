"""Finding a talk, and ringing somebody for it: what all who ask something have in common."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from asterisk_conf.model import OutboundRule
from ivr.story import Directory
from ivr.talk import Party, TalkEvent, can
from ivr.talk_errors import SwitchFailed, TalkBusy, TargetBusy, TargetRefused, UnknownTalk
from ivr.talk_parts import Engagement, Talk
from ivr.talks import Talks
from ivr.targets import Target, TargetKind, allowed, checked
from queue_manager.errors import QueueError, UnknownSeat
from queue_manager.model import MissReason, WaitingCaller
from telephony.errors import TelephonyError
from telephony.originate import Answer
from telephony.talks import new_leg_id

JOINING_TRIES, JOINING_S = 10, 0.1
_MISSED = {Answer.NO_ANSWER: MissReason.NO_ANSWER, Answer.BUSY: MissReason.BUSY}

log = structlog.get_logger(__name__)


class TalkRinging:
    """Raises what `ivr.talk_errors` names; then nothing has changed."""

    def __init__(
        self,
        talks: Talks,
        directory: Callable[[], Directory],
        outbound: Sequence[OutboundRule] = (),
    ) -> None:
        self.talks = talks
        self._directory = directory
        self._outbound = outbound

    def of(self, tenant: str, call_id: str) -> Talk:
        """The talk; raises `UnknownTalk`."""
        talk = self.talks.find(call_id)
        if talk is None or talk.story.tenant.id != tenant:
            raise UnknownTalk(f"no talk of call {call_id} in tenant {tenant}")
        return talk

    async def open(self, tenant: str, call_id: str, event: TalkEvent | None) -> Talk:
        """The talk, with its seat's leg known and marked, and fit for this event."""
        talk = self.of(tenant, call_id)
        self._check(talk, event)
        if not talk.status.first.leg_id:
            await self._know_first(talk)
            self._check(talk, event)
        return talk

    def _check(self, talk: Talk, event: TalkEvent | None) -> None:
        if event is not None and not can(talk.status, event):
            raise TalkBusy(f"a talk that is {talk.status.state} can't have {event}")

    async def _know_first(self, talk: Talk) -> None:
        try:
            partners = await self.talks.switch.partners(talk.call_id)
            for _ in range(JOINING_TRIES):
                if partners:
                    break
                await asyncio.sleep(JOINING_S)  # just answered: they are being joined
                partners = await self.talks.switch.partners(talk.call_id)
            if len(partners) != 1:
                raise SwitchFailed(f"{len(partners)} others are in the bridge of {talk.call_id}")
            await self.talks.switch.mark(talk.call_id, partners[0])
        except TelephonyError as error:
            raise SwitchFailed(str(error)) from error
        leg = partners[0]
        first = replace(talk.status.first, leg_id=leg.leg_id, channel=leg.channel)
        talk.status = replace(talk.status, first=first)
        talk.touched = True

    async def engage(
        self, talk: Talk, target: Target, *, waits: bool = True
    ) -> tuple[Party, Engagement | None]:
        """Who is meant, and (for a seat) its reservation; a queue's seat is found while the seat
        who asks is waiting for it."""
        checked(target)
        tenant = talk.story.tenant.id
        match target.kind:
            case TargetKind.NUMBER:
                if not allowed(target.name, self._outbound):
                    raise TargetRefused(f"no outbound rule allows {target.name}")
                return Party(number=target.name), None
            case TargetKind.SEAT:
                place = self.talks.queues[tenant].reserve(self.caller(talk, ""), target.name)
                try:
                    offer = await place.next_offer()
                except UnknownSeat as error:
                    raise TargetRefused(str(error)) from error
                except QueueError as error:
                    raise TargetBusy(str(error)) from error
                return Party(target.name), Engagement(place, offer)
        caller = self._caller_of(talk, target)
        if not waits:
            return Party(), None
        place = self.talks.queues[tenant].enter(caller)
        return Party("?"), Engagement(place)

    def _caller_of(self, talk: Talk, target: Target) -> WaitingCaller:
        """Who waits for a seat of a queue or line; raises `TargetRefused`."""
        directory, tenant = self._directory(), talk.story.tenant.id
        caller = self.caller(talk, "q")
        if target.kind is TargetKind.QUEUE:
            if target.name not in {queue.id for queue in directory.rules[tenant].queues}:
                raise TargetRefused(f"tenant {tenant} has no queue {target.name!r}")
            return replace(caller, queue_id=target.name)
        line = directory.lines.get(tenant, target.name)
        if line is None or line.transfers:
            raise TargetRefused(f"tenant {tenant} answers no line {target.name!r} itself")
        needs = line.needed(talk.story.language)
        return replace(caller, queue_id=line.queue, line_id=line.id, needs=needs)

    def caller(self, talk: Talk, suffix: str) -> WaitingCaller:
        story = talk.story
        assert story.queued_at is not None
        call_id = f"{talk.call_id}.{suffix}{talk.parted}" if suffix else talk.call_id
        return WaitingCaller(
            tenant=story.tenant.id,
            call_id=call_id,
            line_id=story.known_line.id,
            needs=story.needs,
            queued_at=story.queued_at,
            language=story.language,
            colleague=True,
        )

    async def ring_third(self, talk: Talk, third: Party, engaged: Engagement) -> None:
        came = await self._ring(talk, third.leg_id, engaged)
        if talk.status.third == third:
            # It may have hung up before it came to the desk.
            here = replace(third, channel=third.leg_id)
            talk.status = replace(talk.status, third=here)
            if not (came and await self.talks.lives(third.leg_id)):
                self.talks.third_left(talk)

    async def ring_observer(self, talk: Talk, leg_id: str, engaged: Engagement) -> None:
        came = await self._ring(talk, leg_id, engaged)
        observer = talk.observers.get(leg_id)
        if observer is not None and not observer.channel:
            observer.channel = leg_id
            if not (came and await self.talks.lives(leg_id)):
                talk.observers.pop(leg_id).engagement.release()

    async def _ring(self, talk: Talk, leg_id: str, engaged: Engagement) -> bool:
        """Ring a seat for this talk; False when it didn't come. When it has, its leg lands at the
        desk (`ivr.talk_legs`)."""
        assert engaged.offer is not None
        answer = await self.talks.switch.ring(
            engaged.offer.ring_at,
            talk.call_id,
            leg_id,
            ring_s=talk.story.tenant.ring_s,
            caller=talk.story.caller.e164,
        )
        if answer is Answer.ANSWERED:
            engaged.rung(True)
            return True
        engaged.rung(False, _MISSED.get(answer, MissReason.UNREACHABLE))
        return False

    def new_leg(self, talk: Talk) -> str:
        return new_leg_id(talk.story.info.node)
