"""Endings that need a moment of their own: half-told numbers, lost words, faults, late answers."""

import asyncio
from dataclasses import replace

import pytest

from ivr.conversation import converse, hang_up
from ivr.ports import Outcome
from queue_manager.model import Verdict
from telephony.errors import CallEnded
from tests.ivr.endings import (
    ANSWER,
    MOST_STEPS,
    NOANSWER,
    SCRIPTS,
    check,
    hangs_up,
    lead,
    stopped_at,
)
from tests.ivr.script import LONG_S, NOON, SEAT, Script, World, in_virtual_time
from tickets.model import Origin


@in_virtual_time
async def test_the_place_survives_the_engine() -> None:
    """The new engine queues him with the time of his first queueing, and asks nothing again."""
    world = World(replace(SCRIPTS["nobody free"], digits=["4"]))
    assert await stopped_at(world, 4)
    assert world.call.variables["STAGE"] == "queued"
    before = list(world.call.said)
    world.engine()
    world.desk.clock.time = NOON.replace(minute=7)  # type: ignore[attr-defined]  # our fake
    world.call.come_back()
    await lead(world)
    assert world.place.caller.queued_at == NOON
    assert {need.skill for need in world.place.caller.needs.needs()} == {"lang:en", "svc:general"}
    assert "welcome" not in world.call.said[len(before) :]
    assert world.row.queued_at == NOON


@in_virtual_time
async def test_a_talk_that_outlived_its_engine_is_not_queued_again() -> None:
    world = World(SCRIPTS["talk"])
    assert await stopped_at(world, 3)  # the talk
    world.call.dialstatus = "ANSWER"
    world.engine()
    world.call.come_back()
    await lead(world)
    assert world.queue.places == []
    assert world.row.outcome is Outcome.ANSWERED
    assert world.row.seat_id == "8001"
    assert world.ticket is not None
    assert world.ticket.origin is Origin.TALK
    assert world.call.done


@in_virtual_time
async def test_what_was_recorded_before_the_engine_died_is_only_confirmed() -> None:
    world = World(replace(SCRIPTS["after hours"], digits=["", "1"], takes=[6.0]))
    assert await stopped_at(world, 5)  # playing back
    said = len(world.call.said)
    world.engine()
    world.call.come_back()
    await lead(world)
    assert "request_intro" not in world.call.said[said:]
    assert world.ticket is not None
    assert (world.ticket.voice_s, world.ticket.confirmed) == (6.0, True)


@in_virtual_time
async def test_a_broken_session_is_not_a_hang_up() -> None:
    """The wire breaks while he waits: the dialplan brings him back, no ticket of an abandoned."""
    world = World(replace(SCRIPTS["nobody free"], seats=[ANSWER]))
    world.queue._offers.clear()
    call = world.call
    call.hang_up_at = 4
    call.leave = lambda: setattr(call, "gone", True)  # type: ignore[method-assign]  # no /hangup
    first = asyncio.ensure_future(converse(call, world.desk))
    while not call.gone:
        await asyncio.sleep(1)
    call.gone, call.hang_up_at = False, 0
    world.queue._offers.append(SEAT)
    call.come_back()
    await lead(world)
    with pytest.raises(CallEnded):
        await first
    assert world.row.outcome is Outcome.ANSWERED
    assert {ticket.origin for ticket in world.office.tickets.values()} == {Origin.TALK}
    assert len(world.desk.live) == 0


@in_virtual_time
async def test_an_answer_nobody_told_us_of_is_believed_from_the_channel() -> None:
    """AMI away, the seat answers, the caller hangs up first: a talk, not an abandoned call."""
    world = await hangs_up(SCRIPTS["talk, told late"], 4)
    assert world.row.outcome is Outcome.ANSWERED
    assert world.place.events == ["answered", "talk_ended"]


@in_virtual_time
async def test_an_unanswered_transfer_hung_up_on_is_called_back() -> None:
    world = await hangs_up(SCRIPTS["emergency"], 3)
    assert world.row.outcome is Outcome.ABANDONED
    world = await hangs_up(SCRIPTS["emergency"], 4)
    assert world.row.outcome is Outcome.TRANSFERRED


@in_virtual_time
async def test_the_hangup_word_comes_twice() -> None:
    """`/hangup` for a call that is over writes nothing again."""
    world = await hangs_up(SCRIPTS["nobody free"], LONG_S)
    creates = world.office.creates
    assert await hang_up(world.call.seen(), world.desk) is None
    assert (len(world.office.rows), world.office.creates) == (1, creates)


@in_virtual_time
async def test_no_word_from_the_dialplan_is_no_excuse() -> None:
    """Asterisk itself is gone: after a while the books are written all the same."""
    world = World(SCRIPTS["nobody free"])
    call = world.call
    call.hang_up_at = 5
    call.leave = lambda: setattr(call, "gone", True)  # type: ignore[method-assign]  # no /hangup
    await lead(world)
    check(world)
    assert world.row.outcome is Outcome.ABANDONED


@in_virtual_time
async def test_our_own_error_gives_the_place_up_and_writes_nothing() -> None:
    """A mistake of ours must leave no ghost in the queue; the dialplan brings him back."""
    world = World(SCRIPTS["nobody free"])

    def position() -> int:
        raise RuntimeError("ours")

    entered = world.queue.enter

    def enter(caller):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        place = entered(caller)
        place.position = position
        return place

    world.queue.enter = enter  # type: ignore[method-assign]  # as above
    with pytest.raises(RuntimeError):
        await lead(world)
    assert world.place.events == ["left abandoned"]
    assert (world.office.rows, world.office.tickets) == ([], {})
    assert len(world.desk.live) == 0


@in_virtual_time
async def test_a_stop_while_the_books_are_written_loses_nothing() -> None:
    """Cancelled in the middle of settling: it is finished first."""
    world = World(SCRIPTS["nobody free"])
    started, go_on = asyncio.Event(), asyncio.Event()
    create = world.office.create

    async def slow(new):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        started.set()
        await go_on.wait()
        return await create(new)

    world.office.create = slow  # type: ignore[method-assign]  # as above
    world.call.hang_up_at = 5
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.wait_for(started.wait(), LONG_S)
    leading.cancel()
    await asyncio.sleep(0)
    leading.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await leading
    check(world)
    assert world.row.outcome is Outcome.ABANDONED
    assert world.call.dialplan is not None
    await world.call.dialplan


@in_virtual_time
async def test_a_draft_that_fails_is_made_up_for() -> None:
    """The ticket office raises while the talk begins: the talk goes on, the ticket comes after."""
    world = World(SCRIPTS["talk"])
    create = world.office.create
    failures = iter([RuntimeError("ours")])

    async def failing(new):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        for failure in failures:
            raise failure
        return await create(new)

    world.office.create = failing  # type: ignore[method-assign]  # as above
    await lead(world)
    check(world)
    assert world.row.ticket == "261121000042"


@in_virtual_time
async def test_a_hang_up_while_the_draft_is_written_makes_no_second_ticket() -> None:
    """The database is slow, the caller is quick: one ticket is written, and its number kept."""
    world = World(SCRIPTS["talk"])
    create = world.office.create

    async def slow(new):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        await asyncio.sleep(2)
        return await create(new)

    async def dial(endpoint, *, ring_s, on_answer, variables=None):  # type: ignore[no-untyped-def]  # as above
        world.call.variables.update(variables)
        telling = asyncio.ensure_future(on_answer(NOON))
        await asyncio.sleep(1)
        world.call.dialstatus = ANSWER
        world.call.leave()
        telling.cancel()  # the door may not wait for us
        raise CallEnded("hangup")

    world.office.create = slow  # type: ignore[method-assign]  # as above
    world.call.dial = dial  # type: ignore[method-assign]  # as above
    await lead(world)
    check(world)
    assert world.office.creates == 1
    assert world.row.ticket == "261121000042"


@in_virtual_time
async def test_a_seat_whose_talk_lost_its_session_wraps_up() -> None:
    """The wire breaks while they talk; the caller comes back to us when the talk is over."""
    world = World(SCRIPTS["talk"])
    call = world.call
    call.hang_up_at = 3
    call.leave = lambda: setattr(call, "gone", True)  # type: ignore[method-assign]  # no /hangup
    first = asyncio.ensure_future(converse(call, world.desk))
    while not call.gone:
        await asyncio.sleep(0.1)
    call.gone, call.hang_up_at = False, 0
    call.come_back()
    await lead(world)
    with pytest.raises(CallEnded):
        await first
    assert world.place.events == ["answered", "talk_ended"]
    assert world.row.outcome is Outcome.ANSWERED
    assert len(world.office.tickets) == 1


@in_virtual_time
async def test_a_number_that_was_told_half_is_told_again_and_nothing_else() -> None:
    """The engine stops while it speaks the number: the next one asks and writes nothing again."""
    world = World(replace(SCRIPTS["after hours"], digits=["", "1"], takes=[6.0]))
    assert await stopped_at(world, 9)
    assert world.call.variables["TICKET"] == "261121000042"
    said = len(world.call.said)
    world.engine()
    world.call.come_back()
    await lead(world)
    assert world.call.said[said] == "ticket_number"
    assert world.office.creates == 1
    check(world)


@in_virtual_time
async def test_a_callback_keeps_the_place_through_the_end_of_an_engine() -> None:
    """Killed at every step after he has confirmed: taken once, with the place he had."""
    script = SCRIPTS["callback"]
    for step in range(1, MOST_STEPS):
        world = World(script)
        if not await stopped_at(world, step):
            return
        confirmed = world.call.variables.get("STAGE") == "callback"
        world.engine()
        world.desk.clock.time = NOON.replace(minute=9)  # type: ignore[attr-defined]  # our fake
        world.call.come_back()
        await lead(world)
        check(world)
        if confirmed:
            (taken,) = world.callbacks.taken.values()
            assert (taken.queued_at, taken.number_e164) == (NOON, "+8613800138000")
            assert str(taken.needs) == "lang:cmn & svc:general"
            assert world.queue.places == []


@in_virtual_time
async def test_who_hangs_up_right_after_confirming_is_called_back() -> None:
    """Also when nobody leads him any more: the channel tells `/hangup` what he wanted."""
    world = World(SCRIPTS["callback"])
    step = 1
    while world.call.variables.get("STAGE") != "callback":
        world = World(SCRIPTS["callback"])
        assert await stopped_at(world, step)
        step += 1
    world.engine()
    await hang_up(world.call.seen(), world.desk)
    check(world)
    assert world.row.outcome is Outcome.CALLBACK


@in_virtual_time
async def test_a_seat_that_answers_too_late_is_let_go_and_the_caller_waits_on() -> None:
    """REFUSED: the seat was another caller's by then; no talk, no ticket of one, the place kept."""
    world = World(Script(seats=[ANSWER, ANSWER]))
    entered = world.queue.enter

    def enter(caller):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        place = entered(caller)
        answered = place.answered

        def refuse(offer):  # type: ignore[no-untyped-def]  # as above
            place.answered = answered
            place._pending = None
            return Verdict.REFUSED

        place.answered = refuse
        return place

    world.queue.enter = enter  # type: ignore[method-assign]  # as above
    await lead(world)
    check(world)
    assert world.call.let_go == 1
    assert world.place.events == ["answered", "talk_ended"]
    assert world.office.creates == 1


@in_virtual_time
async def test_an_offer_taken_back_stops_the_ring_and_isnt_reported_as_missed() -> None:
    """A supervisor, a lost telephone: the seat stops ringing, the next one rings."""
    world = World(Script(seats=[NOANSWER, ANSWER]))
    dial = world.call.dial

    async def dialling(endpoint, **how):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        if world.call.rung == 0:
            world.place._pending = None
            world.place.back.set_result(None)
            await asyncio.sleep(0)
        return await dial(endpoint, **how)

    world.call.dial = dialling  # type: ignore[method-assign]  # as above
    await lead(world)
    check(world)
    assert world.call.let_go == 1
    assert world.place.events == ["answered", "talk_ended"]
