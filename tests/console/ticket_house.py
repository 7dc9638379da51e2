"""A city whose tickets are real: a database, the lifecycle, clocks and units behind a real server,
and people with tokens who ask it over HTTP."""

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from console.app import build_app, serving
from console.outward import NoOutward
from console.ports import Role
from hotline.clock_watch import ClockWatch
from hotline.deadlines import Deadlines
from hotline.evidence import HomeEvidence
from hotline.ticket_desk import TicketDesk
from ivr.tenants import Tenant
from storage.citizen_texts import text_of
from storage.database import Database
from storage.outbox import SqlOutbox
from storage.tickets import SqlTickets
from tests.console.conftest import FLUSH_S, Caller
from tests.console.fakes import CITY, City
from tests.servers import free_port
from tests.storage.facts import opened
from tickets.understanding.understand import HERE

ZONE = ZoneInfo("Asia/Shanghai")
HERE_PATH = f"/api/v1/tenants/{CITY}"
LAMP = {
    "title": "路灯不亮",
    "text": "翠竹园小区门口的路灯三天不亮了,晚上看不见路。",
    "kind": "complaint",
    "class_code": "050101",
    "place": "翠竹园小区",
    "place_code": "450103",
    "requester": {"name": "张先生", "phone": "13812345678"},
}


class ToldClock:
    """A time that moves as it is told."""

    def __init__(self, text: str = "2026-11-23 10:00") -> None:
        self.at = datetime.fromisoformat(text).replace(tzinfo=ZONE)

    def now(self) -> datetime:
        return self.at

    def on(self, **more: float) -> None:
        """Time goes by."""
        self.at += timedelta(**more)


@dataclass
class Person:
    """Somebody with a token, and what he does with tickets."""

    caller: Caller
    keys: Any = field(default_factory=lambda: count(1))

    async def take(self, *, key: str = "", **changed: Any) -> Mapping[str, Any]:
        """Take a request in; what was answered."""
        headers = {"Idempotency-Key": key} if key else {}
        status, told, _ = await self.caller.ask(
            f"{HERE_PATH}/tickets", "POST", json={**LAMP, **changed}, headers=headers
        )
        assert status == 201, told
        answer: Mapping[str, Any] = told
        return answer

    async def sees(self, number: str) -> Mapping[str, Any]:
        """A ticket as he sees it."""
        status, told, headers = await self.caller.ask(f"{HERE_PATH}/tickets/{number}")
        assert status == 200, told
        assert headers["ETag"] == f'"{told["ticket"]["life"]["version"]}"'
        ticket: Mapping[str, Any] = told["ticket"]
        return ticket

    async def asks(self, path: str) -> Any:
        """Something below the tenant."""
        status, told, _ = await self.caller.ask(f"{HERE_PATH}/{path}")
        assert status == 200, told
        return told

    async def tells(self, number: str, event: str, /, **data: Any) -> Mapping[str, Any]:
        """An event, of the version that is there now; the ticket afterwards."""
        version = (await self.sees(number))["version"]
        status, told, _ = await self._told(number, event, version, data)
        assert status == 200, told
        ticket: Mapping[str, Any] = told["ticket"]
        return ticket

    async def refused(
        self, number: str, event: str, version: int, /, **data: Any
    ) -> tuple[int, str]:
        """Status and id of the error."""
        status, told, _ = await self._told(number, event, version, data)
        assert set(told) == {"error"}, told
        assert told["error"]["message"]
        assert told["error"]["message_zh"]
        return status, told["error"]["id"]

    async def _told(
        self, number: str, event: str, version: int, data: Mapping[str, Any]
    ) -> tuple[int, Any, Mapping[str, str]]:
        body = {"event": event, "data": dict(data), "version": version}
        return await self.caller.ask(f"{HERE_PATH}/tickets/{number}/events", "POST", json=body)


class Abroad(NoOutward):
    """Where tickets are beside here, by number."""

    def __init__(self) -> None:
        self.of: dict[str, Sequence[Mapping[str, Any]]] = {}

    async def crossed(self, tenant: str, ticket: str) -> Sequence[Mapping[str, Any]]:
        return self.of.get(ticket, ())


@dataclass
class TicketHouse:
    """The city, its clock, and everybody in it. `evidence` is where files lie, `crossings` where
    tickets are beside here, by number."""

    city: City
    nobody: Caller
    database: Database
    clock: ToldClock
    tickets: SqlTickets
    watch: ClockWatch
    evidence: Path
    crossings: dict[str, Sequence[Mapping[str, Any]]]

    def person(self, role: Role, *, unit: str = "", name: str = "", seat: str = "") -> Person:
        """Somebody with a token of this role."""
        token = self.city.token(role, seat_id=seat, unit=unit, person=name)
        return Person(self.nobody.having(token))

    @property
    def seat(self) -> Person:
        return self.person(Role.SEAT, seat="801")

    @property
    def reviewer(self) -> Person:
        return self.person(Role.REVIEWER, name="rev")

    @property
    def supervisor(self) -> Person:
        return self.person(Role.SUPERVISOR, name="sup")

    def unit(self, unit: str) -> Person:
        """Somebody of a unit."""
        return self.person(Role.DEPARTMENT, unit=unit)

    async def texts(self) -> Sequence[Mapping[str, Any] | None]:
        """The text messages that wait for citizens, as they would go out, in order."""
        waiting = await SqlOutbox(self.database).list(CITY)
        return await self.database.read(lambda c: [text_of(c, one) for one in reversed(waiting)])


@asynccontextmanager
async def ticket_house(url: str) -> AsyncIterator[TicketHouse]:
    """The house with its server, for the length of the block."""
    city, clock, port, abroad = City(), ToldClock(), free_port(), Abroad()
    city.seat(CITY, "801")
    tenant = Tenant(id=CITY, name="市")
    with tempfile.TemporaryDirectory() as folder:
        async with opened(url) as database:
            deadlines = Deadlines([tenant], database, clock, texts=True)
            zones = {CITY: ZONE}
            tickets = SqlTickets(database, zones, clockwork=deadlines.clockwork)
            desk = TicketDesk(database, deadlines, tickets, zones, clock, HERE)
            services = replace(
                city.services(), desk=desk, tickets=tickets, now=clock.now, exchange=abroad,
                evidence=HomeEvidence(Path(folder)),
            )  # fmt: skip
            async with (
                serving(build_app(services, FLUSH_S), "127.0.0.1", port),
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session,
            ):
                nobody = Caller(session, f"http://127.0.0.1:{port}")
                yield TicketHouse(
                    city, nobody, database, clock, tickets, deadlines.watch, Path(folder),
                    abroad.of,
                )  # fmt: skip
