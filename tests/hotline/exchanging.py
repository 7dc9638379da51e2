"""Two houses that exchange tickets over real HTTP: doors and couriers as in engines, no calls."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from console.app import build_app, serving
from console.ports import Role
from hotline import secrets_kept
from hotline.boards import HomeAudio
from hotline.deadlines import Deadlines
from hotline.exchange import ExchangeHouse
from hotline.exchange_audio import ExchangeAudio
from hotline.peer_files import secret_name
from hotline.settings import Settings
from ivr.tenants import Tenant
from storage.database import Database
from storage.lives import Command
from storage.tickets import SqlTickets
from tests.console.fakes import City
from tests.servers import free_port
from tests.storage.facts import new_ticket
from tests.tickets.lives import DATA, PEOPLE
from tickets.life import Actor, Life, Told
from tickets.life import Role as Who
from tickets.lifecycle import OVERLAYS, TABLE, Event

TENANT = "default"
SECRET = "0123456789abcdef0123456789abcdef"
UNITS = """
version: 1
home: "450100"
divisions: [{code: "450100", name: 南宁市}]
units:
  - {id: pipes, name: 水务集团, phone: "0771-12345", computer: 甲, person: 值班员, head: 负责人}
  - {id: roads, name: 市政处, phone: "0771-12345", computer: 乙, person: 值班员, head: 负责人}
"""


@dataclass
class Clock:
    """Real time, moved on at will."""

    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Town:
    """A house: store, tickets, exchange, and the console in front of it."""

    name: str
    port: int
    database: Database
    deadlines: Deadlines
    exchange: ExchangeHouse
    audio: ExchangeAudio
    tickets: SqlTickets
    clock: Clock
    settings: Settings
    city: City
    door: str = ""
    _open: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    made: int = 0

    async def open(self) -> None:
        """Let others in."""
        services = replace(
            self.city.services(), exchange=self.exchange, webhooks=self.exchange,
            peer_audio=self.audio, tickets=self.tickets, audio=HomeAudio(self.settings.home),
            now=self.clock.now,
        )  # fmt: skip
        await self._open.enter_async_context(serving(build_app(services), "127.0.0.1", self.port))

    async def shut(self) -> None:
        """As if the house were away."""
        await self._open.aclose()

    async def crossing(self, **facts: Any) -> str:
        """A ticket dispatched to the other house."""
        self.made += 1
        fact = new_ticket(f"{self.name}-{self.made}", at=self.clock.now(), **facts)
        number = (await self.tickets.create(fact)).number
        await self.tell(number, "submitted", title="停水", text="三栋停水两天", kind="complaint")
        await self.tell(number, "dispatched", lead="pipes")
        return number

    async def tell(self, number: str, event: str, **data: Any) -> Life:
        """An event, by somebody who may."""
        life = await self.deadlines.lives.life(TENANT, number)
        step = TABLE.get((life.state, Event(event))) or OVERLAYS[Event(event)]
        actor = PEOPLE[step.who[0]]
        if actor.role is Who.DEPARTMENT:
            actor = Actor("dep-9", Who.DEPARTMENT, life.lead)
        told = {**DATA.get(event, {}), **data}
        told.pop("co_units", None)
        return await self.deadlines.lives.tell(
            Command(TENANT, number, Told(event, actor, self.clock.now(), told))
        )

    async def state(self, number: str) -> str:
        return str((await self.deadlines.lives.life(TENANT, number)).state)

    async def numbers(self) -> list[str]:
        """All tickets, the oldest first."""
        return [ticket.number for ticket in reversed(await self.tickets.list(TENANT))]

    @property
    def bearer(self) -> dict[str, str]:
        """An administrator's headers."""
        return {"Authorization": f"Bearer {self.city.token(Role.ADMIN)}"}

    async def ask(self, path: str, method: str = "GET", **more: Any) -> tuple[int, Any]:
        """One API request by an administrator."""
        headers = self.bearer
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, f"http://127.0.0.1:{self.port}{path}", headers=headers, **more
            ) as answer,
        ):
            return answer.status, await answer.json()


@asynccontextmanager
async def town(
    folder: Path,
    name: str,
    other: str,
    other_port: int,
    port: int,
    units: str,
    *,
    audio: bool = False,
    **settings: Any,
) -> AsyncIterator[Town]:
    """One house with its door open; it sends by itself."""
    folder.mkdir()
    (folder / "units.yaml").write_text(UNITS)
    address = f"http://127.0.0.1:{other_port}/exchange/v1/{TENANT}"
    (folder / "peers.yaml").write_text(
        f"version: 1\npeers:\n  - {{id: {other}, name: {other}, address: '{address}', we: {name},"
        f" units: [{units}], audio: {str(audio).lower()}}}\n"
    )
    tenant = Tenant(
        id=TENANT, name=name, units_file=folder / "units.yaml", peers_file=folder / "peers.yaml"
    )
    made = Settings(home=folder, tenants=(tenant,), trunks=(), **settings)
    made.folders.secrets.mkdir(mode=0o700)
    secrets_kept.write(made.folders, secret_name(TENANT, other), SECRET)
    database = Database(f"sqlite:///{folder}/hotline.db", deadline_s=20.0)
    await database.start()
    clock, zones = Clock(), {TENANT: ZoneInfo("Asia/Shanghai")}
    deadlines = Deadlines(made.tenants, database, clock, texts=bool(made.sms_hook_url))
    house = ExchangeHouse(made, database, deadlines, zones, clock)
    one = Town(
        name, port, database, deadlines, house,
        ExchangeAudio(made, database, deadlines, clock),
        SqlTickets(database, zones, clockwork=deadlines.clockwork), clock, made, City(),
        door=f"http://127.0.0.1:{port}/exchange/v1/{TENANT}",
    )  # fmt: skip
    await one.open()
    sending = asyncio.create_task(house.run())
    try:
        yield one
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await one.shut()
        await one.audio.close()
        await database.close()


@asynccontextmanager
async def two_towns(
    folder: Path, *, audio: bool = False, **settings: Any
) -> AsyncIterator[tuple[Town, Town]]:
    """The city, and the water company that takes what is dispatched to `pipes`; `audio`: the city
    hands recordings out."""
    here, there = free_port(), free_port()
    async with (
        town(
            folder / "city", "city", "water", there, here, "pipes", audio=audio, **settings
        ) as city,
        town(folder / "water", "water", "city", here, there, "", **settings) as water,
    ):
        yield city, water
