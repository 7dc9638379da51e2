"""Talks as the console sees them: its port over the conversations' talks."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence

from asterisk_conf.model import OutboundRule
from console.errors import (
    ConsoleError,
    SeatBusy,
    SwitchUnavailable,
    TalkElsewhere,
    TalkNotPossible,
    TargetNotAllowed,
    UnknownTalk,
)
from console.talks import TalkParty, TalkTarget, TalkVerb, TalkView
from hotline.cluster_wiring import far
from ivr import talk_errors
from ivr.desk import Desk
from ivr.ending import draft_ticket
from ivr.recovery import info_from_variables
from ivr.story import Directory, Story, open_story
from ivr.talk import Party, TalkEvent
from ivr.talk_interpreters import Interpreters
from ivr.talk_legs import TalkLegs
from ivr.talk_parts import Engagement, Talk
from ivr.talk_verbs import TalkVerbs
from ivr.talks import Talks
from ivr.targets import Target, TargetKind
from queue_manager.errors import PlaceGone
from queue_manager.model import LeaveReason, MissReason, Offer
from queue_manager.service import QueueService
from telephony.door import Telephony
from telephony.events import Event, SnapshotTaken
from telephony.talks import Switch

_OF_NODE = re.compile(r"([a-z][a-z0-9]{0,15})-[0-9]")
_ASKED = {
    TalkVerb.COMPLETE: TalkEvent.COMPLETE_ASKED,
    TalkVerb.CANCEL: TalkEvent.CANCEL_ASKED,
}
_ERRORS: Mapping[type[talk_errors.TalkError], type[ConsoleError]] = {
    talk_errors.TalkBusy: TalkNotPossible,
    talk_errors.TargetBusy: SeatBusy,
    talk_errors.TargetRefused: TargetNotAllowed,
    talk_errors.SwitchFailed: SwitchUnavailable,
}


def wired(
    telephony: Telephony,
    queues: Mapping[str, QueueService],
    desk: Callable[[], Desk],
    outbound: Sequence[OutboundRule],
) -> tuple[Talks, TalkLegs, "TalkBoard"]:
    """The conversations' talks over this telephony: the registry, who leads legs, the console's."""

    async def new_seat(story: Story) -> None:
        await draft_ticket(story, desk(), desk().clock.now())

    switch = Switch(telephony.ami, telephony.originator)
    talks = Talks(switch, queues, new_seat)
    verbs = TalkVerbs(talks, lambda: desk().directory, outbound)
    talks.seek = Interpreters(talks, lambda: desk().directory).add_interpreter
    board = TalkBoard(talks, verbs, queues, lambda: desk().directory)
    return talks, TalkLegs(talks), board


class _SeatOfCall:
    """A seat that the queue itself found talking with a call (`QueueService.restore_talk`)."""

    def __init__(self, queue: QueueService, call_id: str) -> None:
        self._queue = queue
        self._call_id = call_id

    def next_offer(self) -> asyncio.Future[Offer]:
        raise PlaceGone(f"call {self._call_id} talks already")

    def missed(self, offer: Offer, reason: MissReason) -> None:
        """It has been answered."""

    def answered(self, offer: Offer) -> None:
        """It has been."""

    def talk_ended(self, offer: Offer) -> None:
        self._queue.came_back(self._call_id)

    def leave(self, reason: LeaveReason) -> None:
        self._queue.came_back(self._call_id)


class TalkBoard:
    """`console.talks.Talks`."""

    def __init__(
        self,
        talks: Talks,
        verbs: TalkVerbs,
        queues: Mapping[str, QueueService],
        directory: Callable[[], Directory],
    ) -> None:
        self._talks = talks
        self._verbs = verbs
        self._queues = queues
        self._directory = directory

    def take(self, event: Event) -> None:
        """After a snapshot: talks that an engine before us began are listed, and can be joined."""
        if not isinstance(event, SnapshotTaken):
            return
        for seen in event.channels:
            stage, seat = seen.variables.get("STAGE", ""), seen.variables.get("SEAT", "")
            queue = self._queues.get(seen.variables.get("TENANT", ""))
            if not (seen.bridged and seat and queue and stage in ("dialing", "talking")):
                continue
            told = {**seen.variables, "STAGE": "talking"}
            story = open_story(
                info_from_variables(seen.call_id, seen.channel, told), self._directory()
            )
            if story.line is not None and story.callback is None:
                self._talks.found(story, Engagement(_SeatOfCall(queue, seen.call_id)))

    def talks(self, tenant: str) -> Sequence[TalkView]:
        views = map(_view, self._talks.of(tenant))
        return sorted(views, key=lambda view: (view.since, view.call_id))

    def talk(self, tenant: str, call_id: str) -> TalkView:
        try:
            return _view(self._verbs.of(tenant, call_id))
        except talk_errors.UnknownTalk as error:
            raise self._unknown(call_id) from error

    async def act(
        self, tenant: str, call_id: str, verb: TalkVerb, target: TalkTarget | None
    ) -> TalkView:
        whom = Target(TargetKind(target.kind), target.name) if target is not None else None
        try:
            return _view(await self._act(tenant, call_id, verb, whom))
        except talk_errors.UnknownTalk as error:
            raise self._unknown(call_id) from error
        except talk_errors.TalkError as error:
            kind = _ERRORS[type(error)]
            again = 1 if kind is SwitchUnavailable else 0
            raise kind(str(error), retry_after_s=again) from error

    def _unknown(self, call_id: str) -> ConsoleError:
        """Nobody's, or a call of another node: its id begins with that one's name."""
        own = next((queue.node for queue in far(self._queues).values()), "")
        found = _OF_NODE.match(call_id)
        if not own or found is None or found[1] == own:
            return UnknownTalk()
        node = found[1]
        return TalkElsewhere(
            f"The call is of node {node} and this is node {own}: ask the engine of node {node}.",
            f"此通话在节点 {node},本机为节点 {own},请向节点 {node} 发送请求。",
        )

    async def _act(self, tenant: str, call_id: str, verb: TalkVerb, target: Target | None) -> Talk:
        match verb:
            case TalkVerb.CONSULT if target is not None:
                return await self._verbs.consult(tenant, call_id, target)
            case TalkVerb.EMERGENCY | TalkVerb.EMERGENCY_TOGETHER if target is not None:
                together = verb is TalkVerb.EMERGENCY_TOGETHER
                return await self._verbs.emergency(tenant, call_id, target, three_way=together)
            case TalkVerb.TRANSFER:
                return await self._verbs.transfer(tenant, call_id, target)
            case TalkVerb.JOIN:
                return await self._verbs.join(tenant, call_id, target)
            case TalkVerb.COMPLETE | TalkVerb.CANCEL:
                return await self._verbs.ask(tenant, call_id, _ASKED[verb])
        if target is None:
            raise talk_errors.TargetRefused(f"{verb} needs a target")
        match verb:
            case TalkVerb.BARGE:
                return await self._verbs.barge(tenant, call_id, target.name)
            case TalkVerb.TAKE_OVER:
                return await self._verbs.take_over(tenant, call_id, target.name)
        whisper = verb is TalkVerb.WHISPER
        return await self._verbs.observe(tenant, call_id, target.name, whisper=whisper)


def _view(talk: Talk) -> TalkView:
    status = talk.status
    parties = [_party("first", status.first)] if status.first != Party() else []
    if status.third is not None:
        parties.append(_party("third", status.third))
    for observer in talk.observers.values():
        role = "whispering" if observer.whisper else "listening"
        parties.append(TalkParty(role, observer.seat_id))
    return TalkView(
        talk.call_id,
        talk.story.known_line.id,
        status.first.seat_id,
        str(status.state),
        talk.since,
        tuple(parties),
        talk.failed,
    )


def _party(role: str, party: Party) -> TalkParty:
    return TalkParty(role, party.seat_id, party.number)
