"""What tests of callbacks share: a trunk that leads to one telephone, people who ask and answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from ivr.queue_rules import DEFAULT_RULES
from simulator.audio import speech_like
from simulator.citizens import TRUNK_IP, Citizen, LiveCall
from simulator.phones import Phone
from simulator.seats import Account, Manners, Seats
from simulator.sipp import Address, Event
from tests.e2e.books import rows
from tests.e2e.installation import TENANTS, Installation
from tests.e2e.prompts import brief_cache
from tests.stack import free_sip_port

VOICE = speech_like(120, "ulaw")
SEAT = "1001"
RULES = "queues.yaml"
AGAIN_S = 6.0


def calling_back(own: Address, order: str = "customer_first") -> Installation:
    """An installation whose trunk leads to a telephone at `own`: a callback is offered after a
    second, and tried again after two."""
    installation = Installation(leading_to(own), agi_tries=60, cache=brief_cache())
    (installation.home / RULES).write_text(rules(order))
    return installation


def leading_to(own: Address) -> str:
    """The settings of a house that may ring a telephone at `own`, with rules of its own."""
    toml = TENANTS.replace("ring_s = 4", f'ring_s = 6\nqueues_file = "{RULES}"')
    return f"""{toml}dial = "{own}"

[[outbound]]
number = "139*"
trunk = "carrier"
"""


def rules(order: str) -> str:
    """The rules of its queues, YAML: a callback is offered after a second."""
    told = yaml.safe_load(DEFAULT_RULES.read_text())
    told["callback"] = {"order": order, "tries": 2, "retry_s": 2, "expires_s": 600}
    for queue in told["queues"]:
        queue["steps"] = [{"after_s": 1, "suggest": "callback"}]
    return str(yaml.safe_dump(told, allow_unicode=True))


def telephone() -> Address:
    """A free address behind the trunk."""
    return Address(TRUNK_IP, free_sip_port(TRUNK_IP))


@dataclass
class House:
    """An installation, its one seat (pausing at first) and the citizen's telephone."""

    hotline: Installation
    seats: Seats
    phone: Phone

    async def until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait until the engine is there and it is so."""
        hotline = self.hotline
        await asyncio.to_thread(hotline.wait, lambda: hotline.ready and ready(), what, seconds=60)

    async def waiting(self, count: int) -> None:
        """Wait until so many wait, callbacks with them."""
        await self.until(lambda: self.hotline.board()["waiting"] == count, f"{count} waiting")

    async def seat_is(self, state: str) -> None:
        await self.until(lambda: self.hotline.seat_state(SEAT) == state, f"the seat {state}")

    async def seat_ready(self) -> None:
        """The seat begins to work."""
        await asyncio.to_thread(self.hotline.cli, "seats", "ready", SEAT)

    async def kill(self) -> None:
        """SIGKILL to the engine; returns when the next one takes calls."""
        old = await asyncio.to_thread(lambda: self.hotline.part("engine").pid)
        self.hotline.kill("engine")
        await self.until(lambda: self.hotline.part("engine").pid != old, "the next engine")

    def callback(self, number: str) -> dict[str, Any]:
        """The callback of this citizen, as the command lists it."""
        found = json.loads(self.hotline.cli("callbacks", "list", "--all", "--json"))
        return next(told for told in found if number in told["number"])

    async def callback_is(self, number: str, state: str) -> None:
        """Wait until the callback of this citizen is so."""

        def there() -> bool:
            found = self.hotline.api("/api/v1/tenants/default/callbacks")["callbacks"]
            return any(number in told["number"] and told["state"] == state for told in found)

        await self.until(there, f"the callback of {number} {state}")

    async def asks(self, number: str) -> None:
        """He waits, hears the offer, presses the key, confirms his number and is let go."""
        async with Citizen(number, self.hotline.sip).dial("12345", voice=VOICE) as call:
            await person_wanted(call)
            pressing = asyncio.create_task(_press_until(call))
            try:
                await call.ended(within_s=90)
            finally:
                pressing.cancel()
        await self.callback_is(number, "waiting")

    @asynccontextmanager
    async def another(self, number: str, count: int) -> AsyncIterator[LiveCall]:
        """Somebody who waits on the line, as the so-manieth."""
        async with Citizen(number, self.hotline.sip).dial("12345", voice=VOICE) as call:
            await person_wanted(call)
            await self.waiting(count)
            yield call

    async def picks_up(self, rang: Event) -> None:
        """The citizen answers, hears who it is and presses the key."""
        self.phone.answer(rang)
        await self.phone.hear(1.0)
        self.phone.press("1")

    async def presses_until_a_seat_rings(self) -> None:
        """The citizen hears something and presses the key; again when that has led to nothing: what
        he heard may have been the music before the next engine's first word."""
        rung = asyncio.create_task(self.seats.wait_for("rang", within_s=90))
        while not rung.done():
            await self.phone.hear(1.0)
            self.phone.press("1")
            await asyncio.wait({rung}, timeout=AGAIN_S)
        await rung

    def rings(self) -> list[Event]:
        """Every ring of his telephone so far."""
        return [event for event in self.phone.events if event.word == "rang"]

    async def books(self, number: str, count: int) -> dict[str, dict[str, Any]]:
        """The rows of his calls by outcome; waits until there are so many."""
        found: dict[str, dict[str, Any]] = {}

        def there() -> bool:
            query = "SELECT * FROM calls WHERE caller_raw = ?"
            found.update({row["outcome"]: row for row in rows(self.hotline.home, query, number)})
            return len(found) >= count

        await self.until(there, f"{count} rows of {number}")
        assert len(found) == count, found
        return found

    def tickets(self, number: str) -> list[dict[str, Any]]:
        """The tickets of this citizen."""
        return [t for t in self.hotline.tickets() if t["facts"]["caller_raw"] == number]

    async def ticket_is(self, number: str, origin: str, *, due: bool) -> dict[str, Any]:
        """Wait until the one ticket of this citizen is so; `due`: he is to be called back."""
        found: list[dict[str, Any]] = []

        def so() -> bool:
            found[:] = self.tickets(number)
            return [(t["origin"], t["callback_due"]) for t in found] == [(origin, due)]

        await self.until(so, f"a ticket {origin}, due: {due}, of {number}")
        return found[0]


async def person_wanted(call: LiveCall) -> None:
    """He cuts the greeting short."""
    await call.answered()
    await call.hear(0.1)  # a key that comes before the first word is lost
    call.press("0")


async def _press_until(call: LiveCall) -> None:
    """The key that takes the offer is the one that confirms the number, too."""
    while True:
        await asyncio.sleep(1.5)
        call.press("1")


@asynccontextmanager
async def at_work(hotline: Installation, account: Account, own: Address) -> AsyncIterator[House]:
    """The telephones of seat and citizen; the seat pauses."""
    manners = Manners(ring_s=0.2, talk_s=None)
    async with (
        Phone(own=own) as phone,
        Seats([account], sip=hotline.sip, usual=manners) as seats,
    ):
        house = House(hotline, seats, phone)
        await asyncio.to_thread(hotline.cli, "seats", "pause", SEAT, "--reason", "meal")
        await house.seat_is("paused")
        yield house
    hotline.no_channels_left()
