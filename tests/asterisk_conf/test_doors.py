"""Who gets in and how far: strangers, seats, trunks. Real Asterisk, real SIPp."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.engine import Session, engine
from tests.manager import manager
from tests.sipp import (
    caller,
    calls_with_password,
    refused,
    registers,
    sipp,
    sipp_running,
    until_bye,
)
from tests.stack import AsteriskStack, asterisk_stack, seat, trunk

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

STRANGER, SEATS = "127.0.0.99", "127.0.0.5"
EXPENSIVE = ("0019005551234", "110", "13900000000", "s", "seat", "h")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskStack]:
    async with asterisk_stack(
        tmp_path_factory.mktemp("doors"),
        trunks=(trunk("city", dial="127.0.0.2:5999"),),
        outbound=(),
        seats=(seat("s1001", "right-1"), seat("s1002", "right-2")),
    ) as stack:
        yield stack


def seat_from(name: str) -> str:
    return f"<sip:{name}@127.0.0.1>"


async def registered(stack: AsteriskStack, name: str, password: str, *, answer: int = 200) -> bool:
    result = await sipp(
        registers(name, password, answer=answer),
        to=stack.sip_port,
        local=SEATS,
        called=name,
        from_=seat_from(name),
    )
    return result.ok


async def test_a_stranger_is_challenged_and_counted(stack: AsteriskStack) -> None:
    """Calls from an unknown address get 401, never the dialplan, and a line in security.log."""
    result = await sipp(
        refused(401), to=stack.sip_port, local=STRANGER, from_="<sip:110@x>", calls=3
    )
    assert result.ok, result.errors
    assert stack.security_log().count(STRANGER) >= 3
    assert await stack.channels() == []


async def test_a_strangers_guesses_at_seats_are_challenged_alike(stack: AsteriskStack) -> None:
    """Nobody learns from the answer whether a seat's name exists."""
    for name in ("s1001", "nobody"):
        result = await sipp(refused(401), to=stack.sip_port, local=STRANGER, from_=seat_from(name))
        assert result.ok, name


async def test_a_seat_registers_with_its_password(stack: AsteriskStack) -> None:
    """The right password registers; its contact is kept."""
    assert await registered(stack, "s1001", "right-1")
    assert "sip:sipp@127.0.0.5" in await stack.cli("pjsip show aor s1001")


async def test_a_wrong_password_is_refused(stack: AsteriskStack) -> None:
    """Wrong, another seat's or an empty password: 401 again, and no contact."""
    for password in ("wrong", "right-1"):
        assert await registered(stack, "s1002", password, answer=401)
    assert "sip:sipp@" not in await stack.cli("pjsip show aor s1002")
    assert "ChallengeResponseFailed" in stack.security_log()


async def test_a_later_registration_takes_the_seat_over(stack: AsteriskStack) -> None:
    """A telephone that comes back with a new address replaces the old contact."""
    for _ in range(2):
        assert await registered(stack, "s1001", "right-1")
    contacts = re.findall(r"Contact:\s+s1001/sip:", await stack.cli("pjsip show contacts"))
    assert len(contacts) == 1


async def test_the_engine_hears_that_a_seat_is_there(stack: AsteriskStack) -> None:
    """ContactStatus tells of a telephone that answers OPTIONS."""
    async with manager(stack) as session:
        phone = registers("s1002", "right-2", stay_s=1)
        async with sipp_running(
            phone, to=stack.sip_port, local=SEATS, called="s1002", from_=seat_from("s1002")
        ) as running:
            while (event := await session.event("ContactStatus"))["AOR"] != "s1002":
                pass
            while event["ContactStatus"] != "Reachable":
                event = await session.event("ContactStatus")
            assert event["EndpointName"] == "s1002"
            assert (await running.finish()).ok


@pytest.mark.parametrize("number", EXPENSIVE)
async def test_a_seat_can_dial_nothing_by_itself(stack: AsteriskStack, number: str) -> None:
    """Even with the right password a seat's own call finds no extension (toll fraud)."""
    result = await sipp(
        calls_with_password("s1001", "right-1", answer=404),
        to=stack.sip_port,
        local=SEATS,
        called=number,
        from_=seat_from("s1001"),
    )
    assert result.ok, result.errors


@pytest.mark.parametrize("number", ["0019005551234", "110", "s1001", "trunk-city"])
async def test_a_trunk_reaches_the_engine_or_nothing(stack: AsteriskStack, number: str) -> None:
    """Whatever a trunk dials, it gets the engine's conversation, never a line out or a seat."""
    reached: list[str] = []

    async def note(session: Session) -> None:
        reached.append(session.arguments[1])
        await session.done()

    async with engine(stack.agi_port, note), manager(stack) as session:
        scenario = caller(until_bye()) if number.isdigit() else refused(404)
        assert (await sipp(scenario, to=stack.sip_port, called=number)).ok
        if number.isdigit():
            gone = await session.event("Hangup")
            assert gone["Channel"].startswith("PJSIP/trunk-city-")
    assert reached == ([number] if number.isdigit() else [])
    assert "127.0.0.2:5999" not in stack.log()


async def test_a_trunks_caller_named_like_a_seat_stays_a_trunks(stack: AsteriskStack) -> None:
    """The identifier order: by address first, so a caller id never becomes a seat."""
    trunks: list[str] = []

    async def note(session: Session) -> None:
        trunks.append(session.arguments[0])
        await session.done()

    async with engine(stack.agi_port, note):
        result = await sipp(caller(until_bye()), to=stack.sip_port, from_="<sip:s1001@127.0.0.2>")
    assert result.ok
    assert trunks == ["city"]


async def test_a_transfer_on_a_phones_wish_is_refused(stack: AsteriskStack) -> None:
    """REFER, the classic way to dial out through a hotline, is declined."""
    refer = """<send retrans="500"><![CDATA[
REFER [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: [from];tag=[pid]-[call_number]
To: <sip:[called]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 REFER
Contact: <sip:sipp@[local_ip]:[local_port]>
Refer-To: <sip:0019005551234@[remote_ip]>
Content-Length: 0

]]></send><recv response="603"/>"""

    async def stay(session: Session) -> None:
        if session.request == "hangup":
            await session.done()
            return
        await asyncio.sleep(1)
        await session.done()

    scenario = caller(refer, until_bye()).replace(
        '<recv response="200"/>', '<recv response="200" rrs="true"/>', 1
    )
    async with engine(stack.agi_port, stay):
        result = await sipp(scenario, to=stack.sip_port)
    assert result.ok, result.errors


async def test_nobody_who_was_refused_left_a_channel(stack: AsteriskStack) -> None:
    """After all of this no channel is left and the log has refusals only."""
    await stack.no_channels()
    refusals = ("Failed to authenticate", "transfer attempt blocked")
    assert [t for t in stack.troubles() if not any(r in t for r in refusals)] == []
