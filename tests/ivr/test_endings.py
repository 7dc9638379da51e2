"""Whatever happens at whatever step: one row, one ticket where one is due, one end of the place.

The caller hangs up at step N, or the engine is stopped at step N and the caller comes back to a
new one, or hangs up while there is none: for every N of every script, and for random scripts.
"""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.conversation import converse, hang_up
from ivr.ports import Outcome
from queue_manager.model import Verdict
from telephony.call import DialStatus
from telephony.errors import CallEnded
from tests.ivr.script import NIGHT, NOON, SEAT, Script, World, in_virtual_time
from tests.queue_manager.virtual_time import run
from tickets.model import Origin

ANSWER, BUSY, NOANSWER = DialStatus.ANSWER, DialStatus.BUSY, DialStatus.NOANSWER
SCRIPTS = {
    "talk": Script(seats=[ANSWER]),
    "talk, told late": Script(seats=[ANSWER], hears_ami=False),
    "third seat": Script(digits=["2"], seats=[NOANSWER, BUSY, ANSWER]),
    "wrong keys": Script(digits=["7", "7"], seats=[ANSWER]),
    "nobody free": Script(),
    "voice request from the queue": Script(digits=["", "2", "1"], takes=[6.0]),
    "silent request from the queue": Script(digits=["", "2"]),
    "callback": Script(digits=["", "1", "1"]),
    "callback to another number": Script(digits=["", "1", "2", *"13900139000", "#", "1"]),
    "callback, then not": Script(digits=["", "1", ""]),
    "callback that can't be promised": Script(digits=["", "1", "1"], callbacks_away=True),
    "after hours": Script(now=NIGHT, digits=["", "2", "1"], takes=[6.0, 3.0]),
    "after hours, silent": Script(now=NIGHT),
    "after hours, a person": Script(now=NIGHT, digits=["0", "1"], takes=[4.0]),
    "after hours, SQL away": Script(now=NIGHT, digits=["", "1"], takes=[4.0], sql_away=True),
    "emergency": Script(called="110", transfers=[ANSWER]),
    "utility, then a seat": Script(called="95598", seats=[ANSWER]),
    "unknown number": Script(called="4711"),
}
OUTCOMES_WITH_TICKET = {
    Outcome.ANSWERED,
    Outcome.ABANDONED,
    Outcome.VOICE_REQUEST,
    Outcome.CALLBACK,
}
MOST_STEPS = 60
LONG_S = 86_400.0


async def lead(world: World) -> None:
    """One engine's conversation to its end, and the dialplan's word after it."""
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    if world.call.dialplan is not None:
        await asyncio.wait_for(world.call.dialplan, LONG_S)


async def stopped_at(world: World, step: int) -> bool:
    """Lead until the engine is stopped at a step; False when the call ended before."""
    world.call.stop_at = step
    leading = asyncio.ensure_future(lead(world))
    stopped = asyncio.ensure_future(world.call.stopped.wait())
    await asyncio.wait({leading, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    await asyncio.wait({stopped})
    if not world.call.stopped.is_set():
        await leading
        return False
    leading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leading
    return True


def check(world: World) -> None:
    """The promises that hold after any end."""
    assert len(world.office.rows) == 1, "one row per call"
    row = world.row
    assert (world.ticket is not None) == (row.outcome in OUTCOMES_WITH_TICKET)
    if world.ticket is not None:
        wanted = {
            Outcome.ANSWERED: Origin.TALK,
            Outcome.ABANDONED: Origin.ABANDONED,
            Outcome.VOICE_REQUEST: Origin.VOICE_REQUEST,
            Outcome.CALLBACK: Origin.CALLBACK,
        }
        assert world.ticket.origin is wanted[row.outcome]
    assert bool(world.callbacks.taken) == (row.outcome is Outcome.CALLBACK)
    for place in world.queue.places:
        assert place.ends == 1, f"a place ends once: {place.events}"
        assert ("answered" in place.events) == ("talk_ended" in place.events)
    if world.queue.places:
        assert row.queued_at is not None
    if any(world.voice.files.values()) and row.outcome is not Outcome.ANSWERED:
        assert row.outcome is Outcome.VOICE_REQUEST, "what was said is kept"
        assert world.ticket is not None
        assert world.ticket.voice_s > 0
    assert len(world.desk.live) == 0


def check_nobody_else_runs() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others, others


async def hangs_up(script: Script, step: int) -> World:
    world = World(script)
    world.call.hang_up_at = step
    await lead(world)
    check(world)
    return world


async def is_stopped(script: Script, step: int, *, returns: bool) -> World:
    """The engine stops at a step. Nothing is finished by it; a new engine brings it to an end,
    with the caller still there, or after he hung up in between."""
    world = World(script)
    if await stopped_at(world, step):
        check_left_alone(world)
        world.engine()
        world.call.come_back()
        if returns:
            await lead(world)
        else:
            await hang_up(world.call.info, world.desk)
    check(world)
    return world


def check_left_alone(world: World) -> None:
    """A stopping engine ends nothing: no row (before the last word), nobody counted abandoned."""
    assert world.call.finishing or world.office.rows == []
    events = [event for place in world.queue.places for event in place.events]
    assert "left abandoned" not in events
    if "left voice_request" not in events and "left callback" not in events:
        origins = {ticket.origin for ticket in world.office.tickets.values()}
        assert Origin.ABANDONED not in origins


@pytest.mark.parametrize("name", SCRIPTS)
@in_virtual_time
async def test_a_hang_up_at_every_step(name: str) -> None:
    for step in range(1, MOST_STEPS):
        world = await hangs_up(SCRIPTS[name], step)
        check_nobody_else_runs()
        if world.call.steps < step:
            return
    pytest.fail("the script never came to its end")


@pytest.mark.parametrize("returns", [True, False], ids=["comes back", "hangs up meanwhile"])
@pytest.mark.parametrize("name", SCRIPTS)
@in_virtual_time
async def test_the_engine_stopped_at_every_step(name: str, returns: bool) -> None:
    for step in range(1, MOST_STEPS):
        world = await is_stopped(SCRIPTS[name], step, returns=returns)
        check_nobody_else_runs()
        if not world.call.stopped.is_set():
            return
    pytest.fail("the script never came to its end")


scripts = st.builds(
    Script,
    called=st.sampled_from(["12345", "12333", "110", "95598", "4711"]),
    now=st.sampled_from([NOON, NIGHT]),
    digits=st.lists(st.sampled_from(["", "", "0", "1", "2", "4", "9", "#"]), max_size=8),
    seats=st.lists(st.sampled_from(DialStatus), max_size=3),
    transfers=st.lists(st.sampled_from([ANSWER, BUSY]), max_size=2),
    takes=st.lists(st.sampled_from([0.0, 0.5, 4.0, 60.0]), max_size=5),
    sql_away=st.booleans(),
    hears_ami=st.booleans(),
    callbacks_away=st.booleans(),
)


@settings(max_examples=500, deadline=None)
@given(script=scripts, step=st.integers(1, 40))
def test_random_calls_hung_up_anywhere(script: Script, step: int) -> None:
    run(_and_alone(hangs_up(script, step)))


@settings(max_examples=500, deadline=None)
@given(script=scripts, step=st.integers(1, 40), returns=st.booleans())
def test_random_calls_with_the_engine_stopped_anywhere(
    script: Script, step: int, returns: bool
) -> None:
    run(_and_alone(is_stopped(script, step, returns=returns)))


async def _and_alone(call) -> None:  # type: ignore[no-untyped-def]  # either of the two above
    await call
    check_nobody_else_runs()


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
