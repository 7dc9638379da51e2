"""Seats as set up: number, name, SIP endpoint, its credential's digest, skills, team."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from queue_manager.model import Seat
from storage.database import Database
from storage.tables import seats


@dataclass(frozen=True, slots=True)
class StoredSeat:
    """A seat and `md5_cred`: MD5(endpoint:realm:password), never the password."""

    seat: Seat
    md5_cred: str


class SqlSeats:
    """The seats of every tenant. An endpoint is a name in Asterisk: unique over all tenants."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, seat: Seat, md5_cred: str) -> None:
        """Add it; `StoreRefused` when its number or its endpoint is taken."""
        row = {
            "tenant": seat.tenant, "seat_id": seat.seat_id, "name": seat.name,
            "endpoint": seat.endpoint, "md5_cred": md5_cred, "skills": dict(seat.skills),
            "team": seat.team,
        }  # fmt: skip
        await self._database.write(lambda connection: connection.execute(insert(seats), row))

    async def set_skills(self, tenant: str, seat_id: str, skills: Mapping[str, int]) -> bool:
        """Replace its skills; False when there is no such seat."""
        change = update(seats).where(seats.c.tenant == tenant, seats.c.seat_id == seat_id)
        return await self._changed(change.values(skills=dict(skills)))

    async def set_team(self, tenant: str, seat_id: str, team: str) -> bool:
        """Replace its team in the shift roster ("": none); False when there is no such seat."""
        change = update(seats).where(seats.c.tenant == tenant, seats.c.seat_id == seat_id)
        return await self._changed(change.values(team=team))

    async def set_credential(self, tenant: str, seat_id: str, md5_cred: str) -> bool:
        """Replace its password's digest; False when there is no such seat."""
        change = update(seats).where(seats.c.tenant == tenant, seats.c.seat_id == seat_id)
        return await self._changed(change.values(md5_cred=md5_cred))

    async def remove(self, tenant: str, seat_id: str) -> bool:
        """Remove it; False when there is no such seat."""
        return await self._changed(
            delete(seats).where(seats.c.tenant == tenant, seats.c.seat_id == seat_id)
        )

    async def list(self, tenant: str | None = None) -> Sequence[StoredSeat]:
        """A tenant's seats by number, or everybody's."""
        query = select(seats).order_by(seats.c.tenant, seats.c.seat_id)
        if tenant is not None:
            query = query.where(seats.c.tenant == tenant)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_stored(row) for row in rows]

    async def _changed(self, change: Any) -> bool:
        def run(connection: Connection) -> bool:
            return connection.execute(change).rowcount > 0

        return await self._database.write(run)


def _stored(row: Row[Any]) -> StoredSeat:
    seat = Seat(row.tenant, row.seat_id, row.name, row.endpoint, row.skills, row.team)
    return StoredSeat(seat, row.md5_cred)
