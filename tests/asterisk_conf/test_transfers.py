"""The way out: only by the engine's GOSUB, only by rule, with the citizen's number on it."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from asterisk_conf.model import OutboundRule
from tests.engine import Session, engine
from tests.servers import free_port
from tests.sipp import callee, caller, hangs_up, pause, sipp_running, until_bye
from tests.stack import AsteriskStack, asterisk_stack, trunk

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

FAR = "127.0.0.4"
FAR_PORT = free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskStack]:
    trunks = (
        trunk(),
        trunk("out", FAR, trusted=True, dial=f"{FAR}:{FAR_PORT}"),
        trunk("carrier", "127.0.0.6", dial=f"{FAR}:{FAR_PORT}"),
    )
    rules = (
        OutboundRule(number="110", trunk="out"),
        OutboundRule(number="0771*", trunk="out"),
        OutboundRule(number="96116", trunk="carrier"),
    )
    async with asterisk_stack(
        tmp_path_factory.mktemp("out"), trunks=trunks, outbound=rules
    ) as stack:
        yield stack


class Transfer:
    """An engine that transfers each call to `number` and notes how it went."""

    def __init__(
        self,
        number: str,
        citizen: str = "13800138000",
        first: str = "12333",
        ticket: str = "261122000042",
    ) -> None:
        self.number, self.citizen, self.first, self.ticket = number, citizen, first, ticket
        self.status = self.talked_ms = self.reply = ""

    async def __call__(self, session: Session) -> None:
        await session.command(f'SET VARIABLE HL_TRANSFER_CALLER "{self.citizen}"')
        await session.command(f'SET VARIABLE HL_TRANSFER_FIRST "{self.first}"')
        await session.command(f'SET VARIABLE HL_TRANSFER_TICKET "{self.ticket}"')
        await session.command('SET VARIABLE DIALSTATUS ""')
        self.reply = await session.command(f"GOSUB outbound {self.number} 1")
        self.status = await session.variable("DIALSTATUS")
        self.talked_ms = await session.variable("ANSWEREDTIME_MS")
        await session.done()


async def placed(stack: AsteriskStack, transfer: Transfer) -> None:
    """One call from the trunk `city` that the engine transfers, to its end."""
    async with (
        engine(stack.agi_port, transfer),
        sipp_running(caller(until_bye()), to=stack.sip_port) as citizen,
    ):
        assert (await citizen.finish()).ok
    await stack.no_channels()


@pytest.mark.parametrize("number", ["110", "07715550000", "0771"])
async def test_a_number_with_a_rule_is_reached(stack: AsteriskStack, number: str) -> None:
    """The other side sees who calls and what he dialled first, talks, and the engine goes on."""
    far_end = callee(pause(0.5), hangs_up())
    async with sipp_running(far_end, local=FAR, port=FAR_PORT) as far:
        transfer = Transfer(number)
        await placed(stack, transfer)
        result = await far.finish()
    assert result.ok, result.errors
    invite = re.search(r"^INVITE (\S+)", result.messages, re.M)
    assert invite is not None
    assert invite[1].startswith(f"sip:{number}@{FAR}")
    assert "<sip:13800138000@" in result.header("From")[0]
    assert "<sip:13800138000@" in result.header("P-Asserted-Identity")[0]
    assert result.header("Diversion")[0].startswith("<sip:12333@hotline>;reason=")
    assert result.header("X-Hotline-Ticket") == ["261122000042"]
    assert result.header("X-Hotline-Call")[0].startswith(stack.installation.system_name)
    assert transfer.status == "ANSWER"
    assert 300 < int(transfer.talked_ms) < 3000


async def test_nothing_unsafe_goes_out(stack: AsteriskStack) -> None:
    """Even if the engine were wrong, only digits reach the headers; without them there is none."""
    async with sipp_running(callee(hangs_up()), local=FAR, port=FAR_PORT) as far:
        unsafe = Transfer("110", citizen="138;x>y", first="<sip:x>", ticket="26^1,(x)")
        await placed(stack, unsafe)
        result = await far.finish()
    assert "<sip:138@" in result.header("P-Asserted-Identity")[0]
    assert result.header("Diversion") == []
    assert result.header("X-Hotline-Ticket") == ["261"]


async def test_a_trunk_that_is_not_trusted_is_told_nothing_of_the_matter(
    stack: AsteriskStack,
) -> None:
    """The carrier's trunk learns who calls, as with any call, and no more."""
    async with sipp_running(callee(hangs_up()), local=FAR, port=FAR_PORT) as far:
        await placed(stack, Transfer("96116"))
        result = await far.finish()
    assert result.ok, result.errors
    assert "<sip:13800138000@" in result.header("From")[0]
    assert result.header("P-Asserted-Identity") == []
    assert not [line for line in result.messages.splitlines() if line.startswith("X-Hotline")]


@pytest.mark.parametrize("number", ["0019005551234", "1100", "119", "12345"])
async def test_a_number_without_a_rule_is_congestion(stack: AsteriskStack, number: str) -> None:
    """No rule, no call; the engine is told and keeps the caller."""
    async with sipp_running(callee(), local=FAR, port=FAR_PORT) as far:
        transfer = Transfer(number)
        await placed(stack, transfer)
        assert transfer.status == "CONGESTION"
        assert "INVITE" not in far.messages()


async def test_a_busy_or_absent_far_end_is_told(stack: AsteriskStack) -> None:
    """Nobody listens at the far end: the engine hears that, and the caller is still there."""
    busy = callee().replace("180 Ringing", "486 Busy Here")
    async with sipp_running(busy, local=FAR, port=FAR_PORT):
        transfer = Transfer("110")
        await placed(stack, transfer)
    assert transfer.status == "BUSY"
    assert stack.troubles() == []
