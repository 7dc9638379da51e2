"""Reservations that nobody reports on, that come back late, or that are taken back."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from queue_manager.errors import PlaceGone
from queue_manager.model import (
    AlertKind,
    Forced,
    LeaveReason,
    MissReason,
    Offer,
    SeatState,
    SeatView,
    Suggestion,
    Verdict,
)
from queue_manager.place import Place
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
from tests.queue_manager.rulebook import main
from tests.queue_manager.virtual_time import START, LoopClock, run

RING_S = SETTINGS.ring_s + SETTINGS.ring_grace_s


def kinds(queue: QueueService) -> list[AlertKind]:
    return [alert.kind for alert in queue.alerts()]


def test_an_offer_nobody_reports_on_is_taken_back() -> None:
    """The seat cools down and goes to the next; it has missed nothing; a supervisor is told."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        dumb = queue.enter(caller("dumb"))
        await dumb.next_offer()
        behind = queue.enter(caller("behind"))
        await asyncio.sleep(RING_S - 0.1)
        assert state(queue, "8001") is SeatState.RESERVED
        await asyncio.sleep(0.2)
        assert state(queue, "8001") is SeatState.COOL_DOWN
        assert kinds(queue) == [AlertKind.NO_REPORT]
        assert (await behind.next_offer()).seat.seat_id == "8001"
        assert queue.waiting().count == 2, "he has kept his place"

    run(scenario())


def test_a_dumb_conversation_blocks_one_seat_once() -> None:
    """No further seat rings for it until it asks; then it goes on at its place."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        dumb = queue.enter(caller("dumb", waited_s=60))
        offer = await dumb.next_offer()
        await asyncio.sleep(300)
        assert {state(queue, "8001"), state(queue, "8002")} == {SeatState.READY}
        dumb.missed(offer, MissReason.NO_ANSWER)
        assert {state(queue, "8001"), state(queue, "8002")} == {SeatState.READY}
        assert dumb.next_offer().result().seat.seat_id in ("8001", "8002")

    run(scenario())


def test_whoever_rings_the_seat_hears_that_the_offer_was_taken_back() -> None:
    """At once, and again when asked about it later."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        told = place.taken_back(offer)
        assert place.taken_back(offer) is told
        queue.force(offer.seat.seat_id, Forced.PAUSED, by="sv", why="fire drill", reason="other")
        assert told.done()
        assert place.taken_back(offer).done()
        again = place.next_offer().result()
        assert again.seat.seat_id != offer.seat.seat_id
        place.leave(LeaveReason.ABANDONED)
        with pytest.raises(PlaceGone):
            await place.taken_back(again)

    run(scenario())


def test_while_asterisk_is_not_heard_no_offer_is_taken_back() -> None:
    """The seat may be talking: the answer comes with the next snapshot."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        queue.hear(False)
        await asyncio.sleep(10 * RING_S)
        assert state(queue, "8001") is SeatState.RESERVED
        queue.hear(True)
        assert place.answered(offer) is Verdict.TALK
        assert queue.alerts() == []

    run(scenario())


def test_an_offer_may_be_held_longer_than_a_telephone_rings() -> None:
    """A callback's citizen is rung first: `hold_s` says how long that may take."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"), hold_s=90)
        await place.next_offer()
        await asyncio.sleep(89)
        assert state(queue, "8001") is SeatState.RESERVED
        await asyncio.sleep(2)
        assert state(queue, "8001") is SeatState.COOL_DOWN

    run(scenario())


def test_a_late_answer_is_a_talk_while_the_seat_is_free() -> None:
    """They hear each other, so it is: counted, told to supervisors, ended as any talk."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        await asyncio.sleep(RING_S + 20)
        assert place.answered(offer) is Verdict.TALK
        assert place.answered(offer) is Verdict.TALK, "a second word of it changes nothing"
        assert queue.seat("8001").call_id == "first"
        assert AlertKind.LATE_ANSWER in kinds(queue)
        place.talk_ended(offer)
        assert state(queue, "8001") is SeatState.WRAP_UP
        total = queue.figures()["total"]
        assert (total["answered"], total["talks"]) == (1, 1)

    run(scenario())


def test_a_late_answer_goes_before_a_ring_for_somebody_else() -> None:
    """The seat has this caller on the line; the other keeps his place and gets the next."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        other = queue.enter(caller("other"))
        taken = await other.next_offer()
        told = other.taken_back(taken)
        assert place.answered(offer) is Verdict.TALK
        assert told.done()
        assert queue.seat("8001").call_id == "first"
        other.missed(taken, MissReason.BUSY)
        assert other.current
        assert not other.next_offer().done()

    run(scenario())


def test_a_late_answer_of_a_seat_that_talks_is_refused() -> None:
    """Nobody's talk is torn; who asked ends the leg and the caller waits on."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        other = queue.enter(caller("other"))
        other.answered(await other.next_offer())
        assert place.answered(offer) is Verdict.REFUSED
        assert queue.seat("8001").call_id == "other"
        assert place.current

    run(scenario())


def test_a_late_answer_gives_the_seat_back_that_rang_meanwhile() -> None:
    """Offered the second seat, he talks with the first after all."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        await asyncio.sleep(RING_S + 1)
        newer = place.next_offer().result()
        assert newer.seat.seat_id != offer.seat.seat_id
        assert place.answered(offer) is Verdict.TALK
        assert state(queue, newer.seat.seat_id) is SeatState.READY
        assert state(queue, offer.seat.seat_id) is SeatState.TALKING

    run(scenario())


def test_an_answer_without_a_place_is_refused() -> None:
    """He has left, or a newer session leads him."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        older = queue.enter(caller("first"))
        offer = await older.next_offer()
        newer = queue.enter(caller("first"))
        assert older.answered(offer) is Verdict.REFUSED
        newer.leave(LeaveReason.ABANDONED)
        assert newer.answered(offer) is Verdict.REFUSED
        assert state(queue, "8001") is SeatState.READY

    run(scenario())


def test_a_seat_whose_telephone_is_lost_while_it_rings_is_given_up() -> None:
    """Its caller needn't listen to music for a telephone that isn't there."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        told = place.taken_back(offer)
        queue.endpoint_reachable(offer.seat.endpoint, False)
        await asyncio.sleep(SETTINGS.reach_grace_s + 0.1)
        assert told.done()
        assert state(queue, offer.seat.seat_id) is SeatState.OFFLINE
        assert place.next_offer().result().seat.seat_id != offer.seat.seat_id

    run(scenario())


def test_after_a_miss_another_ready_seat_is_tried_even_without_cool_down() -> None:
    """The one that missed is ready first, and even the one he had last time."""

    async def scenario() -> None:
        queue = await open_queue(
            seat("8001"), seat("8002"), settings=replace(SETTINGS, cool_down_s=0)
        )
        place = queue.enter(replace(caller("first"), preferred_seat="8001"))
        rung = []
        for _ in range(4):
            offer = await place.next_offer()
            rung.append(offer.seat.seat_id)
            place.missed(offer, MissReason.UNREACHABLE)
        assert all(one != after for one, after in pairwise(rung))

    run(scenario())


def test_the_seat_that_missed_him_takes_the_next_caller_while_others_are_at_work() -> None:
    """He waits for the other seat, which is busy; both are served sooner than by ringing again."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        busy = queue.enter(caller("busy"))
        talk = await busy.next_offer()
        busy.answered(talk)
        first = queue.enter(caller("first"))
        offer = await first.next_offer()
        second = queue.enter(caller("second"))
        first.missed(offer, MissReason.BUSY)
        assert (await second.next_offer()).seat.seat_id == offer.seat.seat_id
        waited_s = asyncio.get_running_loop().time()
        assert waited_s == pytest.approx(SETTINGS.cool_down_s)
        assert first.position() == 1
        busy.talk_ended(talk)
        assert (await first.next_offer()).seat.seat_id == talk.seat.seat_id

    run(scenario())


def test_with_nobody_else_to_serve_the_seat_rings_again() -> None:
    """Better the same seat than nobody."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        busy = queue.enter(caller("busy"))
        busy.answered(await busy.next_offer())
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        place.missed(offer, MissReason.BUSY)
        assert (await place.next_offer()).seat.seat_id == offer.seat.seat_id

    run(scenario())


def test_being_passed_over_for_the_seat_that_missed_him_has_an_end() -> None:
    """After `same_seat_s` he is its next caller again, whoever came later."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"), seat("8002"))
        busy = queue.enter(caller("busy"))
        busy.answered(await busy.next_offer())
        first = queue.enter(caller("first"))
        offer = await first.next_offer()
        first.missed(offer, MissReason.BUSY)
        places = [queue.enter(caller("n0"))]
        while queue.seat(offer.seat.seat_id).call_id != "first":
            await asyncio.sleep(SETTINGS.cool_down_s)
            assert len(places) < 50
            taken = places[-1].next_offer().result()
            places[-1].answered(taken)
            places.append(queue.enter(caller(f"n{len(places)}")))  # there is always another
            places[-2].talk_ended(taken)
            queue.end_wrap_up(offer.seat.seat_id)
        waited_s = asyncio.get_running_loop().time()
        assert SETTINGS.same_seat_s <= waited_s <= SETTINGS.same_seat_s + SETTINGS.cool_down_s
        assert len(places) > 5

    run(scenario())


def test_tokens_grow_over_restarts_leaders_and_a_clock_set_back() -> None:
    """Never below one that the mirror or another leader tells of."""

    async def scenario() -> None:
        live = Memory()
        queue = await open_queue(seat("8001"), live=live)
        place = queue.enter(caller("first"))
        before = (await place.next_offer()).token
        queue.close()
        clock = LoopClock()
        clock.set_back_s = 24 * 3600
        later = QueueService(SETTINGS, live, clock)
        await later.start([seat("8001")], await live.load_seats("nanning"))
        later.endpoint_reachable("sip-8001", True)
        after = (await later.enter(caller("first")).next_offer()).token
        assert after > before
        led = QueueService(SETTINGS, Memory(), clock)
        await led.start([seat("8001")], (), above=10**18)
        led.endpoint_reachable("sip-8001", True)
        assert (await led.enter(caller("first")).next_offer()).token > 10**18

    run(scenario())


class Ear:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.offers: list[Offer] = []

    def offered(self, offer: Offer) -> None:
        self.offers.append(offer)
        self.heard.append(f"offered {offer.seat.seat_id}")

    def taken_back(self, offer: Offer) -> None:
        self.heard.append(f"taken back {offer.seat.seat_id}")

    def suggested(self, suggestion: Suggestion) -> None:
        self.heard.append(f"suggested {suggestion}")

    def gone(self, why: str) -> None:
        self.heard.append("gone")


def test_a_listener_is_told_what_others_would_wait_for() -> None:
    """For whoever leads a caller from another process."""

    async def scenario() -> None:
        queue = await open_queue()
        queue.set_rules({"nanning": main({"after_s": 5, "suggest": "callback"})})
        place = queue.enter(caller("first"))
        ear = Ear()
        place.listen(ear)
        await asyncio.sleep(6)
        queue.set_seats([seat("8001"), seat("8002")])
        queue.endpoint_reachable("sip-8001", True)
        queue.force("8001", Forced.OFFLINE, by="sv", why="wrong desk")
        queue.endpoint_reachable("sip-8002", True)
        assert ear.heard == ["suggested callback", "offered 8001", "taken back 8001"]
        place.next_offer().cancel()
        assert ear.heard[3:] == ["offered 8002"]
        place.answered(ear.offers[-1])
        assert ear.heard[4:] == ["gone"]

    run(scenario())


def test_a_listener_that_comes_late_is_told_what_is_pending() -> None:
    """And one that comes too late is told that."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        queue.set_rules({"nanning": main({"after_s": 5, "suggest": "callback"})})
        place = queue.enter(caller("first", waited_s=10))
        ear = Ear()
        place.listen(ear)
        assert ear.heard == ["offered 8001", "suggested callback"]
        newer = queue.enter(caller("first"))
        assert ear.heard[2:] == ["gone"]
        newer.leave(LeaveReason.ABANDONED)
        late = Ear()
        newer.listen(late)
        assert late.heard == ["gone"]

    run(scenario())


def test_one_whose_engine_is_away_is_set_aside_and_keeps_his_place() -> None:
    """No seat rings into the void; asked for again he is first."""

    async def scenario() -> None:
        queue = await open_queue()
        place: Place = queue.enter(caller("first", waited_s=60))
        behind = queue.enter(caller("behind"))
        place.set_aside()
        queue.set_seats([seat("8001"), seat("8002")])
        queue.endpoint_reachable("sip-8001", True)
        assert behind.next_offer().done()
        assert queue.waiting().count == 2
        assert place.next_offer().done() is False
        queue.endpoint_reachable("sip-8002", True)
        assert place.next_offer().done()

    run(scenario())


def test_a_talk_found_after_a_restart_counts_for_its_caller() -> None:
    """Since when is told by what the last engine wrote of the seat; twice told counts once."""

    async def scenario() -> None:
        live = Memory()
        known = caller("old", ZHUANG, waited_s=100)
        live.seats["8001"] = SeatView(
            seat("8001"), SeatState.TALKING, caller("old", waited_s=40).queued_at, call_id="old"
        )
        queue = QueueService(SETTINGS, live, LoopClock())
        await queue.start([seat("8001")], await live.load_seats("nanning"))
        queue.restore_talk("8001", "old")
        assert queue.figures()["total"]["answered"] == 0, "it may still ring"
        for _ in range(2):
            queue.restore_talk("8001", "old", known)
        await asyncio.sleep(20)
        queue.talk_ended_by_call("old")
        total = queue.figures()["total"]
        assert (total["offered"], total["answered"], total["talks"]) == (1, 1, 1)
        assert (total["wait_ms"], total["talk_ms"]) == (60_000, 60_000)
        assert known.queued_at < START

    run(scenario())


def test_a_late_word_is_logged_as_such() -> None:
    """And a miss that follows a taken back offer is nothing to tell."""

    async def scenario() -> None:
        queue = await open_queue(seat("8001"))
        place = queue.enter(caller("first"))
        offer = await place.next_offer()
        await asyncio.sleep(RING_S + 1)
        with capture_logs() as logs:
            place.missed(offer, MissReason.NO_ANSWER)
            place.missed(replace(offer, token=1), MissReason.NO_ANSWER)
        assert [line["event"] for line in logs] == ["late_report_refused"]

    run(scenario())
