"""Two nodes, each an Asterisk and an engine, are one hotline: one database, one Redis between."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from simulator.audio import speech_like
from simulator.citizens import Citizen, LiveCall
from simulator.seats import Account, Manners, Seats
from tests.e2e.installation import Installation
from tests.e2e.nodes import Nodes

VOICE = speech_like(120, "ulaw")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """Node a leads, node b follows."""
    with Nodes() as two:
        yield two


@pytest.fixture(scope="module")
def accounts(nodes: Nodes) -> dict[str, Account]:
    """Seat 1001 works at node a, 1002 at node b."""
    return {"1001": nodes.a.add_seat("1001"), "1002": nodes.b.add_seat("1002")}


@pytest.fixture
async def at_b(nodes: Nodes, accounts: dict[str, Account]) -> AsyncIterator[Seats]:
    """1002 at its telephone, registered at b; a talk lasts until somebody ends it."""
    manners = Manners(ring_s=0.2, talk_s=None)
    async with Seats([accounts["1002"]], sip=nodes.b.sip, usual=manners) as seats:
        await nodes.until_state("1002", "ready")
        yield seats


async def person_wanted(call: LiveCall) -> None:
    await call.answered()
    await call.hear(0.1)  # a key that comes before the first word is lost
    call.press("0")


def refused(nodes: Nodes) -> bool:
    """Whether the leader's log tells of a seat that was reached and refused."""
    log = (nodes.leader().home / "log" / "engine.log").read_text(errors="replace")
    return any("offer_missed" in line and "busy" in line for line in log.splitlines())


async def test_a_citizen_of_one_node_talks_with_a_seat_of_the_other(
    nodes: Nodes, at_b: Seats
) -> None:
    """Over the node trunk, both hear each other; one row, one ticket, no channel is left; boards
    of both nodes show the same."""
    caller = "13900001001"
    async with Citizen(caller, nodes.a.sip).dial("12345", voice=VOICE, loop=True) as call:
        await person_wanted(call)
        talk = await at_b.wait_for("answered")
        heard = call.heard_voice_s
        await asyncio.to_thread(
            nodes.a.wait, lambda: call.heard_voice_s > heard + 1.0, "the seat heard at a"
        )
        await nodes.until_state("1002", "talking")
        at_b.hang_up(talk)
        assert (await call.ended(within_s=40)).ended_by == "hotline"
    ticket = await asyncio.to_thread(nodes.b.ticket_of, caller)
    assert ticket["origin"] == "talk"
    row = await nodes.call_of(caller)
    assert (row["outcome"], row["seat_id"], row["call_id"][:2]) == ("answered", "1002", "a-")
    await asyncio.to_thread(nodes.no_channels_left)


async def test_a_seat_that_declines_elsewhere_leaves_the_citizen_in_his_place(
    nodes: Nodes, accounts: dict[str, Account]
) -> None:
    """The other node's seat refuses: a miss of its own, he waits on and is rung again after the
    pause."""
    manners = Manners(ring_s=0.1, declines=True)
    async with Seats([accounts["1002"]], sip=nodes.b.sip, usual=manners) as seats:
        await nodes.until_state("1002", "ready")
        async with Citizen("13900001002", nodes.a.sip).dial(
            "12345", voice=VOICE, loop=True
        ) as call:
            await person_wanted(call)
            await seats.wait_for("rang")
            await nodes.until_state("1002", "cool_down")
            await asyncio.to_thread(nodes.a.wait, lambda: refused(nodes), "a miss by refusing")
            seats.usual = Manners(ring_s=0.1, talk_s=0.5)
            await seats.wait_for("answered", within_s=60)
            assert (await call.ended(within_s=40)).ended_by == "hotline"
    await asyncio.to_thread(nodes.no_channels_left)


async def test_the_leader_is_killed_and_nobody_loses_his_place(nodes: Nodes, at_b: Seats) -> None:
    """One talks over the node trunk, one waits at each node; SIGKILL to the leader. The talk goes
    on and is not rung into; both are served in their order."""
    names = [f"1390000200{n}" for n in range(3)]
    at = [nodes.a, nodes.a, nodes.b]
    places = zip(names, at, strict=True)
    calls = [Citizen(name, node.sip).dial("12345", voice=VOICE, loop=True) for name, node in places]
    async with calls[0] as talks, calls[1] as first, calls[2] as second:
        await person_wanted(talks)
        talk = await at_b.wait_for("answered")
        for n, call in enumerate((first, second)):
            await person_wanted(call)
            await nodes.until_waiting(n + 1)

        leader = nodes.leader()
        leader.kill("engine")
        heard = talks.heard_voice_s
        await nodes.until_led()
        await nodes.until_waiting(2)
        assert talks.heard_voice_s > heard, "the talk goes on"
        assert len([e for e in at_b.events if e.word == "rang"]) == 1, "not rung into his talk"

        for name, call in ((names[1], first), (names[2], second)):
            seen = len(at_b.events)
            at_b.hang_up(talk)
            talk = await at_b.wait_for("answered", seen=seen, within_s=60)
            ticket = await asyncio.to_thread(nodes.a.ticket_of, name)
            assert ticket["origin"] == "talk", call
        at_b.hang_up(talk)
        for call in (talks, first, second):
            assert (await call.ended(within_s=40)).ended_by == "hotline"
    assert len([e for e in at_b.events if e.word == "rang"]) == 3
    for name in names:
        assert (await nodes.call_of(name))["outcome"] == "answered"
    await asyncio.to_thread(nodes.no_channels_left)


async def test_redis_wiped_and_away_changes_nothing(nodes: Nodes, at_b: Seats) -> None:
    """He waits, Redis forgets everything, then dies: his place is kept, he is served."""
    await asyncio.to_thread(nodes.b.cli, "seats", "pause", "1002", "--reason", "meal")
    await nodes.until_state("1002", "paused")
    async with Citizen("13900003001", nodes.a.sip).dial("12345", voice=VOICE, loop=True) as call:
        await person_wanted(call)
        await nodes.until_waiting(1)
        nodes.redis.command("FLUSHALL")
        await asyncio.sleep(1)
        nodes.redis.kill()
        try:
            await asyncio.sleep(2.5)
            assert nodes.a.board()["waiting"] == nodes.b.board()["waiting"] == 1
            await asyncio.to_thread(nodes.b.cli, "seats", "ready", "1002")
            talk = await at_b.wait_for("answered", within_s=60)
        finally:
            nodes.redis.start()
        at_b.hang_up(talk)
        assert (await call.ended(within_s=40)).ended_by == "hotline"
    await asyncio.to_thread(nodes.no_channels_left)


async def test_a_seat_that_claims_two_telephones_is_rung_at_the_newest(
    nodes: Nodes, accounts: dict[str, Account], at_b: Seats
) -> None:
    """Signed on at b, then at a, too: supervisors are told, a's telephone rings, b's doesn't, and
    the citizen is heard; when a's is gone, b's is the seat's again."""

    def told(node: Installation) -> list[str]:
        alerts = node.api("/api/v1/tenants/default/alerts")["alerts"]
        return [alert["seat"] for alert in alerts if alert["kind"] == "two_phones"]

    manners = Manners(ring_s=0.2, talk_s=None)
    async with Seats([accounts["1002"]], sip=nodes.a.sip, usual=manners) as at_a:
        for node in (nodes.a, nodes.b):
            await asyncio.to_thread(node.wait, lambda n=node: told(n) == ["1002"], "the alert")  # type: ignore[misc]  # bound now
        async with Citizen("13900004001", nodes.b.sip).dial(
            "12345", voice=VOICE, loop=True
        ) as call:
            await person_wanted(call)
            talk = await at_a.wait_for("answered")
            heard = call.heard_voice_s
            await asyncio.to_thread(
                nodes.b.wait, lambda: call.heard_voice_s > heard + 0.5, "the seat heard"
            )
            at_a.hang_up(talk)
            assert (await call.ended(within_s=40)).ended_by == "hotline"
        assert not [event for event in at_b.events if event.word == "rang"]
    await asyncio.to_thread(nodes.a.wait, lambda: told(nodes.a) == [], "one telephone", seconds=60)
    await nodes.until_state("1002", "ready")
    async with Citizen("13900004002", nodes.a.sip).dial("12345", voice=VOICE, loop=True) as call:
        await person_wanted(call)
        at_b.hang_up(await at_b.wait_for("answered"))
        assert (await call.ended(within_s=40)).ended_by == "hotline"
    await asyncio.to_thread(nodes.no_channels_left)


@pytest.mark.parametrize(
    "dialled",
    ["1002", "nobody~a-1.1", "trunk-carrier~a-1.1", "node-a~a-1.1", "12345", "1002~a-1.1~x", "s"],
)
async def test_the_node_trunk_reaches_seats_and_nothing_else(
    nodes: Nodes, at_b: Seats, dialled: str
) -> None:
    """Also for one who has the other node's address and its password: what isn't a seat with a
    call's id is refused, no trunk can be reached, no dialplan runs."""
    assert await nodes.invite_as_node("a", at=nodes.b, dialled=dialled)
    assert not at_b.events


async def test_a_node_without_the_password_is_refused(nodes: Nodes, at_b: Seats) -> None:
    assert await nodes.invite_as_node(
        "a", at=nodes.b, dialled="1002~a-1.1", password="x" * 64, answer=401
    )
    assert not at_b.events
