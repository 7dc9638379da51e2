"""A scripted caller, queue, ticket office and call log: fakes of our own ports, nothing else.

A script says what the caller presses, what the seats do, how long he speaks. Every word of the
conversation is a step; the caller may hang up at any of them, the engine may be stopped at any.
"""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ivr.conversation import converse
from ivr.desk import Desk
from ivr.known_callers import KnownCallers
from ivr.ports import CallRecord
from ivr.story import Directory
from queue_manager.opening import HoursMode
from telephony.call import DialStatus
from tests.ivr.fakes import FakeCallbacks, FakeClock, FakePlace, FakeQueue, FakeVoice, Office
from tests.ivr.scripted_call import ScriptedCall
from tests.ivr.stage import (
    CATALOGUE,
    DIRECTORY,
    NIGHT,
    NOON,
    NUMBER,
    SEAT,
    TENANT,
    TRUNK,
    directory,
)
from tests.queue_manager.virtual_time import run
from tickets.model import Ticket

__all__ = [  # what a test of conversations needs, from one place
    "CATALOGUE",
    "DIRECTORY",
    "LONG_S",
    "NIGHT",
    "NOON",
    "NUMBER",
    "SEAT",
    "TENANT",
    "TRUNK",
    "FakeCallbacks",
    "FakeClock",
    "FakePlace",
    "FakeQueue",
    "FakeVoice",
    "Office",
    "Script",
    "ScriptedCall",
    "World",
    "directory",
    "in_virtual_time",
    "led",
    "made",
]

LONG_S = 86_400.0


@dataclass
class Script:
    """What happens in a call: answers come in order, then nothing more is pressed or offered.

    `seats` are the outcomes of ringing, `hears_ami` is whether we are told of an answer at once.
    """

    called: str = "12345"
    first_called: str = ""
    caller: str = "13800138000"
    asserted: str = ""
    now: datetime = NOON
    digits: Sequence[str] = ()
    seats: Sequence[DialStatus] = ()
    transfers: Sequence[DialStatus] = ()
    takes: Sequence[float] = ()
    sql_away: bool = False
    callbacks_away: bool = False
    hears_ami: bool = True
    directory: Directory = field(default_factory=lambda: DIRECTORY)


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Minutes of waiting pass in no time."""

    @functools.wraps(test)
    def played(*args: Any, **fixtures: Any) -> None:
        run(test(*args, **fixtures))

    return played


class World:
    """One call and all around it. `engine()` starts a new engine: only the call itself (with its
    channel variables), the office and the recorded files outlive the one before."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.office = Office(sql_away=script.sql_away)
        self.voice = FakeVoice()
        self.callbacks = FakeCallbacks()
        self.callbacks.away = script.callbacks_away
        self.callers = KnownCallers()
        self.override: dict[tuple[str, str], HoursMode] = {}
        self.queue = FakeQueue([SEAT for _ in script.seats])
        self.desk = self._desk()
        self.call = ScriptedCall(self)

    def engine(self) -> None:
        """The engine is gone, a new one is there; the queue starts from nothing."""
        left = max(0, len(self.script.seats) - self.call.rung)
        self.queue = FakeQueue([SEAT] * left)
        self.desk = self._desk()

    def _desk(self) -> Desk:
        return Desk(
            clock=FakeClock(self.script.now),
            directory=self.script.directory,
            queues={t.id: self.queue for t in self.script.directory.tenants},
            tickets=self.office,
            call_log=self.office,
            voice=self.voice,
            override=lambda tenant, line: self.override.get((tenant, line), HoursMode.AUTO),
            callbacks=self.callbacks,
            callers=self.callers,
        )

    @property
    def ticket(self) -> Ticket | None:
        return next(iter(self.office.tickets.values()), None)

    @property
    def row(self) -> CallRecord:
        assert len(self.office.rows) == 1
        return self.office.rows[0]

    @property
    def place(self) -> FakePlace:
        return self.queue.places[-1]


async def led(script: Script, **override: HoursMode) -> World:
    """One whole conversation, with words of the supervisors about lines (`line="open"`)."""
    world = World(script)
    world.override = {("default", line): word for line, word in override.items()}
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    assert len(world.desk.live) == 0
    return world


def made(world: World) -> Ticket:
    """The ticket there must be."""
    assert world.ticket is not None
    return world.ticket
