"""The engine dies while a seat rings: the seat answers all the same, and only this one caller."""

import asyncio
from collections.abc import Iterator

import pytest

from simulator.audio import speech_like
from simulator.citizens import Citizen, LiveCall
from simulator.seats import Account, Manners, Seats
from tests.e2e.books import call_of
from tests.e2e.installation import TENANTS, Installation

VOICE = speech_like(120, "ulaw")
RING_S = 8.0


@pytest.fixture(scope="module")
def hotline() -> Iterator[Installation]:
    """An installation whose seats may ring for long."""
    with Installation(TENANTS.replace("ring_s = 4", "ring_s = 30"), agi_tries=60) as installation:
        installation.cli("hours", "set", "open")
        yield installation


async def _person_wanted(call: LiveCall) -> None:
    await call.answered()
    await call.hear(0.1)  # a key that comes before the first word is lost
    call.press("0")


async def test_a_seat_that_rings_through_a_restart_is_nobody_elses(hotline: Installation) -> None:
    """SIGKILL while the seat rings. It is offered to no second caller, answers the first: that is
    a talk with its draft at once, and its end lets the second caller through."""
    account: Account = await asyncio.to_thread(hotline.add_seat, "1001")
    slow = Manners(ring_s=RING_S, talk_s=None)
    first, second = "13911110001", "13911110002"
    async with Seats([account], sip=hotline.sip, usual=slow) as seats:
        await asyncio.to_thread(
            hotline.wait, lambda: hotline.seat_state("1001") == "ready", "the seat"
        )
        async with Citizen(first, hotline.sip).dial("12345", voice=VOICE, loop=True) as one:
            await _person_wanted(one)
            await seats.wait_for("rang")
            hotline.kill("engine")
            async with Citizen(second, hotline.sip).dial("12345", voice=VOICE, loop=True) as two:
                await two.answered()
                talk = await seats.wait_for("answered")
                ticket = await asyncio.to_thread(hotline.ticket_of, first)
                assert ticket["origin"] == "talk"
                await asyncio.to_thread(
                    hotline.wait, lambda: hotline.seat_state("1001") == "talking", "the talk"
                )
                await asyncio.to_thread(
                    hotline.wait, lambda: hotline.board()["waiting"] == 1, "the second caller"
                )
                assert len([e for e in seats.events if e.word == "rang"]) == 1, seats.events
                seen = len(seats.events)
                seats.usual = Manners(ring_s=0.2, talk_s=None)
                seats.hang_up(talk)
                await seats.wait_for("answered", seen=seen, within_s=40)
                two.hang_up()
                await two.ended()
    assert call_of(hotline.home, first)["outcome"] == "answered"
    assert call_of(hotline.home, second)["outcome"] == "answered"
    hotline.no_channels_left()
