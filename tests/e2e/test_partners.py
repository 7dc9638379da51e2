"""Partners outside (110, 119, a utility) and citizens who serve themselves, a whole installation.

One trunk leads to the partners' telephone; what a call carries is read off its INVITE.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from simulator.audio import speech_like
from simulator.citizens import Citizen, LiveCall
from simulator.phones import Phone
from simulator.seats import Account, Manners, Seats
from tests.e2e.books import call_of, rows
from tests.e2e.callbacks import telephone
from tests.e2e.installation import TENANTS, Installation
from tests.e2e.prompts import brief_cache
from tests.servers import wait_until

pytestmark = pytest.mark.e2e

TALKS = "/api/v1/tenants/default/talks"
PARTNERS = telephone()
OUTBOUND = "".join(
    f'\n[[outbound]]\nnumber = "{number}"\ntrunk = "carrier"\n' for number in ("119", "95598")
)


@pytest.fixture(scope="module")
def hotline() -> Iterator[Installation]:
    """Open; its trusted trunk leads to the partners."""
    toml = f'{TENANTS}dial = "{PARTNERS}"\n{OUTBOUND}'
    with Installation(toml, cache=brief_cache()) as installation:
        installation.cli("hours", "set", "open")
        yield installation


@pytest.fixture(scope="module")
def account(hotline: Installation) -> Account:
    """One seat, paused."""
    return hotline.add_seat("1001", skills=("lang:cmn=5", "svc:general=3"), ready=False)


@asynccontextmanager
async def at_work(hotline: Installation, account: Account) -> AsyncIterator[Seats]:
    """The seat, ready, until the block ends; it talks until it is told otherwise."""
    async with Seats([account], sip=hotline.sip, usual=Manners(talk_s=None)) as seats:
        await asyncio.to_thread(hotline.cli, "seats", "ready", "1001")
        await until(lambda: hotline.seat_state("1001") == "ready", "the seat ready")
        yield seats
        await asyncio.to_thread(hotline.cli, "seats", "pause", "1001", "--reason", "other")


async def until(ready: Callable[[], bool], what: str) -> None:
    """Poll, without keeping the telephones waiting."""
    await asyncio.to_thread(wait_until, ready, seconds=60, what=what)


def history(hotline: Installation, number: str) -> list[dict[str, Any]]:
    """A ticket's events, oldest first."""
    query = "SELECT event, actor, state, data FROM ticket_events WHERE number = ? ORDER BY seq"
    return [{**row, "data": json.loads(row["data"])} for row in rows(hotline.home, query, number)]


def events(hotline: Installation, number: str) -> list[str]:
    return [kept["event"] for kept in history(hotline, number)]


@asynccontextmanager
async def talking(
    hotline: Installation, seats: Seats, account: Account, caller: str
) -> AsyncIterator[tuple[LiveCall, str]]:
    """A citizen who talks with the seat, and his call's id."""
    seen = len(seats.events)
    async with Citizen(caller, hotline.sip).dial("12345") as call:
        await call.answered()
        await call.hear(0.1)  # a key that comes before the first word is lost
        call.press("0")
        await until(
            lambda: any(event.word == "answered" for event in seats.events[seen:]), "the talk"
        )
        await until(lambda: bool(talks(hotline, "talking")), "the talk in the list")
        [talk] = talks(hotline, "talking")
        yield call, talk["call_id"]


def talks(hotline: Installation, state: str) -> list[dict[str, Any]]:
    return [talk for talk in hotline.api(TALKS)["talks"] if talk["state"] == state]


async def asked(hotline: Installation, call_id: str, verb: str, body: object) -> None:
    path = f"{TALKS}/{call_id}/{verb}"
    await asyncio.to_thread(lambda: hotline.api(path, method="POST", body=body))


# --- emergencies


async def test_one_key_takes_the_citizen_to_the_brigade(
    hotline: Installation, account: Account
) -> None:
    """Busy first: the seat has him again. Then it answers: it is shown his own number as identity
    and the one he dialled, the seat wraps up, the ticket is TRANSFERRED by that seat."""
    caller, fire = "13800138001", {"target": {"number": "119"}}
    async with (
        Phone(own=PARTNERS) as brigade,
        at_work(hotline, account) as seats,
        talking(hotline, seats, account, caller) as (call, call_id),
    ):
        await asked(hotline, call_id, "emergency", fire)
        rang = await brigade.wait_for("rang", within_s=40)
        brigade.refuse(rang)
        await until(lambda: bool(talks(hotline, "talking")), "the seat has him again")
        assert talks(hotline, "talking")[0]["failed"] == "BUSY"
        seen = len(brigade.events)
        await asked(hotline, call_id, "emergency", fire)
        rang = await brigade.wait_for("rang", seen=seen, within_s=40)
        number = hotline.ticket_of(caller)["number"]
        told = Phone.told(rang)
        assert rang.values[1:3] == ("119", f"+86{caller}")
        assert told == {
            "identity": f"+86{caller}", "first": "12345", "ticket": number, "call": call_id,
        }  # fmt: skip
        brigade.answer(rang)
        await until(lambda: hotline.seat_state("1001") != "talking", "the seat let go")
        await until(lambda: "transferred" in events(hotline, number), "the ticket transferred")
        call.hang_up()
        await call.ended()
    last = next(k for k in history(hotline, number) if k["event"] == "transferred")
    assert (last["state"], last["actor"]) == ("TRANSFERRED", "1001")
    assert last["data"]["to"] == "119"
    assert call_of(hotline.home, caller)["outcome"] == "answered"
    hotline.no_channels_left()


# --- a utility, and 110's own callers


async def test_a_utility_gets_the_caller_and_the_ticket(hotline: Installation) -> None:
    """95598: the call carries caller, number dialled and ticket; the ticket goes to its unit."""
    caller = "13800138002"
    async with (
        Phone(own=PARTNERS) as utility,
        Citizen(caller, hotline.sip).dial("95598") as call,
    ):
        rang = await utility.wait_for("rang", within_s=40)
        told = Phone.told(rang)
        utility.answer(rang)
        ticket = await asyncio.to_thread(hotline.ticket_of, caller)
        assert (ticket["origin"], ticket["number"]) == ("connected", told["ticket"])
        assert (told["identity"], told["first"]) == (f"+86{caller}", "95598")
        await until(lambda: "dispatched" in events(hotline, ticket["number"]), "the unit has it")
        call.hang_up()
        await call.ended()
    last = history(hotline, ticket["number"])[-1]
    assert (last["state"], last["data"]["lead"]) == ("DISPATCHED", "power")
    await until(lambda: call_of(hotline.home, caller)["outcome"] == "transferred", "the call's row")


async def test_who_110_hands_over_is_answered_and_is_a_ticket_of_its_own_kind(
    hotline: Installation, account: Account
) -> None:
    """By the partner's trusted trunk: caller of P-Asserted-Identity, 110 of Diversion."""
    caller = "13800138003"
    handed_over = Citizen(
        "110",
        hotline.sip,
        asserted=f"<sip:+86{caller}@police.invalid>",
        diversion="<sip:110@police.invalid>;reason=unconditional",
    )
    async with at_work(hotline, account) as seats:
        seen = len(seats.events)
        async with handed_over.dial("12345") as call:
            await call.answered()
            await call.hear(0.1)  # a key that comes before the first word is lost
            call.press("0")
            await until(
                lambda: any(event.word == "answered" for event in seats.events[seen:]), "the talk"
            )
            call.hang_up()
            await call.ended()
    ticket = await asyncio.to_thread(hotline.ticket_of, caller)
    facts = ticket["facts"]
    assert ticket["origin"] == "handed_over"
    assert (facts["line_id"], facts["called_number"]) == ("handed_over", "110")


# --- self-service


async def test_a_citizen_hears_urges_and_adds_to_his_ticket_by_keys(
    hotline: Installation, account: Account
) -> None:
    """First a talk leaves a ticket; then, from the same telephone and after hours, 5 and its last
    four digits: urged by 1, added to by 2; the words are an event with their recording."""
    caller = "13800138004"
    async with (
        at_work(hotline, account) as seats,
        talking(hotline, seats, account, caller) as (call, _),
    ):
        call.hang_up()
        await call.ended()
    number = (await asyncio.to_thread(hotline.ticket_of, caller))["number"]
    hotline.cli("hours", "set", "closed")
    try:
        async with Citizen(caller, hotline.sip).dial(
            "12345", voice=speech_like(60, "ulaw")
        ) as call:
            await call.answered()
            await call.hear(0.1)
            call.press("5")
            await asyncio.sleep(1.0)
            await keyed_until(call, f"{number[-4:]}#", lambda: served(hotline, number))
            await keyed_until(call, "1", lambda: "urged" in events(hotline, number))
            before = len(requests(hotline))
            await keyed_until(call, "2", lambda: len(requests(hotline)) > before)
            await until(
                lambda: any(f.stat().st_size > 32_000 for f in requests(hotline)), "his voice"
            )
            call.press("#")
            await until(lambda: "noted" in events(hotline, number), "the words")
            call.hang_up()
            await call.ended()
    finally:
        hotline.cli("hours", "set", "open")
    told = next(k for k in history(hotline, number) if k["event"] == "noted")
    assert told["actor"] == "citizen"
    assert (hotline.home / told["data"]["recording"]).stat().st_size > 16_000
    await until(
        lambda: "self_service" in [r["outcome"] for r in _calls(hotline, caller)], "the row"
    )
    assert len([t for t in hotline.tickets() if t["facts"]["caller_raw"] == caller]) == 1


async def test_a_stranger_hears_nothing_of_it(hotline: Installation) -> None:
    """The ticket's last four digits from another telephone: not found and counted, three times,
    then a person."""
    made = [ticket["number"] for ticket in hotline.tickets()]
    number, caller = next(iter(made), "261122000042"), "13900139000"
    counted = "SELECT n FROM self_service_tries WHERE subject = ?"
    async with Citizen(caller, hotline.sip).dial("1234505") as call:
        await call.answered()
        for n in (1, 2, 3):
            await keyed_until(
                call,
                f"{number[-4:]}#",
                lambda n=n: any(
                    row["n"] >= n for row in rows(hotline.home, counted, f"caller:+86{caller}")
                ),
                again_s=4,  # keys in the greeting are nobody's, silence is a try as well
            )
        await until(lambda: hotline.board()["waiting"] == 1, "a place in the queue")
        call.hang_up()
        await call.ended()
    assert call_of(hotline.home, caller)["outcome"] == "abandoned"


async def keyed_until(
    call: LiveCall, keys: str, happened: Callable[[], bool], *, again_s: float = 20.0
) -> None:
    """Press, and once more when that has led to nothing: a key that comes before its question is
    lost on the one before it."""
    for _ in range(round(80 / again_s)):
        call.press(keys)
        for _ in range(round(again_s * 2)):
            await asyncio.sleep(0.5)
            if await asyncio.to_thread(happened):
                return
    raise AssertionError(f"{keys} led to nothing")


def served(hotline: Installation, number: str) -> bool:
    """Whether the engine's log says that somebody has shown this ticket to be his."""
    log = (hotline.home / "log" / "engine.log").read_text()
    return any("self_service" in line and number in line for line in log.splitlines())


def requests(hotline: Installation) -> list[Path]:
    return list(hotline.home.glob("recordings/requests/*/*/*/*.wav"))


def _calls(hotline: Installation, caller: str) -> list[dict[str, Any]]:
    return [
        dict(row)
        for row in rows(hotline.home, "SELECT outcome FROM calls WHERE caller_raw = ?", caller)
    ]
