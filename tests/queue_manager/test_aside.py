"""Seats rung by name for a talk that goes on already."""

import asyncio
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from queue_manager.aside import Aside, SeatNotFree
from queue_manager.cluster.aside import FarAside
from queue_manager.cluster.messages import BoardTold
from queue_manager.errors import PlaceGone, UnknownSeat
from queue_manager.figure_book import Stored
from queue_manager.figures import Figures
from queue_manager.model import LeaveReason, MissReason, Offer, SeatState, SeatView
from queue_manager.service import QueueService
from tests.queue_manager.builders import SETTINGS, Memory, caller, open_queue, seat, state
from tests.queue_manager.cluster_world import World
from tests.queue_manager.virtual_time import START, LoopClock, run

CITIZEN = caller("hl-1.1")


async def reserved(queue: QueueService, seat_id: str = "8002") -> tuple[Aside, Offer]:
    place = queue.reserve(CITIZEN, seat_id)
    return place, await place.next_offer()


def test_a_ready_seat_from_ring_to_wrap_up() -> None:
    """Nobody else is offered to it meanwhile, and the figures of waiting know nothing of it."""

    async def scenario() -> None:
        queue = await open_queue(seat("8002"))
        place, offer = await reserved(queue)
        assert state(queue, "8002") is SeatState.RESERVED
        waiting = queue.enter(caller("hl-1.2")).next_offer()
        await asyncio.sleep(0)
        assert not waiting.done()
        place.answered(offer)
        assert state(queue, "8002") is SeatState.TALKING
        assert queue.seat("8002").call_id == "hl-1.1"
        place.talk_ended(offer)
        place.talk_ended(offer)
        assert state(queue, "8002") is SeatState.WRAP_UP
        queue.end_wrap_up("8002")
        assert (await waiting).seat.seat_id == "8002"
        assert queue.waiting().count == 1
        assert queue.figures()["total"]["offered"] == 1

    run(scenario())


def test_a_paused_seat_may_be_rung() -> None:
    """It talks, wraps up, and is paused again."""

    async def scenario() -> None:
        queue = await open_queue(seat("8002"))
        queue.pause("8002", "meeting")
        place, offer = await reserved(queue)
        assert state(queue, "8002") is SeatState.PAUSED
        place.answered(offer)
        assert state(queue, "8002") is SeatState.TALKING
        place.leave(LeaveReason.TRANSFERRED)
        assert state(queue, "8002") is SeatState.WRAP_UP
        queue.end_wrap_up("8002")
        assert state(queue, "8002") is SeatState.PAUSED

    run(scenario())


@pytest.mark.parametrize("how", ["missed", "left"])
def test_a_ring_in_vain(how: str) -> None:
    """Missed: it cools down. Not wanted any more: it is ready."""

    async def scenario() -> None:
        queue = await open_queue(seat("8002"))
        place, offer = await reserved(queue)
        if how == "missed":
            place.missed(offer, MissReason.NO_ANSWER)
            assert state(queue, "8002") is SeatState.COOL_DOWN
        else:
            place.leave(LeaveReason.TRANSFERRED)
            assert state(queue, "8002") is SeatState.READY
        with pytest.raises(PlaceGone):
            await place.next_offer()

    run(scenario())


def test_who_cannot_be_rung() -> None:
    """A busy seat, one without telephone, an unknown one."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        await reserved(queue, "8001")
        queue.endpoint_reachable("sip-8002", False)
        await asyncio.sleep(10)
        for seat_id, error in (("8001", SeatNotFree), ("8002", SeatNotFree), ("8", UnknownSeat)):
            with pytest.raises(error):
                await queue.reserve(CITIZEN, seat_id).next_offer()

    run(scenario())


def test_offered_to_somebody_while_it_rings_for_us() -> None:
    """A paused seat that the queue offers to somebody while it rings for us, and that picks us
    up: it talks with us, and the other caller keeps his place."""

    async def scenario() -> None:
        queue = await open_queue(seat("8002"))
        queue.pause("8002", "meeting")
        place, offer = await reserved(queue)
        queue.ready("8002")
        other = queue.enter(caller("hl-1.2"))
        made = await other.next_offer()
        place.answered(offer)
        assert queue.seat("8002").call_id == "hl-1.1"
        other.missed(made, MissReason.NO_ANSWER)
        assert state(queue, "8002") is SeatState.TALKING
        place.talk_ended(offer)
        assert queue.waiting().count == 1

    run(scenario())


def test_found_after_a_restart() -> None:
    """The seat with this telephone talks until it leaves; unknown telephones are nobody's."""

    async def scenario() -> None:
        queue = await open_queue(seat("8002"))
        place = queue.occupy("sip-8002", "hl-1.1")
        assert place is not None
        assert state(queue, "8002") is SeatState.TALKING
        place.leave(LeaveReason.TRANSFERRED)
        assert state(queue, "8002") is SeatState.WRAP_UP
        assert queue.occupy("sip-9999", "hl-1.1") is None

    run(scenario())


def test_a_talk_that_waits_for_a_colleague_is_no_caller() -> None:
    """A consultation with a queue, an interpreter: nobody is offered, nobody waits on a wall, and
    whether somebody comes changes no connection rate. The seat's work is its own."""

    async def scenario() -> None:
        now = LoopClock().now()
        figures = Figures(UTC, lambda queue_id: 15.0, now - timedelta(seconds=60))
        figures.restore(Stored(), now.date())
        queue = QueueService(SETTINGS, Memory(), LoopClock(), figures=figures)
        await queue.start([seat("8001")], ())
        for call_id, end in (("hl-1.1.q0", "answered"), ("hl-1.1.i1", "gave up")):
            place = queue.enter(replace(caller(call_id), colleague=True))
            assert queue.waiting().count == 0
            if end == "answered":
                queue.endpoint_reachable("sip-8001", True)
                offer = await place.next_offer()
                place.answered(offer)
                place.talk_ended(offer)
                queue.end_wrap_up("8001")
                queue.pause("8001", "meal")
            place.leave(LeaveReason.TRANSFERRED)
        assert figures.today(LoopClock().now()) == {}
        assert [one.count for one in figures.waiting().values()] == [0]
        assert [counts.answered for counts in figures.seats.counts.values()] == [1]

    run(scenario())


class Board:
    """A queue at a distance: what it shows, and what it was told."""

    def __init__(self, seen: SeatState) -> None:
        self.seen = seen
        self.told: list[str] = []

    def seat(self, seat_id: str) -> SeatView:
        return SeatView(seat(seat_id), self.seen, START, node="b")

    def restore_talk(self, seat_id: str, call_id: str) -> None:
        self.told.append(f"{seat_id} talks {call_id}")

    def talk_ended_by_call(self, call_id: str) -> None:
        self.told.append(f"over {call_id}")

    def rang_in_vain(self, seat_id: str, call_id: str) -> None:
        self.told.append(f"rang {call_id}")


@pytest.mark.parametrize("end", ["missed", "talk_ended", "leave"])
def test_where_another_engine_leads(end: str) -> None:
    """The seat counts as talking from the ring on, under a name that no citizen's call has, and
    it is said once that it is over."""

    async def scenario() -> None:
        board = Board(SeatState.PAUSED)
        place = FarAside(board, "a", LoopClock(), CITIZEN, "8002")
        offer = await place.next_offer()
        assert offer.ring_at == "sip-8002@b"
        assert board.told == ["8002 talks hl-1.1.8002"]
        if end == "missed":
            place.missed(offer, MissReason.BUSY)
        else:
            place.answered(offer)
            place.talk_ended(offer)
        place.leave(LeaveReason.TRANSFERRED)
        over = "rang" if end == "missed" else "over"
        assert board.told == ["8002 talks hl-1.1.8002", f"{over} hl-1.1.8002"]
        with pytest.raises(PlaceGone):
            await place.next_offer()

    run(scenario())


def test_a_busy_seat_where_another_engine_leads() -> None:
    async def scenario() -> None:
        board = Board(SeatState.TALKING)
        with pytest.raises(SeatNotFree):
            await FarAside(board, "a", LoopClock(), CITIZEN, "8002").next_offer()
        assert board.told == []

    run(scenario())


@pytest.mark.parametrize("answers", [True, False])
def test_where_another_engine_leads_only_what_was_answered_is_wrapped_up(answers: bool) -> None:
    """The leader holds the seat while it rings; when it didn't answer it is free at once, also
    for one that has a real call to wrap up."""

    async def scenario() -> None:
        world = World(("a", "b"), {"1": "a"})
        await world.start("a")
        await world.elect("a")
        world.begin()
        await world.start("b")
        world.join("b")
        await world.settle()
        far = world.engines["b"]
        assert world.lead is not None
        assert far is not None
        far.queue.hear_from_leader(BoardTold("nanning", tuple(world.lead.service.seats())))
        place = far.queue.reserve(caller("b-1"), "1")
        offer = await place.next_offer()
        await world.settle()
        assert world.lead.service.seat("1").state is SeatState.TALKING
        if answers:
            place.answered(offer)
            place.talk_ended(offer)
        else:
            place.missed(offer, MissReason.NO_ANSWER)
        await world.settle()
        expected = SeatState.WRAP_UP if answers else SeatState.READY
        assert world.lead.service.seat("1").state is expected
        if answers:
            far.queue.rang_in_vain("1", "b-1.1")
            await world.settle()
            assert world.lead.service.seat("1").state is SeatState.WRAP_UP

    run(scenario())
