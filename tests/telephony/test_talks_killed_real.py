"""The engine is killed in the middle of talks: nobody is dropped, nobody is left in silence."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.talks import TalkTarget, TalkVerb
from queue_manager.model import SeatState
from tests.telephony.peers import eventually
from tests.telephony.talk_house import House, house

pytestmark = pytest.mark.e2e

TENANT = "default"
OTHER = TalkTarget("seat", "8002")
ALL = {"citizen": {"8001", "8002"}, "s8001": {"citizen", "8002"}, "s8002": {"citizen", "8001"}}


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, "8001", "8002") as made:
        made.engine.queue.pause("8002", "other")
        yield made


async def killed(home: House) -> None:
    """SIGKILL, and a new engine that knows nothing."""
    await home.kill_engine()
    await home.start_engine()


async def test_killed_in_a_consultation(home: House) -> None:
    """The seats speak on; with the new engine the citizen has his first seat again, the other one
    is let go. Both count as talking from the first moment."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.CONSULT, OTHER)
        await home.talk_is(call_id, "consulting")
        await home.kill_engine()
        await home.hears(citizen=set(), s8001={"8002"}, s8002={"8001"})
        await home.start_engine()
        await home.hears(citizen={"8001"}, s8001={"citizen"}, s8002=set())
        assert home.state("8001") is SeatState.TALKING
        await home.is_("8002", SeatState.WRAP_UP)
        await home.board.act(TENANT, call_id, TalkVerb.CONSULT, TalkTarget("number", "110"))
        await home.talk_is(call_id, "consulting")
        await home.board.act(TENANT, call_id, TalkVerb.CANCEL, None)
        await home.hears(citizen={"8001"}, s8001={"citizen"}, far=set())
        await home.phones["citizen"].hang_up()
        await home.is_("8001", SeatState.WRAP_UP)
    row = await home.row()
    assert (row.outcome, row.seat_id) == ("answered", "8001")
    assert len(home.office.tickets) == 1
    await home.stack.no_channels()


async def test_killed_while_the_other_seat_rings(home: House) -> None:
    """It may answer meanwhile: the citizen has his first seat all the same."""
    home.phones["8002"].answers = False
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.CONSULT, OTHER)
        await home.phones["8002"].happens("rang")
        await home.kill_engine()
        home.phones["8002"].pick_up()
        await home.hears(s8001={"8002"}, s8002={"8001"})
        await home.start_engine()
        await home.hears(citizen={"8001"}, s8001={"citizen"}, s8002=set())


async def test_killed_in_a_consultation_and_both_seats_leave(home: House) -> None:
    """Nobody has the citizen any more: he waits in his queue with the time he came."""
    async with home.citizen() as call_id:
        talk = home.engine.talks.find(call_id)
        assert talk is not None
        came = talk.story.queued_at
        assert came is not None
        await home.board.act(TENANT, call_id, TalkVerb.CONSULT, OTHER)
        await home.talk_is(call_id, "consulting")
        await home.kill_engine()
        await home.phones["8001"].hang_up()
        await home.phones["8002"].hang_up()
        await home.start_engine()
        await eventually(
            lambda: home.engine.queue.waiting().count == 1, "never queued", within_s=25
        )
        [waiting] = home.engine.queue.callers()
        assert abs((waiting.queued_at - came).total_seconds()) < 0.01
        home.engine.queue.ready("8001")
        await home.hears(citizen={"8001"}, s8001={"citizen"})
    assert (await home.row()).outcome == "answered"
    assert len(home.office.tickets) == 1


async def test_killed_after_a_transfer(home: House) -> None:
    """The talk with the second seat goes on untouched; the new engine knows who talks, and takes
    its end for the end."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.CONSULT, OTHER)
        await home.talk_is(call_id, "consulting")
        await home.board.act(TENANT, call_id, TalkVerb.COMPLETE, None)
        await home.hears(citizen={"8002"}, s8002={"citizen"})
        await killed(home)
        await home.hears(citizen={"8002"}, s8002={"citizen"})
        assert home.state("8002") is SeatState.TALKING
        await home.phones["8002"].hang_up()
        await home.phones["citizen"].happens("other_left")
        await home.is_("8002", SeatState.WRAP_UP)
    row = await home.row()
    assert (row.outcome, row.seat_id) == ("answered", "8002")
    await home.stack.no_channels()


@pytest.mark.parametrize("leaves", ["8001", "8002"])
async def test_killed_in_a_three_way(home: House, leaves: str) -> None:
    """All three speak on; whoever leaves, the other one keeps the citizen."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.CONSULT, OTHER)
        await home.talk_is(call_id, "consulting")
        await home.board.act(TENANT, call_id, TalkVerb.JOIN, None)
        await home.hears(**ALL)
        await killed(home)
        await home.hears(**ALL)
        assert home.state("8001") is home.state("8002") is SeatState.TALKING
        stays = "8002" if leaves == "8001" else "8001"
        await home.phones[leaves].hang_up()
        await home.is_(leaves, SeatState.WRAP_UP)
        await home.hears(**{"citizen": {stays}, f"s{stays}": {"citizen"}})
        assert home.state(stays) is SeatState.TALKING
        await home.phones[stays].hang_up()
        await home.phones["citizen"].happens("other_left")


@pytest.mark.parametrize("verb", [TalkVerb.CONSULT, TalkVerb.TRANSFER])
async def test_a_talk_that_an_engine_before_began(home: House, verb: TalkVerb) -> None:
    """It is listed, and may be handed on as any other."""
    async with home.citizen() as call_id:
        await killed(home)
        [view] = home.board.talks(TENANT)
        assert (view.call_id, view.seat_id, view.line_id) == (call_id, "8001", "general")
        home.engine.queue.pause("8002", "other")
        await home.board.act(TENANT, call_id, verb, OTHER)
        if verb is TalkVerb.CONSULT:
            await home.talk_is(call_id, "consulting")
            await home.hears(citizen=set(), s8001={"8002"}, s8002={"8001"})
            await home.board.act(TENANT, call_id, TalkVerb.COMPLETE, None)
            await home.hears(citizen={"8002"}, s8002={"citizen"})
        await home.is_("8001", SeatState.WRAP_UP)
    row = await home.row()
    assert row.outcome == "answered"
    assert row.seat_id == ("8002" if verb is TalkVerb.CONSULT else "8001")
    await home.stack.no_channels()


async def test_killed_while_he_is_handed_to_a_queue(home: House) -> None:
    """He keeps his place through it; and nobody takes his first talk for not having been."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.TRANSFER, TalkTarget("queue", "main"))
        await eventually(lambda: home.engine.queue.waiting().count == 1, "never queued")
        await killed(home)
        await eventually(
            lambda: home.engine.queue.waiting().count == 1, "never queued again", within_s=25
        )
        await home.phones["citizen"].hang_up()
    row = await home.row()
    assert (row.outcome, row.seat_id) == ("answered", "8001")


async def test_the_citizen_leaves_while_no_engine_is_there(home: House) -> None:
    """The seats' legs end when the new engine finds nobody to join them with."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.CONSULT, OTHER)
        await home.talk_is(call_id, "consulting")
        await home.kill_engine()
        await home.phones["citizen"].hang_up()
        await home.phones["citizen"].happens("hung_up")
        await home.phones["8002"].hang_up()
        await home.start_engine()
        await home.phones["8001"].happens("caller_left")
    await home.stack.no_channels()


async def test_the_manager_interface_falls_in_a_consultation(home: House) -> None:
    """A hang-up that nobody told is found when the interface is back."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.CONSULT, OTHER)
        await home.talk_is(call_id, "consulting")
        await home.stack.cli("manager reload")
        links = home.engine.telephony.ami
        links._events.drop("test")
        await home.phones["8002"].hang_up()
        await home.hears(citizen={"8001"}, s8001={"citizen"})
        await home.is_("8002", SeatState.WRAP_UP)
