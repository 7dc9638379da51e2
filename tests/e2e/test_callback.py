"""A callback keeps the place through the engine's death, whenever that comes; none rings twice."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import yaml

from ivr.queue_rules import DEFAULT_RULES
from simulator.audio import speech_like
from simulator.citizens import TRUNK_IP, Citizen, LiveCall
from simulator.phones import Phone
from simulator.seats import Account, Manners, Seats
from simulator.sipp import Address, Event, free_port
from tests.e2e.books import rows
from tests.e2e.installation import TENANTS, Installation

VOICE = speech_like(120, "ulaw")
OWN = Address(TRUNK_IP, free_port(TRUNK_IP))
TOML = f"""{TENANTS.replace("ring_s = 4", "ring_s = 6" + chr(10) + 'queues_file = "queues.yaml"')}
dial = "{OWN}"

[[outbound]]
number = "139*"
trunk = "carrier"
"""


def rules(order: str = "customer_first") -> str:
    """The shipped rules, but a callback is offered after a second and tried again after two."""
    told = yaml.safe_load(DEFAULT_RULES.read_text())
    told["callback"] = {"order": order, "tries": 2, "retry_s": 2, "expires_s": 600}
    for queue in told["queues"]:
        queue["steps"] = [{"after_s": 1, "suggest": "callback"}]
    return str(yaml.safe_dump(told, allow_unicode=True))


@pytest.fixture(scope="module")
def hotline() -> Iterator[Installation]:
    """An installation whose trunk leads to one telephone, and that soon offers a callback."""
    installation = Installation(TOML, agi_tries=60)
    (installation.home / "queues.yaml").write_text(rules())
    with installation:
        installation.cli("hours", "set", "open")
        yield installation


@pytest.fixture(scope="module")
def account(hotline: Installation) -> Account:
    """One seat."""
    return hotline.add_seat("1001", ready=False)


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone(own=OWN) as phone:
        yield phone


@pytest.fixture
async def seats(hotline: Installation, account: Account) -> AsyncIterator[Seats]:
    """The seat's telephone is there, the seat itself pauses until a test lets it begin."""
    async with Seats([account], sip=hotline.sip, usual=Manners(ring_s=0.2, talk_s=None)) as seats:
        await asyncio.to_thread(hotline.cli, "seats", "pause", "1001", "--reason", "meal")
        await _until(hotline, lambda: hotline.seat_state("1001") == "paused", "the pause")
        yield seats


async def _until(hotline: Installation, ready: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(hotline.wait, lambda: hotline.ready and ready(), what, seconds=40)


async def _ready(hotline: Installation) -> None:
    await asyncio.to_thread(hotline.cli, "seats", "ready", "1001")


def _callbacks(hotline: Installation) -> list[dict[str, Any]]:
    return list(json.loads(hotline.cli("callbacks", "list", "--all", "--json")))


def _callback(hotline: Installation, number: str) -> dict[str, Any]:
    return next(c for c in _callbacks(hotline) if number in c["number"])


async def _state(hotline: Installation, number: str, state: str) -> None:
    def there() -> bool:
        told = hotline.api("/api/v1/tenants/default/callbacks")["callbacks"]
        return any(number in c["number"] and c["state"] == state for c in told)

    await _until(hotline, there, f"the callback of {number} being {state}")


async def _waits(hotline: Installation, call: LiveCall, count: int) -> None:
    """In the queue, by silence."""
    await call.answered()
    await _until(hotline, lambda: hotline.board()["waiting"] == count, f"{count} waiting")


async def _asks_for_a_callback(hotline: Installation, number: str) -> None:
    """He waits, hears the offer, presses the key, confirms his number and is let go."""
    async with Citizen(number, hotline.sip).dial("12345", voice=VOICE) as call:
        await call.answered()
        pressing = asyncio.create_task(_press_until(call))
        try:
            await call.ended(within_s=90)
        finally:
            pressing.cancel()
    await _state(hotline, number, "waiting")


async def _press_until(call: LiveCall) -> None:
    """The key that takes the offer is the one that confirms the number, too."""
    await asyncio.sleep(8)
    while True:
        call.press("1")
        await asyncio.sleep(4)


@asynccontextmanager
async def _another_waits(hotline: Installation, number: str, count: int) -> AsyncIterator[LiveCall]:
    async with Citizen(number, hotline.sip).dial("12345", voice=VOICE) as call:
        await _waits(hotline, call, count)
        yield call


def _rings(phone: Phone) -> list[Event]:
    return [event for event in phone.events if event.word == "rang"]


async def _picks_up(phone: Phone, rang: Event) -> None:
    """The citizen answers, hears who it is and presses the key."""
    phone.answer(rang)
    await phone.hear(1.0)
    phone.press("1")


def _books(hotline: Installation, number: str) -> dict[str, Any]:
    """The rows of his two calls by outcome, the answered one linked to the ticket of the first."""
    found = rows(hotline.home, "SELECT * FROM calls WHERE caller_raw = ?", number)
    return {row["outcome"]: row for row in found}


async def test_a_callback_is_placed_in_its_turn_though_the_engine_was_killed(
    hotline: Installation, seats: Seats, phone: Phone
) -> None:
    """Taken, SIGKILL, and the seat that gets ready is his, before the one who came later; the talk
    is recorded and belongs to the ticket of his first call."""
    first, second = "13900000001", "13900000002"
    await _asks_for_a_callback(hotline, first)
    async with _another_waits(hotline, second, 2) as other:
        hotline.kill("engine")
        await _until(hotline, lambda: hotline.board()["waiting"] == 2, "both places after the kill")
        await _state(hotline, first, "waiting")
        assert not phone.events
        await _ready(hotline)
        rang = await phone.wait_for("rang")
        assert rang.values[1:3] == (first, "12345")
        assert not seats.events, "the seat is held until somebody is there"
        await _picks_up(phone, rang)
        talk = await seats.wait_for("answered")
        assert talk.values[2] == first
        await _state(hotline, first, "talking")
        seen = len(seats.events)
        seats.hang_up(talk)
        later = await seats.wait_for("answered", seen=seen)
        assert later.values[2] == second
        other.hang_up()
        await other.ended()
    await _state(hotline, first, "connected")
    await _until(hotline, lambda: len(_books(hotline, first)) == 2, "both rows of his calls")
    books = _books(hotline, first)
    assert books["answered"]["call_id"] == f"{books['callback']['call_id']}.cb1"
    ticket = await asyncio.to_thread(hotline.ticket_of, first)
    assert (ticket["origin"], ticket["callback_due"]) == ("talk", False)
    assert ticket["call_id"] == books["callback"]["call_id"]
    assert ".cb1.wav" in ticket["recording"]
    assert len(_rings(phone)) == 1
    hotline.no_channels_left()
