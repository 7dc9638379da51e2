"""The queue at work: callers, places and offers, in virtual time."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

import ivr.ports
from queue_manager.errors import PlaceGone, UnknownReason, UnknownSeat
from queue_manager.estimate import WaitEstimate
from queue_manager.model import AlertKind, LeaveReason, MissReason, SeatState, WaitingView
from tests.queue_manager.builders import (
    MANDARIN,
    SETTINGS,
    ZHUANG,
    Memory,
    caller,
    open_queue,
    seat,
    state,
)
from tests.queue_manager.virtual_time import START, run


def test_a_call_from_the_queue_to_the_next_caller() -> None:
    """Offer, answer, talk, wrap-up with its time limit, and the seat goes to who waited."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        port: ivr.ports.Queue = queue  # the conversation's port is met structurally
        first = port.enter(caller("first"))
        second = port.enter(caller("second"))
        offer = await first.next_offer()
        assert (offer.seat.seat_id, offer.caller.call_id) == ("8001", "first")
        assert state(queue, "8001") is SeatState.RESERVED
        first.answered(offer)
        assert queue.seat("8001").call_id == "first"
        assert second.position() == 1
        waiting = second.next_offer()
        first.talk_ended(offer)
        assert state(queue, "8001") is SeatState.WRAP_UP
        begun = asyncio.get_running_loop().time()
        late = await waiting
        assert asyncio.get_running_loop().time() - begun == pytest.approx(SETTINGS.wrap_up_s)
        assert late.caller.call_id == "second"
        assert late.token > offer.token
        first.leave(LeaveReason.ANSWERED)
        assert state(queue, "8001") is SeatState.RESERVED

    run(scenario())


def test_a_missed_ring_goes_to_the_next_seat_and_the_caller_keeps_his_place() -> None:
    """The other seat is offered in the same tick; the one that missed cools down first."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        place.missed(offer, MissReason.NO_ANSWER)
        assert state(queue, offer.seat.seat_id) is SeatState.COOL_DOWN
        again = place.next_offer()
        assert again.done()
        assert again.result().seat.seat_id != offer.seat.seat_id

    run(scenario())


def test_the_only_seat_is_offered_again_after_its_cool_down() -> None:
    """Before those who came later, and not before the cool-down is over."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        behind = queue.enter(caller("behind"))
        place.missed(await place.next_offer(), MissReason.BUSY)
        begun = asyncio.get_running_loop().time()
        offer = await place.next_offer()
        assert asyncio.get_running_loop().time() - begun == pytest.approx(SETTINGS.cool_down_s)
        assert offer.seat.seat_id == "8001"
        assert not behind.next_offer().done()

    run(scenario())


def test_misses_in_a_row_pause_the_seat_and_warn() -> None:
    """The third one; the supervisor's ready makes it take calls again."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        with capture_logs() as logs:
            for _ in range(SETTINGS.miss_limit):
                place.missed(await place.next_offer(), MissReason.NO_ANSWER)
        assert queue.seat("8001").pause_reason == "missed"
        assert state(queue, "8001") is SeatState.PAUSED
        warnings = [line for line in logs if line["event"] == "alert_given"]
        assert [(line["alert"], line["seat"]) for line in warnings] == [("seat_misses", "8001")]
        assert [alert.kind for alert in queue.alerts()] == [AlertKind.SEAT_MISSES]
        queue.ready("8001")
        assert queue.alerts() == []
        assert (await place.next_offer()).seat.seat_id == "8001"

    run(scenario())


def test_a_due_seat_that_does_not_come_is_told_until_it_has() -> None:
    """Also after a supervisor has seen it: nobody else can make the seat come."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        come: list[bool] = []
        queue.not_come("8001", queue.seat("8001").since, "early", lambda: bool(come))
        (alert,) = queue.alerts()
        assert (alert.kind, alert.seat_id, alert.detail) == (AlertKind.NOT_COME, "8001", "early")
        queue.acknowledge(alert.alert_id, by="t1")
        assert [alert.seen_by for alert in queue.alerts()] == ["t1"]
        come.append(True)
        assert queue.alerts() == []

    run(scenario())


def test_a_phone_that_cant_be_reached_never_pauses_its_seat() -> None:
    """Else a network away for a quarter of a minute would leave every seat paused by hand."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        for _ in range(SETTINGS.miss_limit + 1):
            place.missed(await place.next_offer(), MissReason.UNREACHABLE)
            assert state(queue, "8001") is SeatState.COOL_DOWN
        assert (await place.next_offer()).seat.seat_id == "8001"

    run(scenario())


def test_a_caller_who_leaves_frees_his_ringing_seat_for_the_next_in_the_same_tick() -> None:
    """Nobody waits beside a seat that rings for someone who is gone."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        gone = queue.enter(caller("gone"))
        offer = await gone.next_offer()
        queue.enter(caller("other", ZHUANG))
        stays = queue.enter(caller("stays"))
        gone.leave(LeaveReason.ABANDONED)
        following = stays.next_offer()
        assert following.done()
        assert following.result().token > offer.token
        gone.leave(LeaveReason.ABANDONED)
        assert queue.figures()["total"]["abandoned"] == 1

    run(scenario())


def test_a_seat_whose_caller_left_keeps_its_turn() -> None:
    """It did no work: it is still the longest idle."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        since = queue.seat("8001").since
        await asyncio.sleep(60)
        gone = queue.enter(caller("gone"))
        assert (await gone.next_offer()).seat.seat_id == "8001"
        gone.leave(LeaveReason.ABANDONED)
        assert queue.seat("8001").since == since
        assert (await queue.enter(caller("next")).next_offer()).seat.seat_id == "8001"

    run(scenario())


def test_an_offer_nobody_picked_up_is_not_lost() -> None:
    """The task that waited was cancelled in the very tick of the offer: asked again, it's there."""

    async def scenario() -> None:
        queue = await open_queue()
        place = queue.enter(caller("first"))

        async def wait() -> None:
            await place.next_offer()

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        queue.set_seats([seat("8001")])
        queue.endpoint_reachable("sip-8001", True)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        offer = place.next_offer().result()
        assert place.next_offer().result() == offer
        place.leave(LeaveReason.VOICE_REQUEST)
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_cancelling_the_wait_keeps_the_place() -> None:
    """Time-outs for announcements cancel the wait; the rank stays and so does the next offer."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001", cmn=5))
        busy = queue.enter(caller("busy", waited_s=9))
        busy.answered(offer := await busy.next_offer())
        place = queue.enter(caller("first", waited_s=5))
        queue.enter(caller("second"))
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(place.next_offer(), 30)
        assert place.position() == 1
        busy.talk_ended(offer)
        queue.end_wrap_up("8001")
        assert (await place.next_offer()).caller.call_id == "first"

    run(scenario())


def test_entering_twice_keeps_the_place_and_disarms_the_older_handle() -> None:
    """The cleanup of the earlier session can't take the newer one's place or offer away."""

    async def scenario() -> None:
        queue = await open_queue()
        older = queue.enter(caller("first", waited_s=50))
        old_wait = older.next_offer()
        queue.enter(caller("second", waited_s=10))
        newer = queue.enter(caller("first", waited_s=50))
        with pytest.raises(PlaceGone):
            await old_wait
        with pytest.raises(PlaceGone):
            await older.next_offer()
        older.leave(LeaveReason.ABANDONED)
        assert newer.position() == 1
        queue.set_seats([seat("8001")])
        queue.endpoint_reachable("sip-8001", True)
        offer = await newer.next_offer()
        older.missed(offer, MissReason.NO_ANSWER)
        older.answered(offer)
        assert state(queue, "8001") is SeatState.RESERVED
        assert queue.figures()["total"]["offered"] == 2
        newer.answered(offer)
        assert state(queue, "8001") is SeatState.TALKING

    run(scenario())


def test_a_newer_session_finds_the_pending_offer() -> None:
    """The seat rings for the caller, not for the connection that led him."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        offer = await queue.enter(caller("first")).next_offer()
        newer = queue.enter(caller("first"))
        assert newer.next_offer().result() == offer

    run(scenario())


def test_a_late_report_is_refused_and_logged() -> None:
    """An answer to an offer that was missed before leaves seat and caller as they are."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        place = queue.enter(caller("first"))
        stale = await place.next_offer()
        place.missed(stale, MissReason.NO_ANSWER)
        fresh = await place.next_offer()
        with capture_logs() as logs:
            place.answered(stale)
            place.missed(stale, MissReason.NO_ANSWER)
        assert [line["event"] for line in logs] == ["late_report_refused"] * 2
        assert state(queue, fresh.seat.seat_id) is SeatState.RESERVED
        place.answered(fresh)
        place.talk_ended(stale)
        assert state(queue, fresh.seat.seat_id) is SeatState.TALKING

    run(scenario())


def test_a_dead_call_ends_whatever_it_held() -> None:
    """Its channel is gone: the talk goes to wrap-up; a forgotten place frees its ringing seat."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        talking = queue.enter(caller("talking"))
        offer = await talking.next_offer()
        talking.answered(offer)
        await queue.enter(caller("forgotten")).next_offer()
        queue.talk_ended_by_call("talking")
        assert state(queue, "8001") is SeatState.WRAP_UP
        talking.talk_ended(offer)
        queue.talk_ended_by_call("forgotten")
        assert state(queue, "8002") is SeatState.READY
        queue.talk_ended_by_call("forgotten")
        queue.talk_ended_by_call("never heard of")
        assert queue.waiting() == WaitingView()

    run(scenario())


def test_who_queues_does_not_talk() -> None:
    """A caller whose talk's end was not seen comes back: the seat is freed for wrap-up."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        place.answered(await place.next_offer())
        queue.enter(caller("first"))
        assert state(queue, "8001") is SeatState.WRAP_UP

    run(scenario())


def test_boards_see_who_waits() -> None:
    """Count and oldest, in total and per line, those included whose seat is ringing."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        queue.enter(caller("a", waited_s=10))
        queue.enter(caller("b", waited_s=30, line_id="12333"))
        queue.enter(caller("c", waited_s=20))
        view = queue.waiting()
        assert view.count == 3
        assert view.oldest == caller("b", waited_s=30).queued_at
        assert view.by_line["12345"].count == 2
        assert view.by_line["12345"].oldest == caller("c", waited_s=20).queued_at

    run(scenario())


def test_watchers_are_told_once_for_many_changes() -> None:
    """Changes of one moment make one call; a failing watcher hurts nobody; ended means ended."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        calls: list[str] = []

        def broken() -> None:
            raise RuntimeError("page closed")

        queue.subscribe(broken)
        end = queue.subscribe(lambda: calls.append("told"))
        for number in range(50):
            queue.enter(caller(f"c{number}"))
        assert calls == []
        with capture_logs() as logs:
            await asyncio.sleep(1)
        assert calls == ["told"]
        assert [line["event"] for line in logs] == ["board_watcher_failed"]
        end()
        queue.enter(caller("later"))
        await asyncio.sleep(1)
        assert calls == ["told"]

    run(scenario())


def test_the_expected_wait_counts_the_seats_that_can_serve_him() -> None:
    """Two seats on duty speak Zhuang, at the handling time assumed to begin with."""

    async def scenario() -> None:
        queue = await open_queue(
            seat("8001", cmn=5), seat("8002", za=4), seat("8003", za=4), seat("8004", za=4)
        )
        queue.pause("8004", "meal")
        for call_id in ("a", "b"):
            talker = queue.enter(caller(call_id, ZHUANG))
            talker.answered(await talker.next_offer())
        place = queue.enter(caller("waits", ZHUANG))
        assert place.estimate() == WaitEstimate(0.0, 180.0)
        assert queue.enter(caller("nobody", MANDARIN.joined(ZHUANG))).estimate() is None
        place.leave(LeaveReason.ABANDONED)
        assert place.estimate() is None
        assert place.position() == 0

    run(scenario())


def test_the_days_figures_follow_the_calls() -> None:
    """Waits and talks in seconds of the clock, in the tenant's own day."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first", waited_s=7, at=START))
        offer = await place.next_offer()
        await asyncio.sleep(3)
        place.answered(offer)
        await asyncio.sleep(90)
        place.talk_ended(offer)
        total = queue.figures()["total"]
        assert total["wait_ms"] == pytest.approx(10_000)
        assert total["answered_in_time"] == 1
        assert total["talk_ms"] == pytest.approx(90_000)

    run(scenario())


def test_the_mirror_holds_exactly_who_waits() -> None:
    """A caller is remembered when he enters and forgotten when he talks or leaves."""

    async def scenario() -> None:
        live = Memory()
        queue = await open_queue(seat("8001"), live=live)
        talks, leaves, waits = (queue.enter(caller(name)) for name in ("talks", "leaves", "waits"))
        assert set(live.waiting) == {"talks", "leaves", "waits"}
        talks.answered(await talks.next_offer())
        leaves.leave(LeaveReason.TRANSFERRED)
        assert set(live.waiting) == {"waits"}
        assert waits.position() == 1

    run(scenario())


@pytest.mark.parametrize(
    "wish",
    [
        lambda queue: queue.ready("9999"),
        lambda queue: queue.pause("9999", "meal"),
        lambda queue: queue.end_wrap_up("9999"),
        lambda queue: queue.seat("9999"),
    ],
)
def test_an_unknown_seat_is_named(wish: Callable[[object], object]) -> None:
    """Every wish for a seat that isn't there says which and where."""

    async def scenario() -> None:
        with pytest.raises(UnknownSeat, match=r"nanning.*9999"):
            wish(await open_queue(seat("8001")))

    run(scenario())


def test_an_unknown_pause_reason_is_refused() -> None:
    """The message lists what the tenant allows; the seat stays ready."""

    async def scenario() -> None:
        queue = await open_queue(
            seat("8001"), settings=replace(SETTINGS, pause_reasons=("meal", "training"))
        )
        with pytest.raises(UnknownReason, match=r"nap.*meal, training"):
            queue.pause("8001", "nap")
        assert state(queue, "8001") is SeatState.READY

    run(scenario())
