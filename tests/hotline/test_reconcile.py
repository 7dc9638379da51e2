"""What Asterisk tells of calls that an earlier engine began, made true in the queue."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hotline.reconcile import Reconciler
from queue_manager.model import AlertKind, QueueSettings, Seat, SeatState
from queue_manager.service import QueueService
from telephony.events import (
    ChannelHungUp,
    ChannelSeen,
    SeatAnswered,
    SecondPhone,
    SnapshotTaken,
)
from tests.ivr.script import DIRECTORY, NOON, Office, in_virtual_time
from tests.queue_manager.builders import Memory
from tests.queue_manager.virtual_time import LoopClock
from tickets.model import Origin

CALL, SEAT = "hl-1795233600.9", "8001"
DIALLING = {"TENANT": "default", "STAGE": "dialing", "SEAT": SEAT, "TRUNK": "demo"}
LEG = ChannelSeen("hl-1795233600.10", CALL, "PJSIP/sip-8001-00000002", False, 3.0)


def caller(*, bridged: bool) -> ChannelSeen:
    """The caller's channel, for which the seat was rung."""
    variables = {**DIALLING, "CALLED": "12345", "CALLER": "13800138000"}
    return ChannelSeen(CALL, CALL, "PJSIP/trunk-demo-00000001", bridged, 9.0, variables)


class Engineroom:
    """A queue with one seat, a reconciler, and the calls that are led by the test's engine."""

    def __init__(self) -> None:
        self.queue = QueueService(QueueSettings(tenant="default"), Memory(), LoopClock())
        self.office = Office()
        self.led: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self.reconciler = Reconciler(
            {"default": self.queue},
            self.office,
            lambda: DIRECTORY,
            lambda: self.led,
            LoopClock(),
            self._spawn,
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    async def begin(self) -> None:
        await self.queue.start([Seat("default", SEAT, SEAT, "sip-8001", {"lang:cmn": 5})], ())

    async def snapshot(self, *channels: ChannelSeen) -> None:
        self.reconciler.take(SnapshotTaken(channels, frozenset({"sip-8001"}), NOON))
        await asyncio.gather(*self._tasks)

    @property
    def state(self) -> SeatState:
        return self.queue.seat(SEAT).state


@in_virtual_time
async def test_a_seat_found_ringing_is_nobody_elses_and_has_a_draft_once_it_answers() -> None:
    room = Engineroom()
    await room.begin()
    await room.snapshot(caller(bridged=False), LEG)
    assert (room.state, room.office.tickets) == (SeatState.TALKING, {})
    room.reconciler.take(SeatAnswered(CALL, "sip-8001", NOON))
    await room.snapshot(caller(bridged=True), LEG)
    assert room.office.tickets[CALL].origin is Origin.TALK
    assert room.office.creates == 1, "a snapshot more is not a fact more"
    room.reconciler.take(ChannelHungUp(CALL, "PJSIP/trunk-demo-00000001", 16, NOON))
    assert room.state is SeatState.WRAP_UP


@in_virtual_time
async def test_a_caller_who_waits_after_a_missed_ring_occupies_no_seat() -> None:
    """His channel still names the seat that didn't answer him, but nobody rings."""
    room = Engineroom()
    await room.begin()
    await room.snapshot(caller(bridged=False))
    assert room.state is SeatState.READY


@in_virtual_time
async def test_a_call_we_lead_ourselves_is_left_to_its_conversation() -> None:
    room = Engineroom()
    await room.begin()
    room.led.add(CALL)
    await room.snapshot(caller(bridged=True), LEG)
    assert (room.state, room.office.tickets) == (SeatState.READY, {})


@in_virtual_time
async def test_a_telephone_that_took_another_ones_place_is_on_the_board() -> None:
    room = Engineroom()
    await room.begin()
    room.reconciler.take(SecondPhone("sip-8001", "10.0.0.5:5060", "10.0.0.9:5060", NOON))
    room.reconciler.take(SecondPhone("sip-of-nobody", "10.0.0.5:5060", "10.0.0.9:5060", NOON))
    assert [(alert.kind, alert.seat_id, alert.detail) for alert in room.queue.alerts()] == [
        (AlertKind.TWO_PHONES, SEAT, "10.0.0.5:5060, 10.0.0.9:5060")
    ]
