"""What supervisors may do: force a seat, move a caller up, see who waits and what is wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from queue_manager.errors import NotWrappingUp, UnknownAlert, UnknownCaller, UnknownReason
from queue_manager.model import AlertKind, Forced, LeaveReason, MissReason, SeatState
from queue_manager.service import QueueService
from tests.queue_manager.builders import SETTINGS, ZHUANG, Memory, caller, open_queue, seat, state
from tests.queue_manager.virtual_time import START, run


def force(queue: QueueService, to: Forced, reason: str = "") -> None:
    queue.force("8001", to, by="supervisor", why="test", reason=reason)


def test_forced_offline_holds_until_somebody_asks_for_ready() -> None:
    """Over the telephone's comings, heartbeats and a restart."""

    async def scenario() -> None:
        live = Memory()
        queue = await open_queue(seat("8001"), live=live)
        with capture_logs() as logs:
            force(queue, Forced.OFFLINE)
        assert [(line["event"], line["by"], line["why"]) for line in logs] == [
            ("seat_forced", "supervisor", "test")
        ]
        for reachable in (False, True):
            queue.endpoint_reachable("sip-8001", reachable)
            await asyncio.sleep(30)
        queue.heartbeat("8001")
        assert state(queue, "8001") is SeatState.OFFLINE
        later = await open_queue(seat("8001"), live=live)
        later.heartbeat("8001")
        assert state(later, "8001") is SeatState.OFFLINE
        later.ready("8001")
        assert state(later, "8001") is SeatState.READY

    run(scenario())


def test_a_seat_that_is_off_may_be_paused_or_made_ready() -> None:
    """Each wish is the newest word."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        force(queue, Forced.OFFLINE)
        force(queue, Forced.PAUSED, "meal")
        assert (state(queue, "8001"), queue.seat("8001").pause_reason) == (SeatState.PAUSED, "meal")
        force(queue, Forced.OFFLINE)
        assert state(queue, "8001") is SeatState.OFFLINE
        force(queue, Forced.READY)
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_forcing_a_seat_never_cuts_a_talk() -> None:
    """It takes effect after wrap-up."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        place.answered(offer)
        force(queue, Forced.OFFLINE)
        assert state(queue, "8001") is SeatState.TALKING
        place.talk_ended(offer)
        assert state(queue, "8001") is SeatState.WRAP_UP
        queue.end_wrap_up("8001")
        assert state(queue, "8001") is SeatState.OFFLINE

    run(scenario())


def test_a_wrong_reason_forces_nothing() -> None:
    """The ringing goes on."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        await queue.enter(caller("first")).next_offer()
        with pytest.raises(UnknownReason):
            force(queue, Forced.PAUSED, "nap")
        assert state(queue, "8001") is SeatState.RESERVED

    run(scenario())


def test_a_ringing_seat_that_is_made_ready_rings_on() -> None:
    """Only pause and offline take the call away."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        force(queue, Forced.READY)
        assert place.next_offer().result() == offer

    run(scenario())


def test_a_caller_moved_up_is_served_first() -> None:
    """Before one who came an hour earlier; the priority that does it is kept in the mirror."""

    async def scenario() -> None:
        live = Memory()
        queue = await open_queue(live=live)
        queue.enter(caller("early", waited_s=3600))
        place = queue.enter(caller("late"))
        told: list[int] = []
        place.when_moved(told.append)
        assert place.position() == 2
        queue.move_first("late", by="supervisor", why="heart attack")
        assert place.position() == 1
        assert live.waiting["late"].priority == queue.callers()[1].priority > 0
        assert told == [queue.callers()[1].priority], "whoever leads him keeps it with the call"
        assert [(view.call_id, view.first) for view in queue.callers()] == [
            ("early", False),
            ("late", True),
        ]
        queue.set_seats([seat("8001")])
        queue.endpoint_reachable("sip-8001", True)
        assert place.next_offer().done()
        with pytest.raises(UnknownCaller, match="nobody"):
            queue.move_first("nobody", by="supervisor", why="")

    run(scenario())


def test_the_list_of_callers_tells_what_supervisors_ask() -> None:
    """In order of queueing; who rings where; what is still needed."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        queue.enter(caller("zhuang", ZHUANG, waited_s=10, priority=2))
        queue.enter(replace(caller("rings", line_id="12333"), queue_id="labour"))
        first, second = queue.callers()
        assert (first.call_id, first.needs, first.priority) == ("zhuang", "lang:za>=3", 2)
        assert first.queued_at == START - timedelta(seconds=10)
        assert (second.seat_id, second.queue_id, second.line_id) == ("8001", "labour", "12333")

    run(scenario())


def test_wrap_up_may_be_extended_within_its_limit() -> None:
    """The seat asks for more twice; the third time there is no more to have."""

    async def scenario() -> None:
        settings = replace(SETTINGS, wrap_up_s=20, wrap_up_max_s=60)
        queue = await open_queue(seat("8001"), settings=settings)
        with pytest.raises(NotWrappingUp, match="8001 is ready"):
            queue.extend_wrap_up("8001", 30)
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        place.answered(offer)
        place.talk_ended(offer)
        await asyncio.sleep(10)
        assert queue.extend_wrap_up("8001", 30) == START + timedelta(seconds=50)
        assert queue.extend_wrap_up("8001", 30) == START + timedelta(seconds=60)
        assert queue.extend_wrap_up("8001", -30) == START + timedelta(seconds=60)
        await asyncio.sleep(49)
        assert state(queue, "8001") is SeatState.WRAP_UP
        await asyncio.sleep(2)
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_alerts_that_last_stay_until_they_are_over() -> None:
    """Seen by a supervisor, they say by whom; after a restart they are there again."""

    async def scenario() -> None:
        live = Memory()
        queue = await open_queue(seat("8001"), live=live)
        place = queue.enter(caller("first"))
        for _ in range(SETTINGS.miss_limit):
            place.missed(await place.next_offer(), MissReason.NO_ANSWER)
        (alert,) = queue.alerts()
        assert (alert.kind, alert.seat_id, alert.seen_by) == (AlertKind.SEAT_MISSES, "8001", "")
        queue.acknowledge(alert.alert_id, by="supervisor")
        assert queue.alerts()[0].seen_by == "supervisor"
        later = await open_queue(seat("8001"), live=live)
        assert [again.kind for again in later.alerts()] == [AlertKind.SEAT_MISSES]
        queue.ready("8001")
        assert queue.alerts() == []

    run(scenario())


def test_alerts_of_a_moment_are_done_when_seen() -> None:
    """Several of a kind for one seat are one alert that counts."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        for _ in range(2):
            await place.next_offer()
            await asyncio.sleep(SETTINGS.ring_s + SETTINGS.ring_grace_s + SETTINGS.cool_down_s + 1)
        (alert,) = queue.alerts()
        assert (alert.kind, alert.times, alert.call_id) == (AlertKind.NO_REPORT, 2, "first")
        queue.acknowledge(alert.alert_id, by="supervisor")
        assert queue.alerts() == []
        with pytest.raises(UnknownAlert):
            queue.acknowledge(alert.alert_id, by="supervisor")

    run(scenario())


@pytest.mark.parametrize(
    "end", [lambda q: q.set_seats([]), lambda q: force(q, Forced.OFFLINE)], ids=["out", "off"]
)
def test_alerts_go_with_their_seat(end: Callable[[QueueService], None]) -> None:
    """Taken out, or forced off: nobody has to look after it any more."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        for _ in range(SETTINGS.miss_limit):
            place.missed(await place.next_offer(), MissReason.NO_ANSWER)
        assert len(queue.alerts()) == 1
        end(queue)
        assert queue.alerts() == []

    run(scenario())


def test_boards_that_ask_cost_nothing_per_caller() -> None:
    """Right though callers come back with old times, and go from anywhere in the line."""

    async def scenario() -> None:
        queue = await open_queue()
        places = {}
        for number in range(300):
            waited_s = (number * 37) % 101
            call_id = f"c{number}"
            places[call_id] = queue.enter(
                caller(call_id, waited_s=waited_s, line_id=f"l{number % 3}")
            )
        for number in range(0, 300, 2):
            places.pop(f"c{number}").leave(LeaveReason.ABANDONED)
            left = queue.callers()
            view = queue.waiting()
            assert view.count == len(left) == len(places)
            assert view.oldest == left[0].queued_at
            for line_id, line in view.by_line.items():
                own = [v.queued_at for v in left if v.line_id == line_id]
                assert (line.count, line.oldest) == (len(own), min(own))

    run(scenario())
