"""Citizens who keep calling: some wait, some talk, some leave a request, some leave early."""

import asyncio
import itertools
from dataclasses import dataclass, field
from enum import StrEnum

from simulator.audio import SAMPLE_RATE_HZ, speech_like
from simulator.citizens import Citizen, LiveCall
from simulator.errors import SimulatorError
from tests.e2e.installation import Installation

OPEN, CLOSED = "12345", "12333"
"""The line with seats, and one whose hours are over: it takes requests."""
LONGEST_S = 170.0
CONFIRM_TRIES = 6
GOODBYE_S = 3.0
"""How long a telephone may send its BYE again: nobody is asked whether it has arrived."""
TALK = speech_like(20, "ulaw")
REQUEST = speech_like(3, "ulaw")


class Kind(StrEnum):
    """What a citizen is up to."""

    TALKS = "talks"
    GIVES_UP = "gives up"
    REQUEST = "leaves a request"
    EARLY = "leaves early"


ORDER = (
    Kind.TALKS, Kind.REQUEST, Kind.TALKS, Kind.GIVES_UP, Kind.TALKS, Kind.TALKS, Kind.EARLY,
)  # fmt: skip


@dataclass(slots=True)
class Made:
    """One call as its citizen saw it; `trouble` is what kept it from going its way."""

    caller: str
    kind: Kind
    at_s: float
    answered: bool = False
    ended_by: str = ""
    trouble: str = ""


@dataclass(slots=True)
class Crowd:
    """Calls one after the other, `every_s`, until it is told to stop."""

    hotline: Installation
    every_s: float
    made: list[Made] = field(default_factory=list)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def call_on(self, stop: asyncio.Event) -> None:
        """Keep calling, then wait until everybody has hung up."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number, kind in enumerate(itertools.cycle(ORDER)):
            if stop.is_set():
                break
            call = Made(f"139{number:08d}", kind, loop.time() - began)
            self.made.append(call)
            task = asyncio.create_task(self._lead(call, number))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            await asyncio.sleep(max(0.0, began + (number + 1) * self.every_s - loop.time()))
        await asyncio.gather(*self._running)

    @property
    def going_on(self) -> int:
        """Calls that aren't over."""
        return len(self._running)

    async def _lead(self, made: Made, number: int) -> None:
        citizen = Citizen(made.caller, self.hotline.sip)
        called = CLOSED if made.kind is Kind.REQUEST else OPEN
        try:
            async with citizen.dial(called, voice=TALK) as call:
                await call.answered(within_s=30)
                made.answered = True
                await _behave(call, made.kind, number)
                made.ended_by = (await call.ended(within_s=LONGEST_S)).ended_by
                if made.ended_by == "citizen":
                    await asyncio.sleep(GOODBYE_S)
                if made.ended_by == "nobody":
                    made.trouble = "his telephone ended without a word"
        except (SimulatorError, OSError) as error:
            made.trouble = str(error)


async def _behave(call: LiveCall, kind: Kind, number: int) -> None:
    await asyncio.sleep(0.4)  # a citizen needs a moment to find the key
    match kind:
        case Kind.TALKS:
            call.press("0")
        case Kind.GIVES_UP:
            call.press("0")
            await asyncio.sleep(2 + number % 11)
            call.hang_up()
        case Kind.REQUEST:
            await _request(call)
        case Kind.EARLY:
            call.hang_up()


async def _request(call: LiveCall) -> None:
    """Keys that fit wherever a conversation is just now: it may have lost an engine meanwhile."""
    over = asyncio.ensure_future(call.ended(within_s=LONGEST_S))
    try:
        for _ in range(CONFIRM_TRIES):
            if over.done():
                return
            call.press("#")
            await asyncio.sleep(1.5)
            call.say(REQUEST)
            await asyncio.sleep(len(REQUEST) / SAMPLE_RATE_HZ)
            call.press("#")
            await asyncio.wait({over}, timeout=2.5)
            call.press("1")
            await asyncio.wait({over}, timeout=2.5)
        if not over.done():
            call.hang_up()
    finally:
        over.cancel()
