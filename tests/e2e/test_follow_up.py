"""A complaint's whole way on a real Asterisk: taken on a call, dispatched, replied to, and its
citizen is phoned and asked. What he says decides; whoever can't be reached goes to a person."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from simulator.seats import Account
from simulator.sipp import Address
from tests.e2e.books import rows
from tests.e2e.callbacks import SEAT, House, at_work, telephone
from tests.e2e.follow_ups import TRIES, Case, following_up
from tests.e2e.installation import Installation
from tests.e2e.telling import Office


@pytest.fixture(scope="module")
def following() -> Iterator[tuple[Installation, Account, Address]]:
    own = telephone()
    with following_up(own) as installation:
        installation.cli("hours", "set", "open")
        yield installation, installation.add_seat(SEAT, ready=False), own


@pytest.fixture(scope="module")
def office(following: tuple[Installation, Account, Address]) -> Office:
    return Office(following[0], SEAT)


@pytest.fixture
async def house(following: tuple[Installation, Account, Address]) -> AsyncIterator[House]:
    async with at_work(*following) as house:
        await house.seat_ready()
        yield house


async def test_not_satisfied_dispatches_the_next_round_satisfied_archives(
    house: House, office: Office
) -> None:
    """He presses that it is solved, but that he isn't satisfied: the second round is dispatched
    with a supervision mark; its reply is told him again, and satisfied he archives it himself."""
    case = Case(house, office, "13900000101")
    await case.taken()
    rated = rows(house.hotline.home, "SELECT * FROM talk_ratings WHERE number = ?", case.number)
    assert [(row["seat_id"], row["rating"]) for row in rated] == [(SEAT, "satisfied")]
    await case.answered()
    rang = await case.rings()
    assert rang.values[1:3] == (case.caller, "12345"), "his telephone, the hotline's own number"
    await case.picks_up(rang)
    await case.says("1", "1", "2")
    events = await case.state_is("DISPATCHED")
    assert (case.life["round"], case.life["supervised"]) == (2, True)
    by_event = {event["event"]: event for event in events}
    assert by_event["unsatisfied"]["data"]["satisfied"] is False
    assert by_event["supervised"]["role"] == "system"

    seen = len(house.phone.events)
    await case.answered(first=False)
    await case.picks_up(await case.rings(seen))
    await case.says("1", "1", "1")
    events = await case.state_is("ARCHIVED")
    assert events[-1]["data"]["solved"] is True
    assert len(house.rings()) == 2


async def test_who_never_answers_goes_to_a_person(house: House, office: Office) -> None:
    """Busy, then an answering machine: rung so often and no more, and never counted as content."""
    case = Case(house, office, "13900000102")
    await case.taken()
    await case.answered()
    house.phone.refuse(await case.rings())
    seen = len(house.phone.events)
    rang = await case.rings(seen)
    await case.picks_up(rang)
    await house.phone.hang_up(rang)
    events = await case.state_is("MANUAL_REVIEW")
    results = [e["data"]["result"] for e in events if e["event"] == "unreachable"]
    assert results == ["busy", "no_key"]
    words = ("followups", "list", "--all", "--json")
    listed = json.loads(await asyncio.to_thread(house.hotline.cli, *words))
    (one,) = [one for one in listed if one["ticket"] == case.number]
    assert (one["state"], one["attempts"], one["satisfied"]) == ("unreached", TRIES, None)
    assert len(house.rings()) == TRIES


async def test_an_engine_killed_while_he_is_asked_asks_on(house: House, office: Office) -> None:
    """SIGKILL after his first answer: the dialplan holds him, the next engine puts the question
    that was left, and nobody is rung twice."""
    case = Case(house, office, "13900000103")
    await case.taken()
    await case.answered()
    await case.picks_up(await case.rings())
    await case.says("1", "1")
    await house.kill()
    await case.says("1")
    events = await case.state_is("ARCHIVED")
    assert len(house.rings()) == 1
    assert [e["event"] for e in events].count("satisfied") == 1
