"""A seat picks up while its ring is being ended: he keeps the talk, or his place."""

import asyncio

import pytest

from ivr.ports import Outcome
from telephony.call import DialStatus
from tests.ivr.endings import ANSWER, NOANSWER, check, lead
from tests.ivr.script import Script, World, in_virtual_time


def ending(*, cut: bool, leaves: bool = False, first: DialStatus = ANSWER) -> World:
    """The first offer is taken back, and its seat picks up all the same: `cut` when the hang-up is
    on its way by then; `leaves`: the citizen hangs up in that very moment."""
    world = World(Script(seats=[first, ANSWER]))
    world.call.cut = cut
    dial = world.call.dial

    async def dialling(endpoint, **how):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        if world.call.rung == 0:
            if cut:
                world.place._pending = None
            world.place.back.set_result(None)
            await asyncio.sleep(0)
            world.call.variables.update(how["variables"])
            world.call.variables["STAGE"] = "queued" if cut else "dialing"
            world.call.hang_up_at = world.call.steps + 2 if leaves else 0
            how["variables"] = {}
        return await dial(endpoint, **how)

    world.call.dial = dialling  # type: ignore[method-assign]  # as above
    return world


@in_virtual_time
async def test_before_the_hang_up_is_sent_he_keeps_the_talk() -> None:
    world = ending(cut=False)
    await lead(world)
    check(world)
    assert world.place.events == ["answered", "talk_ended"]
    assert (len(world.call.dialled), world.call.let_go) == (1, 1)


@in_virtual_time
async def test_once_the_hang_up_is_sent_he_waits_on_at_his_place() -> None:
    """Another seat is rung for him; the first one's answer is no talk, no ticket, no miss."""
    world = ending(cut=True)
    await lead(world)
    check(world)
    assert len(world.queue.places) == 1
    assert world.place.events == ["answered", "talk_ended"]
    assert (len(world.call.dialled), world.office.creates) == (2, 1)


@pytest.mark.parametrize(("cut", "outcome"), [(True, Outcome.ABANDONED), (False, Outcome.ANSWERED)])
@in_virtual_time
async def test_who_hangs_up_in_that_moment_is_called_back_unless_he_talked(
    cut: bool, outcome: Outcome
) -> None:
    world = ending(cut=cut, leaves=True)
    await lead(world)
    check(world)
    assert world.row.outcome is outcome


@in_virtual_time
async def test_the_end_of_a_ring_never_meets_the_next_one() -> None:
    """It rang to its end before Asterisk was told: what is still to be said is called off."""
    world = ending(cut=True, first=NOANSWER)
    await lead(world)
    check(world)
    assert (len(world.call.dialled), world.call.let_go, world.call.spared) == (2, 1, 1)
    assert world.row.outcome is Outcome.ANSWERED
