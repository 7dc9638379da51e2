"""The smallest engine at a real Asterisk: for tests of the door with real SIP, RTP and keys."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from simulator.citizens import Citizen
from simulator.seats import Account, Manners, Seats
from simulator.sipp import Address
from telephony.call import CallInfo
from telephony.door import Telephony
from telephony.events import (
    Event,
    SnapshotTaken,
)
from telephony.session import FastAgiCall
from tests.stack import AsteriskStack, asterisk_stack, seat, trunk
from tests.telephony.peers import WAIT_S, eventually

Lead = Callable[[FastAgiCall], Awaitable[Any]]
PARK = "[park]\nexten => s,1,Wait(30)\n"
NASTY = "a,b\"c\\d(x)[y]{z} 张;&|$%${EXTEN}'=#"


@dataclass
class Engine:
    """The smallest engine: each entry of a call is led by the next of `leads`."""

    leads: list[Lead]
    outcomes: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    hangups: asyncio.Queue[CallInfo] = field(default_factory=asyncio.Queue)
    events: list[Event] = field(default_factory=list)

    async def lead(self, call: FastAgiCall) -> None:
        try:
            self.outcomes.put_nowait(await self.leads.pop(0)(call))
        except BaseException as error:
            self.outcomes.put_nowait(error)
            raise

    async def outcome(self) -> Any:
        async with asyncio.timeout(WAIT_S):
            return await self.outcomes.get()

    async def hung_up(self) -> CallInfo:
        async with asyncio.timeout(WAIT_S):
            return await self.hangups.get()

    async def hears(self, kind: type[Event], which: Callable[[Any], bool] = lambda e: True) -> Any:
        """The first event of a kind that fits."""
        found: Callable[[], list[Event]] = lambda: [  # noqa: E731 - asked twice
            e for e in self.events if isinstance(e, kind) and which(e)
        ]
        await eventually(lambda: bool(found()), f"no {kind.__name__}")
        return found()[0]


@asynccontextmanager
async def door(stack: AsteriskStack, engine: Engine) -> AsyncIterator[Telephony]:
    """A door at this Asterisk, ready."""

    async def on_hangup(info: CallInfo) -> None:
        engine.hangups.put_nowait(info)

    telephony = Telephony(
        host="127.0.0.1",
        agi_port=stack.agi_port,
        ami_port=stack.ami_port,
        ami_secret=stack.ami_secret,
        on_call=engine.lead,
        on_hangup=on_hangup,
        on_event=engine.events.append,
    )
    await telephony.start()
    try:
        await eventually(lambda: telephony.ready, "never ready")
        await engine.hears(SnapshotTaken)
        yield telephony
    finally:
        await telephony.close()


@asynccontextmanager
async def one_seat_stack(tmp_path: Path) -> AsyncIterator[AsteriskStack]:
    """Asterisk with a trusted trunk, one seat and a context to be redirected to."""
    async with asterisk_stack(
        tmp_path,
        trunks=(trunk("city", trusted=True),),
        seats=(seat("s1", "secret-1"),),
        extra=(("extensions.conf", PARK),),
        agi_tries=20,
    ) as running:
        yield running


@asynccontextmanager
async def seats(stack: AsteriskStack, **manners: Any) -> AsyncIterator[Seats]:
    async with Seats(
        [Account("s1", "secret-1")],
        sip=Address("127.0.0.1", stack.sip_port),
        usual=Manners(**manners),
    ) as phones:
        yield phones


def citizen(stack: AsteriskStack, **more: Any) -> Citizen:
    return Citizen("13800138000", Address("127.0.0.1", stack.sip_port), **more)


def spooled(stack: AsteriskStack) -> list[Path]:
    return list((stack.home.spool / "incoming").iterdir())


async def nothing(at: datetime) -> None:
    """An answer nobody cares for."""


async def finish(call: FastAgiCall) -> CallInfo:
    await call.finish()
    return call.info
