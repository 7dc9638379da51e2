"""Seats' telephones that are nowhere, unplugged or two, at a real Asterisk."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from simulator.audio import speech_like
from simulator.seats import Account, Manners, Seats, register
from simulator.sipp import Address, free_port
from telephony.call import DialResult, DialStatus
from telephony.errors import CallEnded
from telephony.events import EndpointReachable, SecondPhone
from telephony.session import FastAgiCall
from tests.manager import manager
from tests.stack import AsteriskStack, asterisk_stack, seat, trunk
from tests.telephony.peers import eventually
from tests.telephony.real import Engine, citizen, door, nothing

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

ACCOUNT = Account("s1", "secret-1")
VOICE = speech_like(20, "ulaw")
NOWHERE, ELSEWHERE = "127.0.0.8", "127.0.0.7"
SELDOM = "[s1](+type=aor)\nqualify_frequency = 3600\n"
"""Only what the engine asks for is found out in time."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskStack]:
    async with asterisk_stack(
        tmp_path_factory.mktemp("phones"),
        trunks=(trunk("city", trusted=True),),
        seats=(seat(ACCOUNT.endpoint, ACCOUNT.password),),
        extra=(("pjsip_seats.conf", SELDOM),),
        agi_tries=20,
    ) as running:
        yield running


def phones(stack: AsteriskStack, ip: str = "127.0.0.3") -> Seats:
    usual = Manners(ring_s=0.1, talk_s=None)
    return Seats([ACCOUNT], sip=Address("127.0.0.1", stack.sip_port), usual=usual, ip=ip)


async def there(stack: AsteriskStack, engine: Engine) -> None:
    """Its telephone has answered. On a busy machine it may be too slow to, and is asked again."""
    async with manager(stack) as session:
        while True:
            with suppress(TimeoutError):
                await eventually(lambda: reached(engine)[-1:] == [True], "no answer", within_s=5)
                return
            await session.action("PJSIPQualify", Endpoint=ACCOUNT.endpoint)


def reached(engine: Engine) -> list[bool]:
    """What was told of the seat's telephone coming and going."""
    return [e.reachable for e in engine.events if isinstance(e, EndpointReachable)]


async def test_a_seat_registered_from_nowhere_is_never_one_to_ring(
    stack: AsteriskStack, tmp_path: Path
) -> None:
    """Asterisk takes its registration, asks the address, and nobody is there."""
    engine = Engine([])
    async with door(stack, engine), manager(stack) as session:
        sip, dead = Address("127.0.0.1", stack.sip_port), Address(NOWHERE, free_port(NOWHERE))
        await register([ACCOUNT], dead, sip, tmp_path, expires_s=300)
        while (await session.event("ContactStatus"))["ContactStatus"] != "Unreachable":
            pass
        await register([ACCOUNT], dead, sip, tmp_path, expires_s=0)
        while (await session.event("ContactStatus"))["ContactStatus"] != "Removed":
            pass
        async with phones(stack):
            await there(stack, engine)
        await engine.hears(EndpointReachable, lambda told: not told.reachable)
    assert reached(engine) == [True, False]


async def test_an_unplugged_telephone_is_found_out_while_it_rings(stack: AsteriskStack) -> None:
    """Asterisk rings it for as long as it is told to: after three seconds without an answer it is
    asked whether it is there."""
    engine = Engine([_dials(ring_s=40)])
    async with door(stack, engine):
        plugged = phones(stack)
        async with plugged:
            await there(stack, engine)
            await plugged.unplug()
            async with citizen(stack).dial("12345") as call:
                await call.answered()
                await engine.hears(EndpointReachable, lambda told: not told.reachable)
                await call.hear(0.5)  # music
                call.hang_up()
            assert isinstance(await engine.outcome(), CallEnded)
    assert reached(engine) == [True, False]


async def test_a_second_telephone_is_told_cuts_no_talk_and_is_the_one_to_ring(
    stack: AsteriskStack,
) -> None:
    """The talk at the first goes on and is heard; the next call is the second one's."""
    engine = Engine([_dials(ring_s=30), _dials(ring_s=30)])
    async with door(stack, engine), phones(stack) as first:
        await there(stack, engine)
        async with citizen(stack).dial("12345", voice=VOICE, loop=True) as call:
            talk = await first.wait_for("answered")
            async with phones(stack, ELSEWHERE) as second:
                told = await engine.hears(SecondPhone)
                assert told.before.startswith("127.0.0.3:")
                assert told.now.startswith(f"{ELSEWHERE}:")
                await call.hear(0.5)
                async with citizen(stack).dial("12345"):
                    other = await second.wait_for("answered")
                    second.hang_up(other)
                    assert (await engine.outcome()).status is DialStatus.ANSWER
                first.hang_up(talk)
                assert (await engine.outcome()).status is DialStatus.ANSWER
        assert [event.word for event in first.events].count("rang") == 1
    assert reached(engine)[0] is True


def _dials(ring_s: float) -> Any:
    async def lead(call: FastAgiCall) -> DialResult:
        result = await call.dial("s1", ring_s=ring_s, on_answer=nothing)
        await call.finish()
        return result

    return lead
