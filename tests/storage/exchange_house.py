"""Two houses with stores of their own, and a line between them that can be cut."""

import hashlib
import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.clockwork import NoClocks
from storage.database import Database
from storage.exchange_in import Proven, SqlExchange, Taken
from storage.lives import Command, SqlLives
from storage.outbox import Outgoing, SqlOutbox
from storage.outlet import Outlet
from storage.tickets import SqlTickets
from storage.webhooks import SqlWebhooks
from tests.storage.facts import NOON, ZONES, new_ticket
from tests.tickets.lives import DATA, PEOPLE
from tickets.life import Actor, Life, Role, Told
from tickets.lifecycle import OVERLAYS, TABLE, Event
from tickets.messages import Message
from tickets.peers import Peer, PeersFile

TENANT = "default"
PIPES = "pipes"
"""The unit of the city's that is the water company's house."""
CITY = Peer(id="city", name="12345", address="http://127.0.0.1:1/exchange/v1/default", we="water")
_nonces = itertools.count(1)


def water(**changed: Any) -> Peer:
    """The water company, as the city knows it."""
    values: dict[str, Any] = {
        "id": "water", "name": "水务集团", "we": "city", "units": (PIPES,),
        "address": "http://127.0.0.1:1/exchange/v1/default",
    }  # fmt: skip
    return Peer(**values | changed)


class House:
    """One store with tickets, its outbox and its door; `at` is its time."""

    def __init__(self, database: Database, *peers: Peer) -> None:
        self.database = database
        self.peers = PeersFile(peers=peers)
        self.webhooks = SqlWebhooks(database)
        clockwork = Outlet(NoClocks(), lambda tenant: self.peers, self.webhooks.hooks)
        self.tickets = SqlTickets(database, ZONES, clockwork=clockwork)
        self.lives = SqlLives(database, clockwork)
        self.outbox = SqlOutbox(database)
        self.door = SqlExchange(database, clockwork, self.lives, ZONES)
        self.at = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)

    @property
    def now(self) -> int:
        return int(self.at.timestamp())

    async def made(self, call_id: str = "n-1.1") -> str:
        """A new ticket's number."""
        return (await self.tickets.create(new_ticket(call_id, at=NOON))).number

    async def tell(self, number: str, event: str, **data: Any) -> Life:
        """An event, by somebody who may."""
        life = await self.lives.life(TENANT, number)
        step = TABLE.get((life.state, Event(event))) or OVERLAYS[Event(event)]
        actor = PEOPLE[step.who[0]]
        if actor.role is Role.DEPARTMENT:
            actor = Actor("dep-9", Role.DEPARTMENT, life.lead)
        told = Told(event, actor, self.at, _without_none({**DATA.get(event, {}), **data}))
        return await self.lives.tell(Command(TENANT, number, told))

    async def crossing(self, call_id: str = "n-1.1", **submitted: Any) -> str:
        """A ticket that is dispatched to the water company."""
        number = await self.made(call_id)
        told = {"title": "停水", "text": "三栋停水两天", "kind": "complaint", **submitted}
        await self.tell(number, "submitted", **told)
        await self.tell(number, "dispatched", lead=PIPES, co_units=None)
        return number

    async def events(self, number: str) -> list[str]:
        return [kept.told.event for kept in await self.lives.history(TENANT, number)]

    async def state(self, number: str) -> str:
        return str((await self.lives.life(TENANT, number)).state)


def _without_none(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value is not None}


def proven(message: Outgoing, nonce: str = "") -> Proven:
    """A message as a door has it, whose signature was good."""
    body = {**message.body, "id": message.message}
    return of_body(body, nonce)


def of_body(body: Mapping[str, Any], nonce: str = "") -> Proven:
    """The same, of a body."""
    said = json.dumps(body, sort_keys=True).encode()
    nonce = nonce or f"nonce-{next(_nonces)}"
    until = int(NOON.timestamp()) + 10**6
    return Proven(Message.model_validate(body), nonce, until, hashlib.sha256(said).hexdigest())


async def carry(sender: House, receiver: House, known_as: str) -> list[tuple[str, Taken]]:
    """Bring all that waits from one house to the other, in order, as a sender does."""
    carried = []
    while messages := await sender.outbox.take(sender.now, lease_s=30, limit=10):
        for message in messages:
            taken = await receiver.door.take(TENANT, known_as, proven(message), receiver.at)
            carried.append((message.kind, taken))
            if taken.status == 200:
                await sender.outbox.sent(message, str(taken.answer["number"]))
            else:
                await sender.outbox.give_up(message, str(taken.answer["error"]["id"]))
        sender.at += timedelta(seconds=1)
    return carried
