"""Who may hear what of a ticket that has crossed over, in SQL."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select

from storage.database import Database
from storage.exchange_in import Taken, refused
from storage.exchange_tables import crossings, exchange_seen
from storage.lives import SqlLives
from tickets.crossing import Way
from tickets.errors import UnknownTicket


class SqlExchangeAudio:
    """Crossings on a `Database`, asked for audio. Everything may raise `StoreAway`."""

    def __init__(self, database: Database, lives: SqlLives) -> None:
        self._database = database
        self._lives = lives

    async def may_hear(
        self, tenant: str, peer: str, number: str, *, nonce: str, until: int
    ) -> Taken | None:
        """Why a peer may not hear our ticket; None when it may. The signature's nonce is used by
        it, whatever comes of it."""

        def use(connection: Connection) -> bool:
            seen = exchange_seen.c
            known = select(seen.nonce).where(
                seen.tenant == tenant, seen.peer == peer, seen.nonce == nonce
            )
            if connection.execute(known).first() is not None:
                return False
            row = {"tenant": tenant, "peer": peer, "nonce": nonce, "until": until}
            connection.execute(insert(exchange_seen), row)
            return True

        if not await self._database.write(use, order=tenant):
            return refused(409, "message-replayed", "this signed request was sent before")
        row = await self._crossing(tenant, number, peer, Way.OUT)
        try:
            life = await self._lives.life(tenant, number)
        except UnknownTicket:
            life = None
        if row is None or not row["open"] or life is None:
            return refused(409, "not-crossed", "no ticket of this number is with you")
        if life.confidential:
            return refused(403, "confidential", "the citizen asked for confidence")
        return None

    async def theirs(self, tenant: str, number: str, peer: str) -> str:
        """The number that a ticket which came from a peer has there; "" when it didn't."""
        row = await self._crossing(tenant, number, peer, Way.IN)
        return str(row["their_number"]) if row is not None else ""

    async def _crossing(
        self, tenant: str, number: str, peer: str, way: Way
    ) -> Mapping[str, Any] | None:
        ours = crossings.c
        query = select(crossings).where(
            ours.tenant == tenant, ours.number == number, ours.peer == peer, ours.way == way.value
        )
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else dict(row._mapping)
