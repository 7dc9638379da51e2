"""What seats and supervisors may ask of a talk. Everything is checked before anything is moved."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from asterisk_conf.model import OutboundRule
from ivr.story import Directory
from ivr.talk import Party, TalkEvent, TalkState, can
from ivr.talk_errors import SwitchFailed, TalkBusy, TargetBusy, TargetRefused, UnknownTalk
from ivr.talk_parts import Engagement, Observer, Talk, first_of
from ivr.talks import Talks
from ivr.targets import Target, TargetKind, allowed, checked
from queue_manager.errors import QueueError, UnknownSeat
from queue_manager.model import MissReason, Need, Offer, Requirement, WaitingCaller
from queue_manager.rules import INTERPRETER
from telephony.errors import TelephonyError
from telephony.originate import Answer
from telephony.talks import new_leg_id

JOINING_TRIES, JOINING_S = 10, 0.1
_MISSED = {Answer.NO_ANSWER: MissReason.NO_ANSWER, Answer.BUSY: MissReason.BUSY}

log = structlog.get_logger(__name__)


class TalkVerbs:
    """The verbs. Each raises `UnknownTalk`, `TalkBusy`, `TargetRefused`, `TargetBusy`, or
    `SwitchFailed`; then nothing has changed."""

    def __init__(
        self,
        talks: Talks,
        directory: Callable[[], Directory],
        outbound: Sequence[OutboundRule] = (),
    ) -> None:
        self._talks = talks
        self._directory = directory
        self._outbound = outbound

    # --- a seat's own talk

    async def consult(self, tenant: str, call_id: str, target: Target) -> Talk:
        """The seat speaks with somebody while the citizen hears music."""
        async with self.of(tenant, call_id).lock:
            talk = await self._open(tenant, call_id, TalkEvent.CONSULT_ASKED)
            third, engaged = await self._engage(talk, target)
            try:
                await self._talks.switch.write(talk.story.info.channel, "STAGE", "consulting")
                self._begin(talk, TalkEvent.CONSULT_ASKED, third, engaged)
                await self._talks.switch.to_desk(talk.status.first.channel)
            except (TelephonyError, TalkBusy) as error:
                await self._undone(talk, engaged, error)
            return talk

    async def transfer(self, tenant: str, call_id: str, target: Target | None) -> Talk:
        """The citizen is handed on: to the one who is consulted (no target), or blindly."""
        if target is None:
            return await self.ask(tenant, call_id, TalkEvent.COMPLETE_ASKED)
        async with self.of(tenant, call_id).lock:
            talk = await self._open(tenant, call_id, TalkEvent.TRANSFER_ASKED)
            _, talk.to_seat = await self._engage(talk, target, waits=False)
            talk.to = target
            story = talk.story
            story.to = str(target)
            try:
                written = {**story.variables("queued"), "SEAT": ""}
                for name in ("TALKED", "TO", "SEAT", "STAGE"):
                    await self._talks.switch.write(story.info.channel, name, written[name])
                self._talks.happens(talk, TalkEvent.TRANSFER_ASKED)
            except (TelephonyError, TalkBusy) as error:
                await self._undone(talk, talk.to_seat, error)
            return talk

    async def join(self, tenant: str, call_id: str, target: Target | None) -> Talk:
        """Three-way: with the one who is consulted (no target), or with a seat that is rung."""
        if target is None:
            return await self.ask(tenant, call_id, TalkEvent.JOIN_ASKED)
        return await self._bring(tenant, call_id, target, TalkEvent.ADD_ASKED)

    async def ask(self, tenant: str, call_id: str, event: TalkEvent) -> Talk:
        """Complete, join or cancel: what needs nobody new."""
        talk = self.of(tenant, call_id)
        async with talk.lock:
            self._talks.happens(talk, event)
        return talk

    # --- supervisors

    async def barge(self, tenant: str, call_id: str, seat_id: str) -> Talk:
        """A supervisor comes in: all three hear each other."""
        seat = Target(TargetKind.SEAT, seat_id)
        return await self._bring(tenant, call_id, seat, TalkEvent.ADD_ASKED)

    async def take_over(self, tenant: str, call_id: str, seat_id: str) -> Talk:
        """A supervisor has the citizen as soon as he answers; the seat wraps up."""
        seat = Target(TargetKind.SEAT, seat_id)
        return await self._bring(tenant, call_id, seat, TalkEvent.TAKE_ASKED)

    async def observe(self, tenant: str, call_id: str, seat_id: str, *, whisper: bool) -> Talk:
        """A supervisor listens, or speaks to the seat alone; asked again it changes which."""
        async with self.of(tenant, call_id).lock:
            return await self._observe(tenant, call_id, seat_id, whisper)

    async def _observe(self, tenant: str, call_id: str, seat_id: str, whisper: bool) -> Talk:
        talk = await self._open(tenant, call_id, None)
        for observer in talk.observers.values():
            if observer.seat_id == seat_id:
                observer.whisper = whisper
                if observer.channel:
                    await self._moved(observer.channel)
                return talk
        _, engaged = await self._engage(talk, Target(TargetKind.SEAT, seat_id))
        assert engaged is not None
        leg_id = self._new_leg(talk)
        talk.observers[leg_id] = Observer(seat_id, whisper, engaged)
        self._talks.spawn(self._ring_observer(talk, leg_id, engaged))
        return talk

    # --- the rules' own

    async def add_interpreter(self, talk: Talk, skill: str) -> None:
        """The language that seat and citizen don't share (`lang:…`): both wait, and are told,
        until somebody who speaks it is with them."""
        try:
            talk = await self._open(talk.story.tenant.id, talk.call_id, TalkEvent.SEEK_ASKED)
            await self._talks.switch.write(talk.story.info.channel, "STAGE", "consulting")
            self._talks.happens(talk, TalkEvent.SEEK_ASKED)
            await self._talks.switch.to_desk(talk.status.first.channel)
        except (TelephonyError, TalkBusy, UnknownTalk, SwitchFailed) as error:
            log.warning("interpreter_not_sought", call_id=talk.call_id, reason=str(error))
            return
        await self._seek(talk, skill)

    async def _seek(self, talk: Talk, skill: str) -> None:
        """One after another, until somebody has come or nobody is sought any more."""
        needs = Requirement.of(Need(skill), Need(INTERPRETER))
        queue = self._talks.queues[talk.story.tenant.id]
        while talk.status.state is TalkState.SEEKING:
            engaged = Engagement(queue.enter(replace(self._caller(talk, "i"), needs=needs)))
            try:
                engaged.offer = await self._offered(talk, engaged)
            finally:
                if engaged.offer is None:
                    engaged.release()
            if engaged.offer is None:
                continue
            third = Party(engaged.offer.seat.seat_id, leg_id=self._new_leg(talk))
            talk.status = replace(talk.status, third=third)
            talk.engaged[third.seat_id] = engaged
            await self._ring_third(talk, third, engaged)
            while talk.status.state is TalkState.SEEKING and talk.has(third.leg_id):
                await asyncio.shield(talk.change())

    async def _offered(self, talk: Talk, engaged: Engagement) -> Offer | None:
        """Whoever the queue gives; None when the talk has changed before."""
        offered = engaged.place.next_offer()
        await first_of(offered, talk.change())
        if talk.status.state is not TalkState.SEEKING or not offered.done():
            return None
        return offered.result()

    # --- inside

    def of(self, tenant: str, call_id: str) -> Talk:
        """The talk; raises `UnknownTalk`."""
        talk = self._talks.find(call_id)
        if talk is None or talk.story.tenant.id != tenant:
            raise UnknownTalk(f"no talk of call {call_id} in tenant {tenant}")
        return talk

    async def _open(self, tenant: str, call_id: str, event: TalkEvent | None) -> Talk:
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
            partners = await self._talks.switch.partners(talk.call_id)
            for _ in range(JOINING_TRIES):
                if partners:
                    break
                await asyncio.sleep(JOINING_S)  # just answered: they are being joined
                partners = await self._talks.switch.partners(talk.call_id)
            if len(partners) != 1:
                raise SwitchFailed(f"{len(partners)} others are in the bridge of {talk.call_id}")
            await self._talks.switch.mark(talk.call_id, partners[0])
        except TelephonyError as error:
            raise SwitchFailed(str(error)) from error
        leg = partners[0]
        first = replace(talk.status.first, leg_id=leg.leg_id, channel=leg.channel)
        talk.status = replace(talk.status, first=first)
        talk.touched = True

    async def _bring(self, tenant: str, call_id: str, target: Target, event: TalkEvent) -> Talk:
        """Ring a seat for the talk; a supervisor who listens to it already just comes in."""
        if target.kind is not TargetKind.SEAT:
            raise TargetRefused("only a seat can be added to a talk: consult first, then join")
        async with self.of(tenant, call_id).lock:
            return await self._bring_seat(tenant, call_id, target, event)

    async def _bring_seat(
        self, tenant: str, call_id: str, target: Target, event: TalkEvent
    ) -> Talk:
        talk = await self._open(tenant, call_id, event)
        for leg_id, observer in talk.observers.items():
            if observer.seat_id == target.name and observer.channel:
                del talk.observers[leg_id]
                third = Party(target.name, leg_id=leg_id, channel=observer.channel)
                self._begin(talk, event, third, observer.engagement)
                await self._moved(observer.channel)
                return talk
        third, engaged = await self._engage(talk, target)
        assert engaged is not None
        third = replace(third, leg_id=self._new_leg(talk))
        self._begin(talk, event, third, engaged)
        self._talks.spawn(self._ring_third(talk, third, engaged))
        return talk

    def _begin(
        self, talk: Talk, event: TalkEvent, third: Party, engaged: Engagement | None
    ) -> None:
        try:
            self._talks.happens(talk, event, third)
        except TalkBusy:
            if engaged is not None:
                engaged.release()
            raise
        if engaged is not None:
            talk.engaged[third.seat_id] = engaged

    async def _engage(
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
                place = self._talks.queues[tenant].reserve(self._caller(talk, ""), target.name)
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
        place = self._talks.queues[tenant].enter(caller)
        return Party("?"), Engagement(place)

    def _caller_of(self, talk: Talk, target: Target) -> WaitingCaller:
        """Who waits for a seat of a queue or line; raises `TargetRefused`."""
        directory, tenant = self._directory(), talk.story.tenant.id
        caller = self._caller(talk, "q")
        if target.kind is TargetKind.QUEUE:
            if target.name not in {queue.id for queue in directory.rules[tenant].queues}:
                raise TargetRefused(f"tenant {tenant} has no queue {target.name!r}")
            return replace(caller, queue_id=target.name)
        line = directory.lines.get(tenant, target.name)
        if line is None or line.transfers:
            raise TargetRefused(f"tenant {tenant} answers no line {target.name!r} itself")
        needs = line.needed(talk.story.language)
        return replace(caller, queue_id=line.queue, line_id=line.id, needs=needs)

    def _caller(self, talk: Talk, suffix: str) -> WaitingCaller:
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
        )

    async def _ring_third(self, talk: Talk, third: Party, engaged: Engagement) -> None:
        came = await self._ring(talk, third.leg_id, engaged)
        if talk.status.third == third:
            # It may have hung up before it came to the desk.
            here = replace(third, channel=third.leg_id)
            talk.status = replace(talk.status, third=here)
            if not (came and await self._talks.lives(third.leg_id)):
                self._talks.third_left(talk)

    async def _ring_observer(self, talk: Talk, leg_id: str, engaged: Engagement) -> None:
        came = await self._ring(talk, leg_id, engaged)
        observer = talk.observers.get(leg_id)
        if observer is not None and not observer.channel:
            observer.channel = leg_id
            if not (came and await self._talks.lives(leg_id)):
                talk.observers.pop(leg_id).engagement.release()

    async def _ring(self, talk: Talk, leg_id: str, engaged: Engagement) -> bool:
        """Ring a seat for this talk; False when it didn't come. When it has, its leg lands at the
        desk (`ivr.talk_legs`)."""
        assert engaged.offer is not None
        answer = await self._talks.switch.ring(
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

    async def _undone(self, talk: Talk, engaged: Engagement | None, error: Exception) -> None:
        """Asterisk didn't do it: the talk goes on as it was."""
        if engaged is not None:
            engaged.release()
        talk.to, talk.to_seat, talk.story.to = None, None, ""
        self._talks.saw(talk, TalkEvent.THIRD_FAILED)
        try:
            await self._talks.switch.write(talk.story.info.channel, "STAGE", "talking")
        except TelephonyError as again:
            log.warning("stage_not_written", call_id=talk.call_id, reason=str(again))
        if isinstance(error, TalkBusy):
            raise error
        raise SwitchFailed(str(error)) from error

    async def _moved(self, channel: str) -> None:
        try:
            await self._talks.switch.to_desk(channel)
        except TelephonyError as error:
            raise SwitchFailed(str(error)) from error

    def _new_leg(self, talk: Talk) -> str:
        return new_leg_id(talk.story.info.node)
