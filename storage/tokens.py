"""Tokens as stored: the digest of a secret, and what it allows. `console.auth` makes and checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from storage.database import Database
from storage.tables import tokens


@dataclass(frozen=True, slots=True)
class StoredToken:
    """One token; `sha256` (hex) is of its 256-bit secret, which nobody keeps."""

    token_id: str
    sha256: str
    role: str
    tenant: str
    created_at: datetime
    seat_id: str = ""
    label: str = ""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    unit: str = ""
    person: str = ""


class SqlTokens:
    """Tokens of every tenant; revoked and expired ones are kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, token: StoredToken) -> None:
        """Store it; `StoreRefused` when its id or digest is there already."""
        row = {
            "id": token.token_id, "sha256": token.sha256, "role": token.role,
            "tenant": token.tenant, "created_at": token.created_at, "seat_id": token.seat_id,
            "label": token.label, "expires_at": token.expires_at, "revoked_at": token.revoked_at,
            "unit": token.unit, "person": token.person,
        }  # fmt: skip
        await self._database.write(lambda connection: connection.execute(insert(tokens), row))

    async def find(self, token_id: str) -> StoredToken | None:
        """The token of this id, revoked and expired ones too; None when there is none."""
        query = select(tokens).where(tokens.c.id == token_id)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        return None if row is None else _token(row)

    async def list(self, tenant: str | None = None) -> Sequence[StoredToken]:
        """A tenant's tokens, or everybody's, oldest first."""
        query = select(tokens).order_by(tokens.c.created_at, tokens.c.id)
        if tenant is not None:
            query = query.where(tokens.c.tenant == tenant)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_token(row) for row in rows]

    async def revoke(self, token_id: str, now: datetime) -> bool:
        """End it at once; False when there is no such living token."""
        change = (
            update(tokens)
            .where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )

        def run(connection: Connection) -> bool:
            return connection.execute(change).rowcount > 0

        return await self._database.write(run)


def _token(row: Row[Any]) -> StoredToken:
    return StoredToken(
        row.id, row.sha256, row.role, row.tenant, row.created_at, row.seat_id, row.label,
        row.expires_at, row.revoked_at, row.unit, row.person,
    )  # fmt: skip
