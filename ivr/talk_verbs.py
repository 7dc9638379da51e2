"""What seats and supervisors may ask of a talk. Everything is checked before anything is moved."""

from dataclasses import replace

import structlog

from ivr.talk import Party, TalkEvent, can
from ivr.talk_errors import SwitchFailed, TalkBusy, TargetBusy, TargetRefused
from ivr.talk_parts import Engagement, Observer, Talk
from ivr.talk_ringing import TalkRinging
from ivr.targets import Target, TargetKind
from telephony.errors import TelephonyError
from tickets.life_rules import EMERGENCIES

log = structlog.get_logger(__name__)


class TalkVerbs(TalkRinging):
    """The verbs. Each raises `UnknownTalk`, `TalkBusy`, `TargetRefused`, `TargetBusy`, or
    `SwitchFailed`; then nothing has changed."""

    # --- a seat's own talk

    async def consult(
        self, tenant: str, call_id: str, target: Target, then: TalkEvent | None = None
    ) -> Talk:
        """The seat speaks with somebody while the citizen hears music; `then` follows as soon as
        that one answers."""
        async with self.of(tenant, call_id).lock:
            talk = await self.open(tenant, call_id, TalkEvent.CONSULT_ASKED)
            third, engaged = await self.engage(talk, target)
            talk.then, talk.failed = then, ""
            try:
                await self.talks.switch.write(talk.story.info.channel, "STAGE", "consulting")
                self._begin(talk, TalkEvent.CONSULT_ASKED, third, engaged)
                await self.talks.switch.to_desk(talk.status.first.channel)
            except (TelephonyError, TalkBusy) as error:
                await self._undone(talk, engaged, error)
            return talk

    async def emergency(
        self, tenant: str, call_id: str, target: Target, *, three_way: bool
    ) -> Talk:
        """One key: 110, 119, 120, 122 or 12395 is called, and has the citizen once it answers; with
        `three_way` the seat stays with them. Where nobody answers the seat has him again."""
        if target.kind is not TargetKind.NUMBER or target.name not in EMERGENCIES:
            raise TargetRefused(f"{target.name!r} is none of {', '.join(sorted(EMERGENCIES))}")
        then = TalkEvent.JOIN_ASKED if three_way else TalkEvent.COMPLETE_ASKED
        return await self.consult(tenant, call_id, target, then)

    async def transfer(self, tenant: str, call_id: str, target: Target | None) -> Talk:
        """The citizen is handed on: to the one who is consulted (no target), or blindly."""
        if target is None:
            return await self.ask(tenant, call_id, TalkEvent.COMPLETE_ASKED)
        async with self.of(tenant, call_id).lock:
            talk = await self.open(tenant, call_id, TalkEvent.TRANSFER_ASKED)
            _, talk.to_seat = await self.engage(talk, target, waits=False)
            talk.to = target
            story = talk.story
            story.to = str(target)
            try:
                written = {**story.variables("queued"), "SEAT": ""}
                for name in ("TALKED", "TO", "SEAT", "STAGE"):
                    await self.talks.switch.write(story.info.channel, name, written[name])
                self.talks.happens(talk, TalkEvent.TRANSFER_ASKED)
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
            if event is TalkEvent.COMPLETE_ASKED and can(talk.status, event):
                await self.talks.write_next(talk)
            self.talks.happens(talk, event)
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
        talk = await self.open(tenant, call_id, None)
        for observer in talk.observers.values():
            if observer.seat_id == seat_id:
                observer.whisper = whisper
                if observer.channel:
                    await self._moved(observer.channel)
                return talk
        _, engaged = await self.engage(talk, Target(TargetKind.SEAT, seat_id))
        assert engaged is not None
        leg_id = self.new_leg(talk)
        talk.observers[leg_id] = Observer(seat_id, whisper, engaged)
        self.talks.spawn(self.ring_observer(talk, leg_id, engaged))
        return talk

    # --- inside

    async def _bring(self, tenant: str, call_id: str, target: Target, event: TalkEvent) -> Talk:
        """Ring a seat for the talk; a supervisor who listens to it already just comes in."""
        if target.kind is not TargetKind.SEAT:
            raise TargetRefused("only a seat can be added to a talk: consult first, then join")
        async with self.of(tenant, call_id).lock:
            return await self._bring_seat(tenant, call_id, target, event)

    async def _bring_seat(
        self, tenant: str, call_id: str, target: Target, event: TalkEvent
    ) -> Talk:
        talk = await self.open(tenant, call_id, event)
        for leg_id, observer in talk.observers.items():
            if observer.seat_id == target.name:
                if not observer.channel:  # a second ring at the same telephone helps nobody
                    raise TargetBusy(f"seat {target.name} is being rung to listen: answer first")
                del talk.observers[leg_id]
                third = Party(target.name, leg_id=leg_id, channel=observer.channel)
                self._begin(talk, event, third, observer.engagement)
                await self._moved(observer.channel)
                return talk
        third, engaged = await self.engage(talk, target)
        assert engaged is not None
        third = replace(third, leg_id=self.new_leg(talk))
        self._begin(talk, event, third, engaged)
        self.talks.spawn(self.ring_third(talk, third, engaged))
        return talk

    def _begin(
        self, talk: Talk, event: TalkEvent, third: Party, engaged: Engagement | None
    ) -> None:
        try:
            self.talks.happens(talk, event, third)
        except TalkBusy:
            if engaged is not None:
                engaged.release()
            raise
        if engaged is not None:
            talk.engaged[third.seat_id] = engaged

    async def _undone(self, talk: Talk, engaged: Engagement | None, error: Exception) -> None:
        """Asterisk didn't do it: the talk goes on as it was."""
        if engaged is not None:
            engaged.release()
        talk.to, talk.to_seat, talk.story.to = None, None, ""
        talk.then = None
        self.talks.saw(talk, TalkEvent.THIRD_FAILED)
        try:
            await self.talks.switch.write(talk.story.info.channel, "STAGE", "talking")
        except TelephonyError as again:
            log.warning("stage_not_written", call_id=talk.call_id, reason=str(again))
        if isinstance(error, TalkBusy):
            raise error
        raise SwitchFailed(str(error)) from error

    async def _moved(self, channel: str) -> None:
        try:
            await self.talks.switch.to_desk(channel)
        except TelephonyError as error:
            raise SwitchFailed(str(error)) from error
