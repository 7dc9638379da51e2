"""Citizens and seats against a real Asterisk: real SIP, real sound, real keys."""

import asyncio
import time

import pytest

from simulator.audio import speech_like
from simulator.citizens import Citizen
from simulator.errors import ProgramFailed, ProgramMissing, StepMissed
from simulator.seats import Account, Manners, Seats
from simulator.sipp import Address
from tests.simulator.conftest import ACCOUNT
from tests.stack import AsteriskStack

pytestmark = pytest.mark.e2e
VOICE = speech_like(2.0, "ulaw")
NUMBER = "13912345678"


async def test_a_talk_is_heard_both_ways_and_ended_by_the_seat(
    stack: AsteriskStack, sip: Address
) -> None:
    """The seat echoes: the citizen hears himself for as long as the talk lasts."""
    async with Seats([ACCOUNT], sip=sip, usual=Manners(ring_s=0.2, talk_s=1.5)) as seats:
        outcome = await Citizen(NUMBER, sip).call("101", voice=VOICE)
        assert [event.word for event in seats.events] == ["rang", "answered", "hung_up"]
        assert seats.events[0].values[1:] == ("1001", NUMBER)
    assert outcome.answered
    assert outcome.ended_by == "hotline"
    assert outcome.heard_voice_s > 0.8
    assert 1.5 < outcome.lasted_s < 4
    await stack.no_channels()


async def test_the_citizen_hangs_up(stack: AsteriskStack, sip: Address) -> None:
    async with Seats([ACCOUNT], sip=sip, usual=Manners(ring_s=0.0, talk_s=None)) as seats:
        begun = time.monotonic()
        outcome = await Citizen(NUMBER, sip).call("101", voice=VOICE, talk_s=1.0)
        left = await seats.wait_for("caller_left", "1001")
    assert outcome.ended_by == "citizen"
    assert 0.9 < outcome.lasted_s < left.at - begun
    await stack.no_channels()


async def test_a_seat_may_leave_it_ringing_or_be_busy(stack: AsteriskStack, sip: Address) -> None:
    async with Seats([ACCOUNT], sip=sip, usual=Manners(answers=False)) as seats:
        await Citizen(NUMBER, sip).call("102", voice=VOICE)
        await seats.wait_for("cancelled", "1001")
        seen = len(seats.events)
        seats.manners = {"1001": Manners(ring_s=0.0, busy=True)}
        await Citizen(NUMBER, sip).call("102", voice=VOICE)
        assert [event.word for event in seats.events[seen:]] == ["rang", "refused"]


async def test_a_seat_told_to_answers_and_hangs_up(stack: AsteriskStack, sip: Address) -> None:
    """A test may hold the seat's hand: nothing happens until it says so."""
    async with Seats([ACCOUNT], sip=sip, usual=Manners(answers=False, talk_s=None)) as seats:
        async with Citizen(NUMBER, sip).dial("101", voice=VOICE, loop=True) as call:
            seats.answer(await seats.wait_for("rang"))
            talk = await seats.wait_for("answered")
            await call.hear(0.5)
            seats.hang_up(talk)
            outcome = await call.ended(within_s=20)
        assert outcome.ended_by == "hotline"


async def test_asterisk_reads_the_keys_that_were_pressed(sip: Address) -> None:
    """Only the right keys, in their order, lead to the two prompts."""
    citizen = Citizen(NUMBER, sip)
    right = await citizen.call("103", digits=[(0.3, "17"), (1.0, "9"), (1.2, "#")])
    wrong = await citizen.call("103", digits=[(0.3, "71"), (1.0, "9"), (1.2, "#")])
    assert right.heard_voice_s > 0.5
    assert wrong.heard_voice_s < 0.1


async def test_what_a_trunk_adds_arrives(sip: Address) -> None:
    """P-Asserted-Identity and Diversion reach the dialplan word for word."""
    citizen = Citizen(NUMBER, sip, asserted="<sip:139@x>", diversion="<sip:12333@x>")
    assert (await citizen.call("104")).heard_voice_s > 0.2


async def test_a_refusal_is_an_outcome(sip: Address) -> None:
    """The call's SIP status tells; waiting for an answer that can't come is an error."""
    outcome = await Citizen("", sip).call("105")
    assert (outcome.answered, outcome.ended_by) == (False, "nobody")
    assert outcome.refused in (403, 404, 500, 503, 603)
    async with Citizen("", sip).dial("105") as call:
        with pytest.raises(StepMissed, match="refused with"):
            await call.answered()


async def test_leaving_the_block_ends_the_call(stack: AsteriskStack, sip: Address) -> None:
    """Whatever a test does, no channel stays behind."""
    async with Seats([ACCOUNT], sip=sip, usual=Manners(ring_s=0.0, talk_s=None)) as seats:
        async with Citizen(NUMBER, sip).dial("101") as call:
            await seats.wait_for("answered")
            with pytest.raises(StepMissed, match="didn't hear"):
                await call.hear(5, within_s=0.5)
        await stack.no_channels()


async def test_many_citizens_call_at_once(stack: AsteriskStack, sip: Address) -> None:
    async with Seats([ACCOUNT], sip=sip, usual=Manners(ring_s=0.0, talk_s=2.0)):
        calls = [Citizen(f"1390000{i:04}", sip).call("101", voice=VOICE) for i in range(12)]
        outcomes = await asyncio.gather(*calls)
    assert all(outcome.heard_voice_s > 0.5 for outcome in outcomes)
    await stack.no_channels()


async def test_a_wrong_password_is_told(sip: Address) -> None:
    with pytest.raises(ProgramFailed, match="couldn't register"):
        async with Seats([Account("1001", "wrong")], sip=sip):
            pass


async def test_without_sipp_it_says_what_to_install(
    sip: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ProgramMissing, match="sip-tester"):
        await Citizen(NUMBER, sip).call("101")
