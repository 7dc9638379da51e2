"""Steps over time at work: on waiting callers, over crashes, new rules and other tenants."""

import asyncio
from dataclasses import replace

import pytest

from queue_manager.model import (
    LeaveReason,
    MissReason,
    Offer,
    Requirement,
    SeatState,
    Suggestion,
)
from queue_manager.rules import Rules
from queue_manager.service import QueueService
from tests.queue_manager.builders import SETTINGS, ZHUANG, Memory, caller, open_queue, seat, state
from tests.queue_manager.rulebook import main, rules
from tests.queue_manager.virtual_time import LoopClock, run


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def ruled(book: Rules, *seats: object, **more: object) -> QueueService:
    queue = await open_queue(*seats, **more)  # type: ignore[arg-type]  # passed on as they came
    queue.set_rules({"nanning": book})
    return queue


def test_a_lowered_level_reaches_the_waiting_caller_in_its_second() -> None:
    """The seat knew too little Zhuang until the step; nobody else has to move."""

    async def scenario() -> None:
        queue = await ruled(main({"after_s": 30, "lower": {"lang:za": 2}}), seat("8001", za=2))
        place = queue.enter(caller("first", ZHUANG))
        offer = await place.next_offer()
        assert now_s() == pytest.approx(30, abs=0.01)
        assert offer.seat.seat_id == "8001"
        assert offer.interpreter == ""

    run(scenario())


def test_the_given_up_language_asks_for_an_interpreter_where_the_seat_lacks_it() -> None:
    """A seat that speaks it, free a moment later, needs none."""

    async def scenario() -> None:
        queue = await ruled(main({"after_s": 60, "interpreter": True}), seat("8001"))
        first, second = queue.enter(caller("first", ZHUANG)), queue.enter(caller("second", ZHUANG))
        offer = await first.next_offer()
        assert now_s() == pytest.approx(60, abs=0.01)
        assert offer.interpreter == "lang:za"
        queue.set_seats([seat("8001"), seat("8002", za=4)])
        queue.endpoint_reachable("sip-8002", True)
        assert (await second.next_offer()).interpreter == ""

    run(scenario())


def test_a_suggestion_is_told_once_and_waits_until_it_is_asked_for() -> None:
    """Waiting for it doesn't touch the wait for a seat, nor the other way round."""

    async def scenario() -> None:
        steps = ({"after_s": 20, "suggest": "callback"}, {"after_s": 50, "suggest": "callback"})
        queue = await ruled(main(*steps))
        place = queue.enter(caller("first"))
        seat_wait = place.next_offer()
        assert await place.next_suggestion() is Suggestion.CALLBACK
        assert now_s() == pytest.approx(20, abs=0.01)
        await asyncio.sleep(40)
        assert place.next_suggestion().result() is Suggestion.CALLBACK
        await asyncio.sleep(100)
        assert not place.next_suggestion().done()
        assert not seat_wait.done()
        place.leave(LeaveReason.CALLBACK)

    run(scenario())


def test_one_restored_after_a_crash_stands_where_he_stood() -> None:
    """All past steps at once, his next one in its time, and one suggestion at most."""

    async def scenario() -> None:
        steps = (
            {"after_s": 20, "lower": {"lang:za": 2}, "suggest": "callback"},
            {"after_s": 40, "lower": {"lang:za": 1}, "suggest": "voice_request"},
            {"after_s": 100, "interpreter": True},
        )
        queue = await ruled(main(*steps), seat("8001", za=1), seat("8002"))
        queue.pause("8001", "meal")
        place = queue.enter(caller("first", ZHUANG, waited_s=70))
        assert str(queue.callers()[0].needs) == "lang:za"
        assert queue.callers()[0].steps == 2
        assert place.next_suggestion().result() is Suggestion.VOICE_REQUEST
        assert not place.next_suggestion().done()
        offer = await place.next_offer()
        assert now_s() == pytest.approx(30, abs=0.01)
        assert offer.seat.seat_id == "8002"

    run(scenario())


def test_a_step_that_falls_due_while_a_seat_rings_is_taken_when_it_was_missed() -> None:
    """The ringing seat rings on; the next match is made under the new needs."""

    async def scenario() -> None:
        book = main({"after_s": 10, "interpreter": True})
        queue = await ruled(book, seat("8001", za=4), seat("8002", en=1))
        place = queue.enter(caller("first", ZHUANG))
        offer = await place.next_offer()
        await asyncio.sleep(15)
        assert place.next_offer().result() == offer
        place.missed(offer, MissReason.NO_ANSWER)
        after = place.next_offer().result()
        assert (after.seat.seat_id, after.interpreter) == ("8002", "lang:za")

    run(scenario())


def test_new_rules_reach_those_who_wait_at_once() -> None:
    """Wider needs match now; what was suggested once isn't suggested again for new rules."""

    async def scenario() -> None:
        queue = await ruled(main({"after_s": 5, "suggest": "callback"}), seat("8001", za=2))
        place = queue.enter(caller("first", ZHUANG))
        await asyncio.sleep(30)
        assert place.next_suggestion().result() is Suggestion.CALLBACK
        again = {"after_s": 10, "lower": {"lang:za": 2}, "suggest": "callback"}
        queue.set_rules({"nanning": main(again)})
        assert place.next_offer().result().seat.seat_id == "8001"
        assert not place.next_suggestion().done()

    run(scenario())


def test_new_rules_may_be_stricter_and_are_so_at_once() -> None:
    """The needs are those he came with again, until the later step."""

    async def scenario() -> None:
        queue = await ruled(main({"after_s": 5, "lower": {"lang:za": 1}}))
        place = queue.enter(caller("first", ZHUANG))
        await asyncio.sleep(10)
        queue.set_rules({"nanning": main({"after_s": 60, "lower": {"lang:za": 1}})})
        assert queue.callers()[0].needs == "lang:za>=3"
        queue.set_seats([seat("8001", za=1)])
        queue.endpoint_reachable("sip-8001", True)
        assert not place.next_offer().done()
        await place.next_offer()
        assert now_s() == pytest.approx(60, abs=0.01)

    run(scenario())


def test_a_great_many_are_brought_in_line_without_holding_the_loop() -> None:
    """Others get their turn in between; in the end nobody was forgotten."""

    async def scenario() -> None:
        queue = await ruled(main())
        for number in range(1_800):
            queue.enter(caller(f"c{number}", ZHUANG, waited_s=30))
        queue.set_rules({"nanning": main({"after_s": 20, "lower": {"lang:za": 1}})})
        turns = 0
        while any(view.needs != "lang:za" for view in queue.callers()):
            turns += 1
            await asyncio.sleep(0)
        assert 2 <= turns < 20

    run(scenario())


def test_one_who_left_or_talks_is_stepped_no_more() -> None:
    """His deadline finds nobody."""

    async def scenario() -> None:
        queue = await ruled(main({"after_s": 10, "lower": {"lang:za": 1}}), seat("8001", za=5))
        talks, leaves = queue.enter(caller("talks", ZHUANG)), queue.enter(caller("leaves", ZHUANG))
        talks.answered(await talks.next_offer())
        leaves.leave(LeaveReason.ABANDONED)
        await asyncio.sleep(60)
        assert queue.callers() == []
        assert state(queue, "8001") is SeatState.TALKING

    run(scenario())


def test_a_clock_set_back_takes_no_step_early_or_twice() -> None:
    """Steps follow the loop's time, whatever the wall clock says meanwhile."""

    async def scenario() -> None:
        clock = LoopClock()
        queue = QueueService(SETTINGS, Memory(), clock)
        await queue.start([seat("8001", za=2)], ())
        queue.endpoint_reachable("sip-8001", True)
        queue.set_rules({"nanning": main({"after_s": 30, "lower": {"lang:za": 2}})})
        place = queue.enter(caller("first", ZHUANG))
        clock.set_back_s = 3600
        await place.next_offer()
        assert now_s() == pytest.approx(30, abs=0.01)
        later = queue.enter(caller("second", ZHUANG))
        assert [view.steps for view in queue.callers()] == [1, 0]
        later.leave(LeaveReason.ABANDONED)

    run(scenario())


def test_overflow_to_another_queue_goes_on_by_its_rules() -> None:
    """Same place, other needs; the steps there count from the overflow."""

    async def scenario() -> None:
        book = rules(
            {"id": "main", "steps": [{"after_s": 20, "overflow": {"queue": "general"}}]},
            {"id": "general", "steps": [{"after_s": 15, "interpreter": True}]},
        )
        queue = await ruled(book, seat("8001"))
        place = queue.enter(caller("first", Requirement.parse("lang:za & svc:tax")))
        await asyncio.sleep(21)
        assert [(v.queue_id, v.needs, v.steps) for v in queue.callers()] == [
            ("general", "lang:za", 1)
        ]
        await place.next_offer()
        assert now_s() == pytest.approx(35, abs=0.01)

    run(scenario())


class TwoCities:
    """Nanning lets its callers go on in Baoji after ten seconds."""

    def __init__(self, nanning: QueueService, baoji: QueueService) -> None:
        self.nanning, self.baoji = nanning, baoji

    @classmethod
    async def open(cls) -> "TwoCities":
        nanning = await open_queue()
        baoji = QueueService(replace(SETTINGS, tenant="baoji"), Memory(), LoopClock())
        away = replace(seat("9001"), tenant="baoji")
        await baoji.start([away], ())
        baoji.endpoint_reachable(away.endpoint, True)
        book = {
            "nanning": main({"after_s": 10, "overflow": {"tenant": "baoji"}}),
            "baoji": main({"after_s": 20, "suggest": "callback"}),
        }
        queues = {"nanning": nanning, "baoji": baoji}
        for queue in queues.values():
            queue.meet(queues)
            queue.set_rules(book)
        return cls(nanning, baoji)

    def totals(self, name: str) -> tuple[int, ...]:
        return tuple(queue.figures()["total"][name] for queue in (self.nanning, self.baoji))


def test_overflow_to_another_tenant_keeps_handle_and_place() -> None:
    """His conversation notices by the seat's tenant; each city counts him once."""

    async def scenario() -> None:
        cities = await TwoCities.open()
        place = cities.nanning.enter(caller("first"))
        offer: Offer = await place.next_offer()
        assert now_s() == pytest.approx(10, abs=0.01)
        assert (offer.seat.tenant, offer.caller.tenant) == ("baoji", "baoji")
        assert cities.nanning.callers() == []
        assert offer.caller.queued_at == caller("first").queued_at
        place.answered(offer)
        assert cities.baoji.seat("9001").call_id == "first"
        place.talk_ended(offer)
        assert cities.baoji.seat("9001").state is SeatState.WRAP_UP
        assert cities.totals("offered") == (1, 1)
        assert cities.totals("answered") == (0, 1)

    run(scenario())


def test_one_gone_on_elsewhere_is_found_there_by_a_newer_session() -> None:
    """The dialplan brings him to his own city; his place is where he waits. Gone is gone."""

    async def scenario() -> None:
        cities = await TwoCities.open()
        cities.baoji.pause("9001", "meal")
        older = cities.nanning.enter(caller("first"))
        await asyncio.sleep(15)
        newer = cities.nanning.enter(caller("first"))
        assert not older.current
        assert [view.call_id for view in cities.baoji.callers()] == ["first"]
        assert await newer.next_suggestion() is Suggestion.CALLBACK
        assert now_s() == pytest.approx(30, abs=0.01), "Baoji's steps count from the overflow"
        cities.baoji.talk_ended_by_call("first")
        assert not newer.current
        assert cities.nanning.enter(caller("first", waited_s=-60)).current
        assert [view.call_id for view in cities.nanning.callers()] == ["first"]

    run(scenario())


def test_one_restored_after_a_crash_goes_where_he_had_gone() -> None:
    """Without a moment in the city he had left."""

    async def scenario() -> None:
        cities = await TwoCities.open()
        place = cities.nanning.enter(caller("first", waited_s=60))
        assert place.next_offer().result().seat.seat_id == "9001"

    run(scenario())


def test_callbacks_are_offered_no_callback() -> None:
    """Nobody is on the line who could be asked; the needs change all the same."""

    async def scenario() -> None:
        book = main({"after_s": 10, "lower": {"lang:za": 1}, "suggest": "callback"})
        queue = await ruled(book)
        place = queue.enter(replace(caller("first", ZHUANG), callback=True))
        await asyncio.sleep(20)
        assert not place.next_suggestion().done()
        view = queue.callers()[0]
        assert (view.needs, view.callback) == ("lang:za", True)

    run(scenario())
