"""Seals over the heads of tickets' chains: evidence that no end of a chain was cut off.

Each second the heads that changed are put into one seal of their tenant, and each seal carries a
hash of itself and of the seal before. Whoever cuts off a ticket's last events, or removes a ticket
whole, would have to make all seals since then anew; a seal's number and hash, noted elsewhere (the
log has them), tell that too.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import structlog
from sqlalchemy import Connection, delete, insert, select, text

from storage.database import Database
from storage.life_tables import ticket_seals, ticket_unsealed
from tickets.chain import FIRST, canonical
from tickets.errors import StoreAway

log = structlog.get_logger(__name__)

EVERY_S = 1.0
_LOCK = text("SELECT pg_advisory_xact_lock(12345, 0)")
_SEALS = ticket_seals.c

Heads = Sequence[Sequence[object]]
"""`[number, seq, hash in hex]` each."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A tenant's n-th seal."""

    tenant: str
    n: int
    at: datetime
    heads: Heads
    hash: bytes


def seal_hash(before: bytes, tenant: str, n: int, at: datetime, heads: Heads) -> bytes:
    """A seal's own hash, which its successor carries on."""
    when = at.astimezone(UTC).isoformat(timespec="microseconds")
    return sha256(before + canonical((tenant, n, when, heads))).digest()


def seal(connection: Connection, at: datetime) -> list[Seal]:
    """Seal what has changed, one seal a tenant; nothing when nothing has."""
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK)
    taken = delete(ticket_unsealed).returning(
        ticket_unsealed.c.id, ticket_unsealed.c.tenant, ticket_unsealed.c.heads
    )
    heads: dict[str, dict[str, Sequence[object]]] = {}
    for row in sorted(connection.execute(taken), key=lambda row: row.id):
        heads.setdefault(row.tenant, {}).update({head[0]: head for head in row.heads})
    return [_put(connection, tenant, list(heads[tenant].values()), at) for tenant in sorted(heads)]


def _put(connection: Connection, tenant: str, heads: Heads, at: datetime) -> Seal:
    last = connection.execute(
        select(_SEALS.n, _SEALS.hash)
        .where(_SEALS.tenant == tenant)
        .order_by(_SEALS.n.desc())
        .limit(1)
    ).first()
    n, before = (last.n + 1, bytes(last.hash)) if last else (1, FIRST)
    made = Seal(tenant, n, at, heads, seal_hash(before, tenant, n, at, heads))
    connection.execute(
        insert(ticket_seals),
        {"tenant": tenant, "n": n, "at": at, "heads": list(heads), "hash": made.hash},
    )
    return made


class Sealer:
    """Seals what this engine's database has taken in, each second in which it took anything in."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._seen = -1  # at the start there may be what an engine that died left unsealed

    async def run(self, every_s: float = EVERY_S) -> None:
        """Until cancelled; an outage of the database is waited out."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.seal()
            except StoreAway:
                self._seen = -1
            except Exception:  # seals go on, whatever it was
                log.exception("sealing_failed")
                self._seen = -1

    async def seal(self) -> None:
        """Seal now, if anything was written since the last time."""
        written = self._database.counts.operations
        if written == self._seen:
            return
        at = self._now()
        for made in await self._database.write(lambda connection: seal(connection, at)):
            log.debug("tickets_sealed", tenant=made.tenant, n=made.n, hash=made.hash.hex())
        self._seen = self._database.counts.operations
