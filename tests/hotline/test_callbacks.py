"""Callbacks led by the real queue in virtual time, through kills, outages and changes of mind."""

import asyncio
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from queue_manager.callback import CallbackState
from queue_manager.model import SeatState
from queue_manager.rules import CallbackOrder
from telephony.originate import Answer
from tests.hotline.callback_house import TENANT, Engine, Sql, Switch
from tests.queue_manager.virtual_time import run
from tickets.model import Origin

NUMBER = "+8613900000001"
HOUR_S = 3600.0


def opened(**changed: object) -> Engine:
    """An engine to be started in a house where nothing has happened yet."""
    return Engine(Sql(), Switch(), **changed)  # type: ignore[arg-type]  # fields are named by tests


def after(engine: Engine) -> Engine:
    """The engine that follows in the same house."""
    return Engine(
        engine.sql, engine.switch, engine.seats, engine.presses, engine.talk_s, engine.order
    )


def state(engine: Engine, call_id: str = "hl-1.1") -> CallbackState:
    """As SQL has it."""
    return engine.sql.rows[call_id].callback.state


def test_he_is_rung_before_those_who_came_later_and_the_seat_is_held() -> None:
    async def scenario() -> None:
        engine = await opened().start()
        engine.waits("hl-1.2", waited_s=30)
        assert await engine.asks("hl-1.1")
        engine.work()
        await asyncio.sleep(1)
        assert list(engine.switch.legs) == ["hl-1.1.cb1"]
        assert engine.queue.seat("8001").state is SeatState.RESERVED
        assert not engine.served
        engine.switch.answer("hl-1.1.cb1")
        await asyncio.sleep(200)
        assert engine.served == ["hl-1.1", "hl-1.2"]
        assert state(engine) is CallbackState.CONNECTED
        assert engine.ends == ["taken", "connected"]
        await engine.kill()

    run(scenario())


def test_asked_twice_is_taken_once() -> None:
    async def scenario() -> None:
        engine = await opened().start()
        assert await engine.asks("hl-1.1")
        assert await engine.asks("hl-1.1")
        await engine.kill()
        engine = await after(engine).start()
        assert await engine.asks("hl-1.1")
        assert engine.queue.waiting().count == 1
        await engine.kill()

    run(scenario())


def test_who_no_rule_allows_to_be_rung_is_promised_nothing() -> None:
    async def scenario() -> None:
        engine = await opened().start()
        for number in ("+8613700000001", "+864001234567", "+8612345", ""):
            assert not await engine.asks("hl-1.1", number)
        assert not engine.sql.rows
        await engine.kill()

    run(scenario())


def test_nothing_is_promised_that_only_memory_holds() -> None:
    """SQL is away and the disk is full: he goes on waiting, and is never rung."""

    async def scenario() -> None:
        engine = await opened().start()
        engine.sql.away, engine.sql.healthy = True, False
        assert not await engine.asks("hl-1.1")
        engine.sql.back()
        engine.work()
        await asyncio.sleep(HOUR_S)
        assert not engine.switch.made
        assert state(engine) is CallbackState.CANCELLED
        await engine.kill()

    run(scenario())


def test_the_call_in_which_he_asked_has_to_end_first() -> None:
    async def scenario() -> None:
        engine = await opened().start()
        engine.switch.on_line.add("hl-1.1")
        engine.work()
        assert await engine.asks("hl-1.1")
        await asyncio.sleep(5)
        assert not engine.switch.made
        engine.switch.on_line.clear()
        await asyncio.sleep(2)
        assert engine.switch.made == ["hl-1.1.cb1"]
        await engine.kill()

    run(scenario())


def test_busy_rests_and_comes_back_to_his_place() -> None:
    """Five minutes later, and before one who came in the meantime."""

    async def scenario() -> None:
        engine = await opened(talk_s=400.0).start()
        assert await engine.asks("hl-1.1")
        engine.work()
        await asyncio.sleep(1)
        engine.switch.end("hl-1.1.cb1", Answer.BUSY)
        await asyncio.sleep(1)
        assert engine.queue.seat("8001").state is SeatState.READY
        engine.waits("hl-1.2")
        await asyncio.sleep(1)
        engine.waits("hl-1.3")
        await asyncio.sleep(430)
        assert list(engine.switch.legs) == ["hl-1.1.cb2"]
        engine.switch.answer("hl-1.1.cb2")
        await asyncio.sleep(1000)
        assert engine.served == ["hl-1.2", "hl-1.1", "hl-1.3"]
        await engine.kill()

    run(scenario())


def test_the_last_try_leaves_a_ticket_for_a_person() -> None:
    async def scenario() -> None:
        engine = await opened(presses=False).start()
        assert await engine.asks("hl-1.1")
        engine.work()
        for attempt in (1, 2, 3):
            await asyncio.sleep(1)
            engine.switch.answer(f"hl-1.1.cb{attempt}")  # an answering machine
            await asyncio.sleep(312)
        assert state(engine) is CallbackState.UNREACHED
        assert engine.served == []
        (ticket,) = engine.sql.tickets
        assert (ticket.origin, ticket.first_callback) == (Origin.CALLBACK, True)
        assert ticket.facts.call_id == "hl-1.1"
        assert engine.queue.seat("8001").state is SeatState.READY
        await engine.kill()

    run(scenario())


def test_without_a_seat_it_expires_and_leaves_a_ticket() -> None:
    async def scenario() -> None:
        engine = await opened().start()
        assert await engine.asks("hl-1.1")
        await asyncio.sleep(2 * HOUR_S + 1)
        assert state(engine) is CallbackState.EXPIRED
        assert len(engine.sql.tickets) == 1
        assert engine.queue.waiting().count == 0
        await engine.kill()

    run(scenario())


def test_his_own_call_takes_the_place_while_he_is_rung() -> None:
    """The ringing stops, the seat goes to the head of the queue, he is not rung again."""

    async def scenario() -> None:
        engine = await opened().start()
        assert await engine.asks("hl-1.1", waited_s=60)
        engine.work()
        await asyncio.sleep(1)
        kept = await engine.callbacks.take_over(TENANT, NUMBER)
        assert kept is not None
        assert (engine.clock.now() - kept.queued_at).total_seconds() > 60
        assert await engine.callbacks.take_over(TENANT, NUMBER) is None
        await asyncio.sleep(1)
        assert not engine.switch.legs
        assert engine.queue.seat("8001").state is SeatState.READY
        await asyncio.sleep(HOUR_S)
        assert engine.switch.made == ["hl-1.1.cb1"]
        await engine.kill()

    run(scenario())


def test_a_killed_engines_callback_keeps_its_turn() -> None:
    """Before any seat is ready he has his place again, though others are faster to come back."""

    async def scenario() -> None:
        engine = await opened().start()
        assert await engine.asks("hl-1.1", waited_s=60)
        await engine.kill()
        await asyncio.sleep(2)
        engine = await after(engine).start()
        engine.waits("hl-1.2", waited_s=10)
        engine.work()
        await asyncio.sleep(1)
        engine.switch.answer("hl-1.1.cb1")
        await asyncio.sleep(200)
        assert engine.served == ["hl-1.1", "hl-1.2"]
        await engine.kill()

    run(scenario())


def test_killed_after_the_writing_and_before_the_ringing_he_is_rung_at_once() -> None:
    """The attempt is written, nothing rings: a new attempt, and still his turn."""

    async def scenario() -> None:
        engine = await opened().start()
        assert await engine.asks("hl-1.1")
        engine.work()
        async with asyncio.timeout(10):
            while not engine.sql.rows["hl-1.1"].callback.under_way:
                await asyncio.sleep(0.0001)
        assert not engine.switch.made
        await engine.kill()
        engine = await after(engine).start()
        engine.work()
        await asyncio.sleep(1)
        assert engine.switch.made == ["hl-1.1.cb2"]
        await engine.kill()

    run(scenario())


def test_killed_while_it_rings_in_vain_the_next_engine_hears_of_it() -> None:
    async def scenario() -> None:
        engine = await opened().start()
        assert await engine.asks("hl-1.1")
        engine.work()
        await asyncio.sleep(1)
        await engine.kill()
        engine = await after(engine).start()
        engine.work()
        await asyncio.sleep(1)
        assert engine.queue.seat("8001").state is SeatState.RESERVED
        engine.switch.end("hl-1.1.cb1", Answer.BUSY)
        await asyncio.sleep(1)
        assert engine.queue.seat("8001").state is SeatState.READY
        assert state(engine) is CallbackState.WAITING
        await asyncio.sleep(310)
        assert engine.switch.made == ["hl-1.1.cb1", "hl-1.1.cb2"]
        await engine.kill()

    run(scenario())


def test_without_sql_callbacks_go_on_and_wait_for_the_journal_after_a_kill() -> None:
    """Taken and rung while SQL is away; the next engine rings nobody before it knows what was."""

    async def scenario() -> None:
        engine = await opened().start()
        engine.sql.away = True
        assert await engine.asks("hl-1.1")
        engine.work()
        await asyncio.sleep(1)
        engine.switch.answer("hl-1.1.cb1")
        await asyncio.sleep(30)
        assert engine.served == ["hl-1.1"]
        await engine.kill()
        engine.switch.legs.clear()
        engine = after(engine)
        await engine.start(later=True)
        engine.work()
        await asyncio.sleep(60)
        engine.sql.back()
        await asyncio.sleep(HOUR_S)
        assert engine.switch.made == ["hl-1.1.cb1"]
        assert state(engine) is CallbackState.CONNECTED
        await engine.kill()

    run(scenario())


def test_asked_again_while_nobody_could_know_he_keeps_the_earlier_place() -> None:
    """SQL is away, the engine was killed, he calls and asks again: he is rung once."""

    async def scenario() -> None:
        engine = await opened().start()
        assert await engine.asks("hl-1.1", waited_s=100)
        engine.sql.away = True
        await engine.kill()
        engine = after(engine)
        await engine.start(later=True)
        assert await engine.asks("hl-1.2", waited_s=10)
        engine.sql.back()
        await asyncio.sleep(5)
        engine.work()
        await asyncio.sleep(5)
        assert engine.switch.made == ["hl-1.1.cb1"]
        assert state(engine, "hl-1.2") is CallbackState.CANCELLED
        assert await engine.callbacks.take_over(TENANT, NUMBER) is not None
        await engine.kill()

    run(scenario())


def test_with_the_seat_first_a_missing_seat_costs_no_try() -> None:
    """The seat doesn't pick up and cools down; the citizen wasn't rung and keeps his tries."""

    async def scenario() -> None:
        engine = await opened(order=CallbackOrder.SEAT_FIRST).start()
        assert await engine.asks("hl-1.1")
        engine.work()
        await asyncio.sleep(21)
        callback = engine.sql.rows["hl-1.1"].callback
        assert (callback.state, callback.tries - callback.attempts) == (CallbackState.WAITING, 3)
        assert engine.queue.seat("8001").state is SeatState.COOL_DOWN
        await engine.kill()

    run(scenario())


def test_with_the_seat_first_one_of_another_node_is_rung_there() -> None:
    async def scenario() -> None:
        engine = await opened(order=CallbackOrder.SEAT_FIRST).start()
        assert await engine.asks("hl-1.1")
        engine.queue.endpoint_reachable("sip-8001", True, "b")
        await asyncio.sleep(1)
        assert engine.seats_rung == ["sip-8001@b"]
        await engine.kill()

    run(scenario())


def test_a_callback_that_was_moved_up_is_first_after_a_kill_too() -> None:
    async def scenario() -> None:
        engine = await opened().start()
        assert await engine.asks("hl-1.1", number="+8613900000001", waited_s=3000)
        assert await engine.asks("hl-1.2", number="+8613900000002", waited_s=60)
        engine.queue.move_first("hl-1.2.cb1", by="supervisor", why="his house burns")
        await asyncio.sleep(1)
        await engine.kill()
        engine = await after(engine).start()
        engine.work()
        await asyncio.sleep(1)
        assert list(engine.switch.legs) == ["hl-1.2.cb1"]
        await engine.kill()

    run(scenario())


WORDS = "ask ask wait work answer answer busy kill kill_soon away back mind pass pass pass long"
STEPS = st.lists(st.sampled_from(WORDS.split()), max_size=25)


@settings(max_examples=200, deadline=None)
@given(STEPS, st.booleans())
def test_whatever_happens_nobody_is_rung_twice_at_a_time_and_each_has_one_end(
    steps: list[str], presses: bool
) -> None:
    """Random lives of a house. The switch itself refuses two legs to one telephone and an id used
    twice; in the end every callback is over, and nobody was served twice."""

    async def scenario() -> None:
        engine = await opened(presses=presses).start()
        served: list[str] = []
        asked = 0
        working = False

        async def next_engine() -> Engine:
            await engine.kill()
            served.extend(engine.served)
            following = after(engine)
            await following.start(later=engine.sql.away or bool(engine.sql.lines))
            if working:
                following.work()
            return following

        for n, step in enumerate(steps):
            ringing = [i for i, seen in engine.switch.legs.items() if not seen.answered]
            match step:
                case "ask":
                    asked += 1
                    number = f"+86139000000{asked % 3:02}"
                    await engine.callbacks.take_over(TENANT, number)
                    assert await engine.asks(f"hl-1.{asked}", number)
                case "wait":
                    engine.waits(f"hl-2.{n}")
                case "work":
                    working = True
                    engine.work()
                case "answer" | "busy" if ringing:
                    if step == "answer":
                        engine.switch.answer(ringing[0])
                    else:
                        engine.switch.end(ringing[0], Answer.BUSY)
                case "kill":
                    engine = await next_engine()
                case "kill_soon":
                    await asyncio.sleep(0.0015)
                    engine = await next_engine()
                case "away":
                    engine.sql.away = True
                case "back":
                    engine.sql.back()
                case "mind":
                    await engine.callbacks.take_over(TENANT, "+8613900000001")
                case "pass":
                    await asyncio.sleep(3)
                case "long":
                    await asyncio.sleep(200)
        engine.sql.back()
        await asyncio.sleep(5)
        engine = await next_engine()
        engine.work()
        await asyncio.sleep(3 * HOUR_S)
        served.extend(engine.served)
        assert len(engine.sql.rows) == asked
        assert all(kept.callback.over for kept in engine.sql.rows.values())
        assert len(served) == len(set(served))
        for call_id, kept in engine.sql.rows.items():
            if kept.callback.state is CallbackState.CONNECTED:
                assert call_id in served
        assert not engine.queue.waiting().count
        await engine.kill()

    run(scenario())


def test_two_engines_never_ring_for_the_same_callback() -> None:
    """Both know it (the journal came late, say): whose version is second drops its attempt."""

    async def scenario() -> None:
        engine = await opened().start()
        assert await engine.asks("hl-1.1")
        other = after(engine)
        await other.start()
        engine.work()
        other.work()
        await asyncio.sleep(2)
        assert engine.switch.made == ["hl-1.1.cb1"]
        await engine.kill()
        await other.kill()

    run(scenario())


def test_only_those_of_its_own_node_are_led() -> None:
    async def scenario() -> None:
        engine = await opened().start()
        assert await engine.asks("hl-1.1")
        kept = engine.sql.rows.pop("hl-1.1")
        far = replace(kept, callback=replace(kept.callback, call_id="gl-1.1"))
        engine.sql.rows["gl-1.1"] = far
        await engine.kill()
        engine = after(engine)
        engine.node = "hl"
        await engine.start()
        engine.work()
        await asyncio.sleep(1)
        assert not engine.switch.made
        await engine.kill()

    run(scenario())
