"""The talks that seats and supervisors do something with: the shell around `ivr.talk`.

Most talks are never touched: they are only listed. One that is touched has a status, and three
kinds of sessions follow it: the citizen's (`follow`), the legs' (`ivr.talk_legs`), and whoever asks
for something (the verbs of `ivr.talk_verbs`). None of them waits for another: each does what the
status says and sleeps until it changes.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from datetime import datetime
from typing import Any

import structlog

from ivr.story import Resume, Story, number_outside
from ivr.talk import (
    ENDS,
    Party,
    TalkEvent,
    TalkState,
    TalkStatus,
    Wish,
    can,
    decide,
    wish,
)
from ivr.talk_join import SETTLE_S, Joiner
from ivr.talk_parts import Engagement, SideQueue, Switchboard, Talk
from ivr.targets import Target, TargetKind
from telephony.call import Call
from telephony.errors import TelephonyError
from telephony.events import ChannelHungUp, ChannelSeen, Event, SnapshotTaken
from telephony.talks import LegSeen

ADOPT_S = 10.0
"""How long a citizen is held for the manager interface after a restart, to find his seats."""
LET_GO_S = 3.0
"""How long a leg that is in a bridge with the one that has the citizen now gets to leave it."""

log = structlog.get_logger(__name__)


class Talks:
    """Every talk of this engine. Without a `switch` (tests of conversations) none is touched."""

    def __init__(
        self,
        switch: Switchboard | None = None,
        queues: Mapping[str, SideQueue] | None = None,
        on_new_seat: Callable[[Story], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self._switch = switch
        self.queues = queues or {}
        self._tell_seat = on_new_seat
        self._talks: dict[str, Talk] = {}
        self._found: dict[str, Engagement] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.seek: Callable[[Talk, str], Coroutine[Any, Any, None]] | None = None
        self._joiner = Joiner(self.saw, self.lives)

    @property
    def switch(self) -> Switchboard:
        """Asterisk's switchboard."""
        assert self._switch is not None, "this engine has no switchboard"
        return self._switch

    # --- what talks there are

    def began(self, story: Story, when: datetime, engaged: Engagement | None = None) -> None:
        """A seat has answered this citizen: from now on there is a talk. `engaged` is its
        reservation when it isn't the one of his place."""
        talk = Talk(story, when, TalkStatus(first=Party(seat_id=story.seat_id)))
        if story.talked[-1:] != (story.seat_id,):
            story.talked = (*story.talked, story.seat_id)
        if engaged is None and story.place is not None:
            engaged = Engagement(story.place, story.offer, answered=True)
        if engaged is not None:
            talk.engaged[story.seat_id] = engaged
        self._talks[story.info.call_id] = talk

    def found(self, story: Story, engaged: Engagement) -> None:
        """This talk goes on since before our time: nobody of ours leads the citizen yet."""
        if story.info.call_id not in self._talks:
            self.began(story, story.info.answered_at, engaged)

    def came_back(self, call_id: str) -> bool:
        """The citizen is in a new session; whether his talk goes on in it."""
        talk = self._talks.get(call_id)
        if talk is not None and (not talk.touched or talk.status.state in ENDS):
            self.forget(call_id)
            return False
        return talk is not None

    def interpreter_wanted(self, story: Story, skill: str) -> None:
        """The seat that has just answered doesn't speak the citizen's language (`lang:…`)."""
        talk = self._talks.get(story.info.call_id)
        if talk is not None and self.seek is not None:
            self.spawn(self.seek(talk, skill))

    def find(self, call_id: str) -> Talk | None:
        """The talk of this citizen."""
        return self._talks.get(call_id)

    def of(self, tenant: str) -> Iterable[Talk]:
        """A tenant's talks, touched or not."""
        return [talk for talk in self._talks.values() if talk.story.tenant.id == tenant]

    def forget(self, call_id: str) -> None:
        """The talk is over, its seats are free."""
        talk = self._talks.pop(call_id, None)
        if talk is not None:
            self._release(talk, ())
            for leg_id, observer in talk.observers.items():
                self.spawn(self.hang_up(leg_id))
                observer.engagement.release()
            talk.observers.clear()
            talk.wake()

    # --- events

    def take(self, event: Event) -> None:
        """One event of `telephony`; returns at once, and raises nothing: others wait for it."""
        try:
            match event:
                case ChannelHungUp():
                    self._hung_up(event.call_id)
                case SnapshotTaken():
                    self._snapshot(event.channels)
        except Exception:
            log.exception("talk_event_not_taken", event_type=type(event).__name__)

    def happens(self, talk: Talk, event: TalkEvent, third: Party | None = None) -> None:
        """Let the table decide, and do what it says; raises `TalkBusy`."""
        old = talk.status
        move = decide(old, event, third)
        new = talk.status = move.status
        talk.touched = True
        talk.parted += move.parts
        if old.state is TalkState.TAKING and new.first not in (old.first, Party()):
            talk.taken_over = True
        log.info(
            "talk_changed",
            call_id=talk.call_id,
            tenant=talk.story.tenant.id,
            happened=event,
            state=new.state,
            seat=new.first.seat_id,
            third=new.third.seat_id if new.third else "",
        )
        for party in move.drop:
            if party.leg_id:
                self.spawn(self.hang_up(party.leg_id))
        self._release(talk, {p.seat_id for p in (new.first, new.third) if p is not None})
        if new.first.seat_id and new.first.seat_id != old.first.seat_id:
            _goes_to(talk.story, new.first.seat_id)
            self._tell_ticket(talk)
        elif new.first.number and new.first.number != old.first.number:
            talk.story.handed_to = new.first.number
            self._tell_ticket(talk)
        talk.wake()
        if new.state is TalkState.OVER and event is TalkEvent.CITIZEN_LEFT:
            self.forget(talk.call_id)

    def _tell_ticket(self, talk: Talk) -> None:
        """Somebody else has the citizen: his ticket says so."""
        if self._tell_seat is not None:
            self.spawn(self._tell_seat(talk.story))

    async def write_next(self, talk: Talk, *, stage: str = "") -> None:
        """Write on the citizen's channel that the third party is to have him, before anybody is
        moved: should we die in between, the engine after us joins these two. With a `stage` he
        counts as held until then, whatever he was."""
        third, channel = talk.status.third, talk.story.info.channel
        if third is None:
            return
        number = third.number
        talk.story.to = str(Target(TargetKind.NUMBER, number)) if number else ""
        written = {"SEAT": third.seat_id, "TO": talk.story.to, "STAGE": stage}
        try:
            for name in ("SEAT", "TO", "STAGE") if stage else ("SEAT", "TO"):
                await self.switch.write(channel, name, written[name])
        except TelephonyError as error:
            log.warning("next_party_not_written", call_id=talk.call_id, reason=str(error))

    def saw(self, talk: Talk, event: TalkEvent, third: Party | None = None) -> bool:
        """As `happens`, for what comes by itself: False when it comes too late to matter."""
        if not can(talk.status, event):
            return False
        self.happens(talk, event, third)
        return True

    def _hung_up(self, leg_id: str) -> None:
        """Of a leg without a channel's name whoever rings it is told: it hasn't answered."""
        found = self._found.pop(leg_id, None)
        if found is not None:
            found.release()
        talk = self._talks.get(leg_id)
        if talk is not None:
            if not (talk.touched and self.saw(talk, TalkEvent.CITIZEN_LEFT)):
                if talk.to_seat is not None:
                    talk.to_seat.release()
                self.forget(leg_id)
            return
        # Few are touched, and every caller's end comes by here.
        for talk in [talk for talk in self._talks.values() if talk.touched or talk.observers]:
            observer, third = talk.observers.get(leg_id), talk.status.third
            if observer is not None and observer.channel:
                talk.observers.pop(leg_id).engagement.release()
                talk.wake()
            elif talk.touched and leg_id == talk.status.first.leg_id:
                self._joiner.first_left(talk)
            elif third is not None and third.channel and leg_id == third.leg_id:
                self.third_left(talk)

    def third_left(self, talk: Talk) -> None:
        """The third party hung up, or didn't come."""
        if not self.saw(talk, TalkEvent.THIRD_LEFT):
            self.saw(talk, TalkEvent.THIRD_FAILED)

    def _snapshot(self, channels: Iterable[ChannelSeen]) -> None:
        """Seats whose legs an engine before us had put into talks are taken for talking."""
        for channel in channels:
            call_id = channel.variables.get("TALK", "")
            if not call_id or channel.call_id in self._found or self._known(channel.call_id):
                continue
            endpoint = channel.channel.partition("/")[2].rpartition("-")[0]
            for queue in self.queues.values():
                place = queue.occupy(endpoint, call_id)
                if place is not None:
                    self._found[channel.call_id] = Engagement(place, answered=True)

    def _known(self, leg_id: str) -> bool:
        return any(talk.has(leg_id) or leg_id in talk.observers for talk in self._talks.values())

    # --- the citizen's session

    async def follow(self, call: Call, story: Story) -> Talk | None:
        """The citizen's part, from the end of his first bridge on: None when the talk is over,
        else the talk that hands him on (or back). Raises CallEnded when he or his session goes."""
        talk = self._talks.get(story.info.call_id)
        if talk is None or not talk.touched:
            self._talks.pop(story.info.call_id, None)
            if talk is not None and story.place is None:
                self._release(talk, ())
            return None
        if talk.parted == 0:
            await self._joiner.left_alone(talk)
        while talk.status.state not in ENDS:
            if wish(talk.status) is Wish.HOLD:
                change = talk.change()
                await call.remember(**story.variables("consulting"))
                if talk.then is not None:
                    said = ("transfer_emergency",)
                    await call.announce(said, language=story.language, until=change)
                await call.hold(asyncio.shield(change))
            else:
                await self._joiner.join(call, talk)
        self.forget(talk.call_id)
        return None if talk.status.state is TalkState.OVER else talk

    # --- after a restart

    async def resume(self, call: Call, story: Story) -> Talk | None:
        """A citizen whom an engine before us held, or had joined with somebody: given (back) to
        the first of the seats that are still there. As `follow`."""
        known = self._talks.get(story.info.call_id)
        if known is not None:
            story.seat_id, story.talked = known.story.seat_id, known.story.talked
            known.story = story
            return await self.follow(call, story)
        legs = await call.hold(self._legs_of(story.info.call_id))
        began = story.answered_at or story.info.answered_at
        if not legs and story.point is Resume.HELD:
            return Talk(story, began, TalkStatus(TalkState.RETURNED))
        if not legs:
            return None
        queue = self.queues[story.tenant.id]
        seats = {leg.leg_id: queue.seat_at(leg.endpoint) for leg in legs}
        legs.sort(key=lambda leg: seats[leg.leg_id] != story.seat_id)
        first = legs[0]
        seat_id = seats[first.leg_id]
        number = "" if seat_id else number_outside(story.to)
        party = Party(seat_id, number, first.leg_id, first.channel)
        talk = Talk(story, began, TalkStatus(first=party), touched=True, parted=1)
        self._talks[talk.call_id] = talk
        if number:
            story.handed_to = number
            self._tell_ticket(talk)
        found = self._found.pop(first.leg_id, None)
        if found is not None:
            talk.engaged[party.seat_id] = found
        for other in legs[1:]:
            # Who is in a bridge with the first one is set free by our joining that one: were it
            # hung up in the same moment, Asterisk may lose both.
            self.spawn(self._let_go(talk, other.leg_id, LET_GO_S if other.bridged else 0.0))
        return await self.follow(call, story)

    async def _let_go(self, talk: Talk, leg_id: str, after_s: float) -> None:
        """End a leg that has no part in the talk any more."""
        await asyncio.sleep(after_s)
        if not talk.has(leg_id):
            await self.hang_up(leg_id)

    async def _legs_of(self, call_id: str) -> list[LegSeen]:
        """Asked until the manager interface answers, for a while."""
        tries = round(ADOPT_S / SETTLE_S)
        for _ in range(tries):
            try:
                return list(await self.switch.legs(call_id))
            except TelephonyError as error:
                log.info("legs_not_asked_for", call_id=call_id, reason=str(error))
                await asyncio.sleep(SETTLE_S)
        return []

    # --- small things

    async def hang_up(self, leg_id: str) -> None:
        """End a leg; when that can't be done now it ends by itself."""
        try:
            await self.switch.hang_up(leg_id)
        except TelephonyError as error:
            log.warning("leg_not_ended", call_id=leg_id, reason=str(error))

    async def lives(self, leg_id: str) -> bool:
        """Whether a leg is there; taken for granted when Asterisk can't be asked."""
        try:
            return await self.switch.lives(leg_id)
        except TelephonyError as error:
            log.warning("leg_not_asked_for", call_id=leg_id, reason=str(error))
            return True

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this beside everything else; what goes wrong is told in the log."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def close(self) -> None:
        """The engine stops: the talks go on in Asterisk."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("talk_task_failed", exc_info=task.exception())

    def _release(self, talk: Talk, stay: Collection[str]) -> None:
        for seat_id in [seat_id for seat_id in talk.engaged if seat_id not in stay]:
            talk.engaged.pop(seat_id).release()


def _goes_to(story: Story, seat_id: str) -> None:
    """Another seat has the citizen now; the first one's place is none of his conversation's."""
    story.place = story.offer = None
    story.seat_id = seat_id
    story.talked = (*story.talked, seat_id)
