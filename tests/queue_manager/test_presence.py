"""Who is really there: telephones at one or more nodes, heartbeats, and no flapping."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from queue_manager.errors import UnknownSeat
from queue_manager.model import AlertKind, SeatState, SeatView
from queue_manager.presence import SECOND_S
from queue_manager.service import QueueService
from queue_manager.steady import FORGET_S, STEADY_S, Steadiness
from tests.queue_manager.builders import SETTINGS, Memory, caller, open_queue, seat, state
from tests.queue_manager.virtual_time import START, run

BEAT_S = SETTINGS.heartbeat_grace_s
LONGEST_HOLD_S = SETTINGS.flap_hold_s
SETTLED_S = LONGEST_HOLD_S + SETTINGS.reach_grace_s


async def beating(queue: QueueService, seconds: float, every_s: float = 5.0) -> None:
    """The seat's desktop lives for so long."""
    for _ in range(round(seconds / every_s)):
        queue.heartbeat("8001")
        await asyncio.sleep(every_s)


def test_a_seat_whose_desktop_is_gone_is_no_ghost() -> None:
    """Its telephone is still registered; it is offered to nobody, and back with the desktop."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        await beating(queue, 60)
        await asyncio.sleep(BEAT_S - 5.1)
        assert state(queue, "8001") is SeatState.READY
        await asyncio.sleep(0.2)
        assert state(queue, "8001") is SeatState.OFFLINE
        waits = queue.enter(caller("first"))
        queue.endpoint_reachable("sip-8001", True)
        assert not waits.next_offer().done()
        queue.heartbeat("8001")
        assert waits.next_offer().done()

    run(scenario())


def test_a_seat_that_never_had_a_desktop_needs_none() -> None:
    """A bare telephone is a seat."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        await asyncio.sleep(24 * 3600)
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_the_next_shift_may_work_without_a_desktop() -> None:
    """Once the telephone is gone, it is forgotten that there was one."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        await beating(queue, 120)
        queue.endpoint_reachable("sip-8001", False)
        await asyncio.sleep(60)
        queue.endpoint_reachable("sip-8001", True)
        await asyncio.sleep(600)
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_a_lost_heartbeat_cuts_no_talk() -> None:
    """It shows when the seat would be ready."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        queue.heartbeat("8001")
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        place.answered(offer)
        await asyncio.sleep(10 * BEAT_S)
        assert state(queue, "8001") is SeatState.TALKING
        place.talk_ended(offer)
        await asyncio.sleep(SETTINGS.wrap_up_s + 1)
        assert state(queue, "8001") is SeatState.OFFLINE

    run(scenario())


def test_a_desktop_that_was_gone_before_a_restart_stays_gone() -> None:
    """No ghost for a moment; one that was alive has the grace to tell so again."""

    async def scenario() -> None:
        live = Memory()
        for seat_id, was in (("8001", SeatState.OFFLINE), ("8002", SeatState.READY)):
            live.seats[seat_id] = SeatView(seat(seat_id), was, START, desktop=True)
        queue = await open_queue(seat("8001"), seat("8002"), live=live)
        assert state(queue, "8001") is SeatState.OFFLINE
        assert state(queue, "8002") is SeatState.READY
        await asyncio.sleep(BEAT_S + 0.1)
        assert state(queue, "8002") is SeatState.OFFLINE
        queue.heartbeat("8001")
        assert state(queue, "8001") is SeatState.READY
        assert live.seats["8001"].desktop

    run(scenario())


def test_a_heartbeat_of_nobody_is_named() -> None:
    """An unknown seat is told to whoever asked."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        with pytest.raises(UnknownSeat, match="9999"):
            queue.heartbeat("9999")

    run(scenario())


def test_a_seat_with_two_telephones_rings_at_the_newest_and_is_told() -> None:
    """Until one of them is gone; the seat itself never is."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        queue.endpoint_reachable("sip-8001", False, "")
        queue.endpoint_reachable("sip-8001", True, "north")
        assert queue.seat("8001").node == "north"
        assert queue.alerts() == []
        queue.endpoint_reachable("sip-8001", True, "south")
        assert [(a.kind, a.seat_id, a.detail) for a in queue.alerts()] == [
            (AlertKind.TWO_PHONES, "8001", "north, south")
        ]
        assert (await queue.enter(caller("first")).next_offer()).node == "south"
        queue.endpoint_reachable("sip-8001", False, "south")
        await asyncio.sleep(10)
        assert queue.alerts() == []
        assert (queue.seat("8001").node, state(queue, "8001")) == ("north", SeatState.RESERVED)

    run(scenario())


def test_a_telephone_that_took_another_ones_place_is_told_until_that_is_heard_of_no_more() -> None:
    """A seat's own state isn't touched; seen or not, it is told while the other may be there."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        with capture_logs() as logs:
            queue.second_phone("sip-8001", "10.0.0.5:5060, 10.0.0.9:5060")
        assert [e["event"] for e in logs] == ["seat_second_phone", "alert_given"]
        queue.second_phone("sip-of-nobody", "10.0.0.5:5060, 10.0.0.9:5060")
        (alert,) = queue.alerts()
        assert (alert.kind, alert.seat_id) == (AlertKind.TWO_PHONES, "8001")
        assert alert.detail == "10.0.0.5:5060, 10.0.0.9:5060"
        queue.acknowledge(alert.alert_id, by="lead")
        await asyncio.sleep(300)
        queue.endpoint_reachable("sip-8001", False)
        queue.endpoint_reachable("sip-8001", True)
        queue.second_phone("sip-8001", "10.0.0.9:5060, 10.0.0.5:5060")
        assert [(a.times, a.seen_by) for a in queue.alerts()] == [(2, "")]
        await asyncio.sleep(SECOND_S - 1)
        assert queue.alerts()
        await asyncio.sleep(2)
        assert queue.alerts() == []
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_a_telephone_at_the_callers_own_node_needs_no_trunk() -> None:
    """Only a seat elsewhere has its node on the offer."""

    async def scenario() -> None:
        queue = await open_queue()
        queue.set_seats([seat("8001")])
        queue.endpoint_reachable("sip-8001", True, "north")
        here = caller("first")
        object.__setattr__(here, "node", "north")
        assert (await queue.enter(here).next_offer()).node == ""

    run(scenario())


def test_a_telephone_of_no_seat_is_logged_and_kept_for_later() -> None:
    """It rings for nobody until somebody is set up with it."""

    async def scenario() -> None:
        queue = await open_queue()
        place = queue.enter(caller("first"))
        with capture_logs() as logs:
            queue.endpoint_reachable("sip-8001", True, "nowhere")
        assert [line["event"] for line in logs] == ["phone_of_no_seat"]
        assert not place.next_offer().done()
        queue.set_seats([seat("8001")])
        assert place.next_offer().result().node == "nowhere"

    run(scenario())


def test_who_keeps_coming_and_going_must_stay_before_he_counts() -> None:
    """Up four seconds, down four: after two tries he is off, and supervisors are told."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        changes = []
        for second in range(280):
            queue.endpoint_reachable("sip-8001", second // 4 % 2 == 0)
            await asyncio.sleep(1)
            changes.append(state(queue, "8001"))
        assert sum(one is not after for one, after in pairwise(changes)) <= 3
        assert changes[-1] is SeatState.OFFLINE
        queue.endpoint_reachable("sip-8001", True)
        await asyncio.sleep(LONGEST_HOLD_S)
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_an_unsteady_seat_is_told_until_it_has_stayed() -> None:
    """Ups of ten seconds count in the end, but supervisors see why callers go elsewhere."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        for _ in range(6):
            queue.endpoint_reachable("sip-8001", False)
            await asyncio.sleep(10)
            queue.endpoint_reachable("sip-8001", True)
            await asyncio.sleep(12)
        assert [alert.kind for alert in queue.alerts()] == [AlertKind.UNSTEADY]
        await asyncio.sleep(LONGEST_HOLD_S + STEADY_S)
        assert state(queue, "8001") is SeatState.READY
        assert queue.alerts() == []

    run(scenario())


@given(st.lists(st.tuples(st.booleans(), st.floats(0.1, 90)), max_size=60))
def test_random_comings_and_goings_make_no_ghost_and_no_flapping(
    told: list[tuple[bool, float]],
) -> None:
    """Ready only with a telephone that was there within the grace; few changes however many there
    were; and who stays is taken back."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        loop = asyncio.get_running_loop()
        there, gone_s, changes, before = True, 0.0, [], state(queue, "8001")
        for reachable, seconds in [*told, (True, SETTLED_S + 0.1)]:
            if there and not reachable:
                gone_s = loop.time()
            there = reachable
            queue.endpoint_reachable("sip-8001", reachable)
            until_s = loop.time() + seconds
            while loop.time() < until_s:
                await asyncio.sleep(min(0.5, until_s - loop.time() + 1e-6))
                now = state(queue, "8001")
                if now is not before:
                    changes.append(loop.time())
                    before = now
                if now is SeatState.READY and not there:
                    assert loop.time() - gone_s < SETTINGS.reach_grace_s + 0.6
        assert state(queue, "8001") is SeatState.READY
        for start_s in changes:
            within = sum(start_s <= at_s < start_s + STEADY_S for at_s in changes)
            assert within <= 8

    run(scenario())


def test_steadiness_doubles_what_it_asks_for_and_forgets_in_the_end() -> None:
    """The first loss is free, a steady presence or a long absence begins anew."""
    steady = Steadiness()
    holds = []
    now_s = 0.0
    for _ in range(8):
        holds.append(steady.hold_s(now_s, LONGEST_HOLD_S))
        steady.came(now_s)
        now_s += 10
        steady.went(now_s)
    assert holds == [0, 0, 5, 10, 20, 40, 60, 60]
    assert steady.hold_s(now_s + FORGET_S, LONGEST_HOLD_S) == 0
    steady.came(now_s)
    steady.went(now_s + STEADY_S)
    assert steady.hold_s(now_s + STEADY_S, LONGEST_HOLD_S) == 0
