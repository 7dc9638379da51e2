"""Seats while the engine runs: phones, wishes, restarts and changes of the list."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from queue_manager.model import LeaveReason, MissReason, Seat, SeatState, SeatView
from queue_manager.service import QueueService
from tests.queue_manager.builders import (
    SETTINGS,
    ZHUANG,
    Memory,
    caller,
    open_queue,
    seat,
    state,
)
from tests.queue_manager.virtual_time import START, LoopClock, run

WRAP_UP_TIMER_S = SETTINGS.wrap_up_s


def test_a_seat_without_a_phone_is_offered_to_nobody() -> None:
    """It becomes ready when its phone registers."""

    async def scenario() -> None:
        queue = QueueService(SETTINGS, Memory(), LoopClock())
        await queue.start([seat("8001")], ())
        place = queue.enter(caller("first"))
        assert state(queue, "8001") is SeatState.OFFLINE
        assert not place.next_offer().done()
        queue.endpoint_reachable("sip-8001", True)
        assert place.next_offer().done()

    run(scenario())


def test_a_short_absence_of_the_phone_does_not_flap() -> None:
    """Back within the grace: nothing was seen. Longer: offline, and ready when it is back."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        before = queue.seat("8001")
        queue.endpoint_reachable("sip-8001", False)
        await asyncio.sleep(SETTINGS.reach_grace_s - 0.1)
        queue.endpoint_reachable("sip-8001", True)
        await asyncio.sleep(60)
        assert queue.seat("8001") is before
        queue.endpoint_reachable("sip-8001", False)
        await asyncio.sleep(SETTINGS.reach_grace_s + 0.1)
        assert state(queue, "8001") is SeatState.OFFLINE
        queue.endpoint_reachable("sip-8001", True)
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_pausing_while_talking_waits_for_the_end_of_wrap_up() -> None:
    """The reason shows at once, the state follows; ready takes the wish back."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        place.answered(offer)
        queue.pause("8001", "meal")
        assert state(queue, "8001") is SeatState.TALKING
        assert queue.seat("8001").pause_reason == "meal"
        place.talk_ended(offer)
        await asyncio.sleep(WRAP_UP_TIMER_S + 1)
        assert state(queue, "8001") is SeatState.PAUSED
        queue.ready("8001")
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_ready_and_end_of_wrap_up_free_the_seat_early_and_only_once() -> None:
    """The timer that was running doesn't fire into the next talk's wrap-up."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        for number, early in enumerate((queue.ready, queue.end_wrap_up)):
            place = queue.enter(caller(f"c{number}"))
            offer = await place.next_offer()
            place.answered(offer)
            place.talk_ended(offer)
            await asyncio.sleep(WRAP_UP_TIMER_S - 1)
            early("8001")
            assert state(queue, "8001") is SeatState.READY
            queue.end_wrap_up("8001")
            last = queue.enter(caller(f"d{number}"))
            last_offer = await last.next_offer()
            last.answered(last_offer)
            last.talk_ended(last_offer)
            await asyncio.sleep(2)
            assert state(queue, "8001") is SeatState.WRAP_UP
            queue.ready("8001")

    run(scenario())


def test_without_wrap_up_time_the_seat_is_ready_at_once() -> None:
    """`wrap_up_s` 0 leads from the talk straight to the next caller."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), settings=replace(SETTINGS, wrap_up_s=0))
        place, following = queue.enter(caller("first")), queue.enter(caller("second"))
        offer = await place.next_offer()
        place.answered(offer)
        place.talk_ended(offer)
        assert following.next_offer().done()

    run(scenario())


def test_new_skills_count_for_waiting_callers_at_once() -> None:
    """A ready seat that learns Zhuang gets the Zhuang caller; levels below the need don't do."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001", cmn=5))
        place = queue.enter(caller("zhuang", ZHUANG))
        queue.set_seats([seat("8001", cmn=5, za=2)])
        assert not place.next_offer().done()
        queue.set_seats([seat("8001", cmn=5, za=3)])
        assert place.next_offer().result().seat.skills == {"lang:cmn": 5, "lang:za": 3}

    run(scenario())


def test_a_new_seat_whose_phone_is_known_already_is_ready_at_once() -> None:
    """Registered before it was set up, or set up under a new endpoint."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        queue.endpoint_reachable("sip-8002", True)
        queue.endpoint_reachable("sip-new", True)
        queue.set_seats([seat("8001"), seat("8002")])
        assert state(queue, "8002") is SeatState.READY
        queue.endpoint_reachable("sip-8001", False)
        await asyncio.sleep(10)
        queue.set_seats([replace(seat("8001"), endpoint="sip-new"), seat("8002")])
        assert state(queue, "8001") is SeatState.READY
        queue.endpoint_reachable("sip-8001", True)
        queue.endpoint_reachable("sip-8001", False)
        await asyncio.sleep(10)
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_a_seat_that_is_taken_out_finishes_its_talk_first() -> None:
    """Idle ones go at once, talking ones after the talk; nobody is offered them."""

    async def scenario() -> None:
        live = Memory()
        queue = await open_queue(seat("8001"), seat("8002"), live=live)
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        place.answered(offer)
        queue.set_seats([])
        assert [view.seat.seat_id for view in queue.seats()] == ["8001"]
        place.talk_ended(offer)
        waits = queue.enter(caller("second"))
        await asyncio.sleep(WRAP_UP_TIMER_S + 1)
        assert queue.seats() == []
        assert live.seats == {}
        assert not waits.next_offer().done()
        queue.set_seats([seat("8001")])
        assert waits.next_offer().done()

    run(scenario())


def test_a_seat_taken_out_while_it_rings_may_still_answer() -> None:
    """Or miss: then it is gone and the caller waits on at his place."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        answers, misses = queue.enter(caller("answers")), queue.enter(caller("misses"))
        answered, missed = await answers.next_offer(), await misses.next_offer()
        queue.set_seats([])
        answers.answered(answered)
        misses.missed(missed, MissReason.UNREACHABLE)
        assert [view.state for view in queue.seats()] == [SeatState.TALKING]
        assert misses.position() == 1

    run(scenario())


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([seat("8001"), seat("8001")], "8001 is there twice"),
        ([seat("8001", cmn=7)], r"seat 8001: skill 'lang:cmn': level 7"),
        ([replace(seat("8001"), tenant="baoji")], "8001 belongs to tenant 'baoji'"),
    ],
)
def test_a_wrong_list_of_seats_changes_nothing(bad: list[Seat], message: str) -> None:
    """Refused with the seat and the reason; the seats at work stay."""

    async def scenario() -> None:
        queue = await open_queue(seat("8009"))
        with pytest.raises(ValueError, match=message):
            queue.set_seats(bad)
        assert [view.seat.seat_id for view in queue.seats()] == ["8009"]

    run(scenario())


def test_the_order_of_idleness_survives_a_restart() -> None:
    """Phones report in any order; the longest idle of before is still served first."""

    async def scenario() -> None:
        live = Memory()
        for minutes, seat_id in ((5, "8001"), (30, "8002"), (10, "8003")):
            since = START - timedelta(minutes=minutes)
            live.seats[seat_id] = SeatView(seat(seat_id), SeatState.READY, since)
        seats = [seat("8001"), seat("8002"), seat("8003"), seat("8004")]
        queue = await open_queue(*seats, live=live)
        assert queue.seat("8002").since == START - timedelta(minutes=30)
        offers = [await queue.enter(caller(f"c{n}")).next_offer() for n in range(4)]
        assert [offer.seat.seat_id for offer in offers] == ["8002", "8003", "8001", "8004"]

    run(scenario())


def test_what_seats_did_before_a_restart_is_taken_up() -> None:
    """Paused stays paused, wrap-up gets the rest of its time, unknown seats are forgotten."""

    async def scenario() -> None:
        live = Memory()
        ago = START - timedelta(seconds=WRAP_UP_TIMER_S - 5)
        live.seats = {
            "8001": SeatView(seat("8001"), SeatState.PAUSED, ago, "meal"),
            "8002": SeatView(seat("8002"), SeatState.WRAP_UP, ago),
            "8003": SeatView(seat("8003"), SeatState.WRAP_UP, START - timedelta(hours=1)),
            "8004": SeatView(seat("8004"), SeatState.TALKING, ago, call_id="old"),
            "8009": SeatView(seat("8009"), SeatState.READY, ago),
        }
        queue = await open_queue(*(seat(f"800{n}") for n in range(1, 5)), live=live)
        assert [view.state for view in map(queue.seat, ("8001", "8002", "8003", "8004"))] == [
            SeatState.PAUSED, SeatState.WRAP_UP, SeatState.READY, SeatState.READY,
        ]  # fmt: skip
        assert queue.seat("8001").pause_reason == "meal"
        assert "8009" not in live.seats
        await asyncio.sleep(6)
        assert state(queue, "8002") is SeatState.READY

    run(scenario())


def test_wrap_up_ends_in_its_time_though_the_clock_was_set_back() -> None:
    """Stored by a clock that was five hours ahead: the seat doesn't wrap up for five hours."""

    async def scenario() -> None:
        live = Memory()
        later = START + timedelta(hours=5)
        live.seats = {"8001": SeatView(seat("8001"), SeatState.WRAP_UP, later)}
        queue = await open_queue(seat("8001"), live=live)
        await asyncio.sleep(WRAP_UP_TIMER_S + 1)
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_a_found_talk_ends_when_its_call_comes_back_to_an_engine() -> None:
    """Its channel may live on, and its hang-up may be nobody's business any more."""

    async def scenario() -> None:
        queue = QueueService(SETTINGS, Memory(), LoopClock())
        await queue.start([seat("8001")], ())
        queue.restore_talk("8001", "old")
        queue.came_back("never heard of")
        assert state(queue, "8001") is SeatState.TALKING
        queue.came_back("old")
        assert state(queue, "8001") is SeatState.WRAP_UP

    run(scenario())


def test_a_talk_found_after_a_restart_keeps_its_seat_until_the_hang_up() -> None:
    """Restored before its phone is reported, it is offered to nobody; then wrap-up as usual."""

    async def scenario() -> None:
        queue = QueueService(SETTINGS, Memory(), LoopClock())
        await queue.start([seat("8001")], ())
        queue.restore_talk("8001", "old")
        queue.restore_talk("8001", "old")
        queue.endpoint_reachable("sip-8001", True)
        assert queue.seat("8001").call_id == "old"
        waits = queue.enter(caller("next"))
        assert not waits.next_offer().done()
        queue.talk_ended_by_call("old")
        assert state(queue, "8001") is SeatState.WRAP_UP
        assert (await waits.next_offer()).seat.seat_id == "8001"
        assert queue.figures()["total"]["talks"] == 0

    run(scenario())


def test_a_talk_found_for_a_pending_offer_is_its_answer() -> None:
    """The event of the answer was lost with the connection; a later one says nothing new."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        queue.restore_talk("8001", "first")
        assert state(queue, "8001") is SeatState.TALKING
        place.answered(offer)
        assert queue.figures()["total"]["answered"] == 1
        place.talk_ended(offer)
        assert state(queue, "8001") is SeatState.WRAP_UP

    run(scenario())


def test_a_found_talk_that_contradicts_the_queue_changes_nothing() -> None:
    """A seat that rings for another call, a caller who waits, a seat that isn't there: logged."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002", za=5))
        await queue.enter(caller("first")).next_offer()
        queue.enter(caller("waits"))
        with capture_logs() as logs:
            queue.restore_talk("8001", "stranger")
            queue.restore_talk("8002", "waits")
            queue.restore_talk("9999", "other")
        assert [line["event"] for line in logs] == ["found_talk_refused"] * 3
        assert state(queue, "8001") is SeatState.RESERVED
        assert state(queue, "8002") is SeatState.READY

    run(scenario())


def test_a_clock_set_back_disturbs_nobody() -> None:
    """An hour lost by the clock: order and timers stay, no time is negative."""

    async def scenario() -> None:
        clock = LoopClock()
        queue = QueueService(SETTINGS, Memory(), clock)
        await queue.start([seat("8001"), seat("8002")], ())
        for name in ("8001", "8002"):
            queue.endpoint_reachable(f"sip-{name}", True)
        place = queue.enter(caller("first", at=clock.now()))
        offer = await place.next_offer()
        clock.set_back_s = 3600
        place.answered(offer)
        place.talk_ended(offer)
        await asyncio.sleep(WRAP_UP_TIMER_S + 1)
        assert state(queue, "8001") is SeatState.READY
        following = queue.enter(caller("second", at=clock.now()))
        assert (await following.next_offer()).seat.seat_id == "8002"
        following.leave(LeaveReason.ABANDONED)
        assert queue.figures()["total"]["wait_ms"] == 0

    run(scenario())


def test_closing_stops_every_timer() -> None:
    """After `close` no wrap-up, cool-down or grace fires any more."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        place.answered(offer)
        place.talk_ended(offer)
        queue.endpoint_reachable("sip-8002", False)
        queue.close()
        await asyncio.sleep(600)
        assert state(queue, "8001") is SeatState.WRAP_UP
        assert state(queue, "8002") is SeatState.READY

    run(scenario())
