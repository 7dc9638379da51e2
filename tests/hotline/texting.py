"""A house whose citizens are told by text messages, and a gateway that takes them.

`python -m tests.hotline.texting STORE GATEWAY` is such a house as a process, to be killed.
"""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from hotline.courier import Courier, Routes
from hotline.deadlines import Deadlines
from hotline.exchange import Seals
from hotline.outside import Outside
from hotline.settings import Settings
from hotline.sms_hook import SmsHook
from ivr.tenants import Tenant
from storage.database import Database
from storage.lives import Command
from storage.outbox import Outgoing, SqlOutbox
from storage.tickets import SqlTickets
from tests.hotline.exchanging import Clock
from tests.servers import free_port
from tests.storage.facts import new_ticket
from tests.tickets.lives import PEOPLE
from tickets.life import Life, Role, Told
from tickets.model import NewTicket, Origin
from tickets.spoken import Question, SpokenAnswer, request_of

TENANT = "default"
SECRET = "0123456789abcdef0123456789abcdef"
NAMED = "+8613900139000"
CALLS = itertools.count(1)


def said(number: str = NAMED, call_id: str = "", **changed: Any) -> NewTicket:
    """A request taken by voice; `number` is what he said to the question for one."""
    answers = (SpokenAnswer(Question.NUMBER, value=number, keys="1"),) if number else ()
    call_id = call_id or f"n-{os.getpid()}.{next(CALLS)}"
    spoken = request_of("cmn", answers)
    return new_ticket(call_id, origin=Origin.VOICE_REQUEST, spoken=spoken, **changed)


class Gateway:
    """Takes messages; answers `status` to the first `refusing`, and none while not `answering`."""

    def __init__(self, refusing: int = 0, status: int = 503) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.refusing = refusing
        self.status = status
        self.tries = 0
        self.asked = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()

    @property
    def told(self) -> list[dict[str, Any]]:
        """The bodies of what was taken."""
        return [json.loads(body) for _, body in self.taken]

    async def take(self, request: web.Request) -> web.Response:
        self.tries += 1
        body = await request.read()
        refused = self.tries <= self.refusing
        if not refused:
            self.taken.append((request.headers["X-Hotline-Signature"], body))
        self.asked.set()
        await self.answering.wait()
        return web.Response(status=self.status if refused else 200)


@asynccontextmanager
async def served(gateway: Gateway, port: int = 0) -> AsyncIterator[str]:
    """The gateway's address, for the length of the block."""
    app = web.Application()
    app.router.add_post("/sms", gateway.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = port or free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/sms"
    finally:
        await runner.cleanup()


class House:
    """A store, its tickets, and the courier that sends when it is told to look."""

    def __init__(self, database: Database, gateway: str) -> None:
        self.clock = Clock()
        tenants = (Tenant(id=TENANT, name="市"),)
        self.database = database
        self.deadlines = Deadlines(tenants, database, self.clock, texts=bool(gateway))
        zones = {TENANT: ZoneInfo("Asia/Shanghai")}
        self.tickets = SqlTickets(database, zones, clockwork=self.deadlines.clockwork)
        self.outbox = SqlOutbox(database)
        self.texts = SmsHook(gateway, SECRET, database, self.clock) if gateway else None
        self.courier = Courier(
            database, self.deadlines.webhooks, Routes(lambda tenant, peer: None, lambda: False),
            Seals(Settings(tenants=tenants, trunks=()), self.clock), self.clock,
            to_peers=Outside(guarded=False), to_hooks=Outside(guarded=True),
            texts=self.texts,
        )  # fmt: skip

    async def asked(self, number: str, key: str = "") -> Life:
        """A reviewer asks the citizen for more: he is told so."""
        told = Told("info_asked", PEOPLE[Role.REVIEWER], self.clock.now(), {"question": "哪一栋?"})
        return await self.deadlines.lives.tell(Command(TENANT, number, told, key=key))

    async def messages(self) -> list[Outgoing]:
        """All that was put into the outbox, in order."""
        return list(reversed(await self.outbox.list(TENANT)))


@asynccontextmanager
async def house_on(url: str, gateway: str) -> AsyncIterator[House]:
    """A house on its own connections to a store."""
    database = Database(url, deadline_s=20.0)
    await database.start()
    house = House(database, gateway)
    try:
        yield house
    finally:
        if house.texts is not None:
            await house.texts.close()
        await database.close()


async def engine(url: str, gateway: str) -> None:
    """Make a ticket, and send what follows of it for ever."""
    async with house_on(url, gateway) as house:
        print((await house.tickets.create(said())).number, flush=True)
        await house.courier.run()


if __name__ == "__main__":
    asyncio.run(engine(*sys.argv[1:3]))
