"""Asterisk's facts brought to the queues, and after each connection: what is true, made true here.

A talk that an earlier engine began is found on its channel: the seat is talking, and the ticket
that the earlier engine may not have written any more is written now. A seat that an earlier engine
let ring is taken for talking, too: it must ring for nobody else, and when it answers, nobody but
us will notice.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Any

import structlog

from ivr.ports import Clock, Tickets
from ivr.recovery import caller_of_talk, draft_of_talk, info_from_variables
from ivr.story import Directory
from queue_manager.model import WaitingCaller
from queue_manager.service import QueueService
from recordings.model import MediaFlow
from telephony.events import (
    ChannelHungUp,
    ChannelSeen,
    ConnectionLost,
    EndpointReachable,
    Event,
    SeatAnswered,
    SecondPhone,
    SnapshotTaken,
)
from telephony.events import MediaFlow as ToldFlow

FLOWS_KEPT = 4096

log = structlog.get_logger(__name__)


class Reconciler:
    """Takes every event; returns at once. `led` are the calls this engine leads itself."""

    def __init__(
        self,
        queues: Mapping[str, QueueService],
        tickets: Tickets,
        directory: Callable[[], Directory],
        led: Callable[[], Collection[str]],
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._queues = queues
        self._tickets = tickets
        self._directory = directory
        self._led = led
        self._clock = clock
        self._spawn = spawn
        self._reachable: set[str] = set()
        self._flows: OrderedDict[str, MediaFlow] = OrderedDict()
        self._ringing: dict[str, ChannelSeen] = {}
        self._drafted: set[str] = set()

    def take(self, event: Event) -> None:
        """One event of `telephony`."""
        match event:
            case EndpointReachable():
                self._endpoint(event.endpoint, event.reachable)
            case SecondPhone():
                for queue in self._queues.values():
                    queue.second_phone(event.endpoint, f"{event.before}, {event.now}")
            case ChannelHungUp():
                self._hung_up(event.call_id)
                if event.media is not None:
                    self._keep_flow(event.call_id, event.media)
            case SnapshotTaken():
                self._snapshot(event)
            case ConnectionLost():
                self._hear(False)
                log.warning("asterisk_events_missed", since=event.at.isoformat())
            case SeatAnswered():
                self._answered(event.call_id)

    def flow_of(self, call_id: str) -> MediaFlow | None:
        """What Asterisk told of a call's media at its end, for the check of its recording."""
        return self._flows.get(call_id)

    def _keep_flow(self, call_id: str, told: ToldFlow) -> None:
        self._flows[call_id] = MediaFlow(told.ended_at, told.packets_in, told.packets_out)
        if len(self._flows) > FLOWS_KEPT:
            self._flows.popitem(last=False)

    def _endpoint(self, endpoint: str, reachable: bool) -> None:
        if reachable:
            self._reachable.add(endpoint)
        else:
            self._reachable.discard(endpoint)
        for queue in self._queues.values():
            queue.endpoint_reachable(endpoint, reachable)

    def _hung_up(self, call_id: str) -> None:
        """A conversation of ours ends by itself; this is for talks found in a snapshot."""
        self._ringing.pop(call_id, None)
        self._drafted.discard(call_id)
        if call_id not in self._led():
            for queue in self._queues.values():
                queue.talk_ended_by_call(call_id)

    def _answered(self, call_id: str) -> None:
        """Telephony has told the conversation that rings this seat; is there none of ours?"""
        channel = self._ringing.pop(call_id, None)
        if channel is not None and call_id not in self._led():
            self._talk_found(channel)

    def _snapshot(self, seen: SnapshotTaken) -> None:
        """Talks first: a seat that talks must not be offered a caller when its phone shows up."""
        dialled = {leg.linked_id for leg in seen.channels if leg.linked_id != leg.call_id}
        for channel in seen.channels:
            if not _dials(channel) or channel.call_id in self._led():
                continue
            if channel.bridged:
                self._talk_found(channel)
            elif channel.call_id in dialled:
                self._ringing[channel.call_id] = channel
                self._occupy(channel)
        for endpoint in self._reachable - seen.reachable_endpoints:
            self._endpoint(endpoint, False)
        for endpoint in seen.reachable_endpoints:
            self._endpoint(endpoint, True)
        self._hear(True)
        log.info(
            "asterisk_reconciled",
            channels=len(seen.channels),
            phones=len(seen.reachable_endpoints),
        )

    def _hear(self, hears: bool) -> None:
        for queue in self._queues.values():
            queue.hear(hears)

    def _talk_found(self, channel: ChannelSeen) -> None:
        info = info_from_variables(channel.call_id, channel.channel, channel.variables)
        self._occupy(channel, caller_of_talk(info, self._directory()))
        if channel.call_id in self._drafted:
            return
        self._drafted.add(channel.call_id)
        draft = draft_of_talk(info, self._directory(), self._clock.now())
        self._spawn(self._keep(self._tickets.create(draft)))

    def _occupy(self, channel: ChannelSeen, caller: WaitingCaller | None = None) -> None:
        """The seat is this caller's, until he comes back to us or hangs up. `caller` is told once
        they talk for sure, for the figures."""
        other, _, seat_id = channel.variables["SEAT"].rpartition("/")
        tenant = other or channel.variables.get("TENANT", "")
        queue = self._queues.get(tenant)
        if queue is None:
            log.error("talk_of_nobody", call_id=channel.call_id, tenant=tenant)
        else:
            queue.restore_talk(seat_id, channel.call_id, caller)

    @staticmethod
    async def _keep(making: Coroutine[Any, Any, str]) -> None:
        await making


def _dials(channel: ChannelSeen) -> bool:
    """A caller's channel that a seat has been rung for."""
    return channel.variables.get("STAGE") == "dialing" and bool(channel.variables.get("SEAT"))


async def never_idle(tasks: Collection[asyncio.Task[None]]) -> None:
    """Wait until one of the engine's own tasks ends, which none may; raises its error."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
        raise RuntimeError(f"task {task.get_name()} ended by itself")
