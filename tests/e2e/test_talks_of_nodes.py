"""What seats and supervisors do with a talk whose parties are at two nodes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.error import HTTPError

import pytest

from simulator.audio import speech_like
from simulator.citizens import Citizen, LiveCall
from simulator.phones import Phone
from simulator.seats import Account, Manners, Seats
from simulator.sipp import Address
from tests.e2e.callbacks import RULES, House, leading_to, rules, telephone
from tests.e2e.installation import Installation
from tests.e2e.nodes import Nodes

pytestmark = pytest.mark.e2e

TALKS = "/api/v1/tenants/default/talks"
VOICE = speech_like(120, "ulaw")
MANNERS = Manners(ring_s=0.2, talk_s=None)


@pytest.fixture(scope="module")
def far() -> Address:
    """Where the citizen's telephone is, for callbacks."""
    return telephone()


@pytest.fixture(scope="module")
def nodes(far: Address) -> Iterator[Nodes]:
    """Node a leads, node b follows; a callback rings the seat first."""
    with Nodes(leading_to(far), {RULES: rules("seat_first")}) as two:
        yield two


@pytest.fixture(scope="module")
def accounts(nodes: Nodes) -> dict[str, Account]:
    """Seat 1001 works at node a; 1002 and the supervisor 1009, who takes no calls, at node b."""
    return {
        "1001": nodes.a.add_seat("1001", ready=False),
        "1002": nodes.b.add_seat("1002"),
        "1009": nodes.b.add_seat("1009", ready=False),
    }


@pytest.fixture
async def at_a(nodes: Nodes, accounts: dict[str, Account]) -> AsyncIterator[Seats]:
    async with Seats([accounts["1001"]], sip=nodes.a.sip, usual=MANNERS) as seats:
        await asyncio.to_thread(nodes.a.cli, "seats", "pause", "1001", "--reason", "other")
        await nodes.until_state("1001", "paused")
        yield seats


@pytest.fixture
async def at_b(nodes: Nodes, accounts: dict[str, Account]) -> AsyncIterator[Seats]:
    both = [accounts["1002"], accounts["1009"]]
    async with Seats(both, sip=nodes.b.sip, usual=MANNERS) as seats:
        await asyncio.to_thread(nodes.b.cli, "seats", "pause", "1009", "--reason", "other")
        await nodes.until_state("1009", "paused")
        await nodes.until_state("1002", "ready")
        yield seats


async def in_talk(call: LiveCall, seats: Seats, account: Account) -> Any:
    """The citizen wants a person and talks with this seat."""
    await call.answered()
    await call.hear(0.1)  # a key that comes before the first word is lost
    call.press("0")
    return await seats.wait_for("answered", account.endpoint)


async def talk_is(node: Installation, state: str, seat: str) -> str:
    """The path of the one talk, once it stands so."""
    found: list[dict[str, Any]] = []

    def so() -> bool:
        found[:] = node.api(TALKS)["talks"]
        return [(talk["state"], talk["seat"]) for talk in found] == [(state, seat)]

    await asyncio.to_thread(node.wait, so, f"a talk {state} with {seat}, not {found}")
    return f"{TALKS}/{found[0]['call_id']}"


async def verb(node: Installation, path: str, name: str, seat: str = "") -> None:
    body = {"target": {"seat": seat}} if seat else {}
    await asyncio.to_thread(node.api, f"{path}/{name}", method="POST", body=body)


async def hears_voice(node: Installation, call: LiveCall) -> None:
    heard = call.heard_voice_s
    await asyncio.to_thread(node.wait, lambda: call.heard_voice_s > heard + 0.5, "a voice heard")


async def test_a_seat_of_the_other_node_consults_and_hands_over(
    nodes: Nodes, accounts: dict[str, Account], at_a: Seats, at_b: Seats
) -> None:
    """The citizen and the one who is consulted are at a, the first seat at b; then back to b by a
    blind transfer. Asked at b, where the call isn't, nothing is done: it says where to ask."""
    async with Citizen("13900005001", nodes.a.sip).dial("12345", voice=VOICE, loop=True) as call:
        await in_talk(call, at_b, accounts["1002"])
        path = await talk_is(nodes.a, "talking", "1002")
        await verb(nodes.a, path, "consult", "1001")
        await at_a.wait_for("answered", accounts["1001"].endpoint)
        await talk_is(nodes.a, "consulting", "1002")
        with pytest.raises(HTTPError) as refused:
            await verb(nodes.b, path, "complete")
        assert refused.value.code == 421
        assert "of node a and this is node b" in refused.value.read().decode()
        await verb(nodes.a, path, "complete")
        await talk_is(nodes.a, "talking", "1001")
        await hears_voice(nodes.a, call)
        await at_b.wait_for("caller_left", accounts["1002"].endpoint)
        await nodes.until_state("1002", "ready")
        seen = len(at_b.events)
        await verb(nodes.a, path, "transfer", "1002")
        await at_b.wait_for("answered", accounts["1002"].endpoint, seen=seen)
        await talk_is(nodes.a, "talking", "1002")
        await hears_voice(nodes.a, call)
        await nodes.until_state("1002", "talking")
        call.hang_up()
        await call.ended()
    row = await nodes.call_of("13900005001")
    assert (row["outcome"], row["seat_id"]) == ("answered", "1002")
    await nodes.until_state("1002", "ready")
    await asyncio.to_thread(nodes.no_channels_left)


async def test_a_supervisor_of_the_other_node_listens_barges_and_takes_over(
    nodes: Nodes, accounts: dict[str, Account], at_a: Seats, at_b: Seats
) -> None:
    """All parties but the citizen are at b; the supervisor is rung once, and a ring in vain before
    leaves him as he was."""
    async with Citizen("13900005002", nodes.a.sip).dial("12345", voice=VOICE, loop=True) as call:
        await in_talk(call, at_b, accounts["1002"])
        path = await talk_is(nodes.a, "talking", "1002")
        await verb(nodes.a, path, "listen", "1009")
        await at_b.wait_for("answered", accounts["1009"].endpoint)
        await nodes.until_state("1009", "talking")
        await verb(nodes.a, path, "barge", "1009")
        await talk_is(nodes.a, "three_way", "1002")
        await verb(nodes.a, path, "cancel")
        await talk_is(nodes.a, "talking", "1002")
        seen = len(at_b.events)
        await nodes.until_state("1009", "paused")
        await verb(nodes.a, path, "take_over", "1009")
        await at_b.wait_for("answered", accounts["1009"].endpoint, seen=seen)
        await talk_is(nodes.a, "talking", "1009")
        await hears_voice(nodes.a, call)
        call.hang_up()
        await call.ended()
    assert (await nodes.call_of("13900005002"))["seat_id"] == "1009"
    await asyncio.to_thread(nodes.no_channels_left)


async def test_a_callback_rings_the_seat_of_the_other_node_first(
    nodes: Nodes, accounts: dict[str, Account], at_b: Seats, far: Address
) -> None:
    """Asked for at a; the seat at b gets ready, is rung and told who it is, then the citizen is
    rung from a, and hears the seat (its telephone gives back what he says)."""
    number = "13900005003"
    await asyncio.to_thread(nodes.b.cli, "seats", "pause", "1002", "--reason", "meal")
    await nodes.until_state("1002", "paused")
    async with Phone(own=far, voice=VOICE) as phone:
        house = House(nodes.a, at_b, phone)
        await house.asks(number)
        seen = len(at_b.events)
        await asyncio.to_thread(nodes.b.cli, "seats", "ready", "1002")
        talk = await at_b.wait_for("answered", accounts["1002"].endpoint, seen=seen)
        assert talk.values[2] == number
        rang = await phone.wait_for("rang")
        assert rang.values[1:3] == (number, "12345")
        phone.answer(rang)
        await house.callback_is(number, "talking")
        await nodes.until_state("1002", "talking")
        await phone.hear(1.0)
        await phone.hang_up(rang)
        await house.callback_is(number, "connected")
        await at_b.wait_for("caller_left", accounts["1002"].endpoint, seen=seen)
    talked = await nodes.call_of(number, outcome="answered")
    assert talked["seat_id"] == "1002"
    assert talked["call_id"].startswith("a-")
    await nodes.until_state("1002", "ready")
    await asyncio.to_thread(nodes.no_channels_left)
