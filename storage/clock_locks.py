"""Who changes clocks holds what the events' writers hold, so that neither overwrites the other.

PostgreSQL only: on SQLite a transaction that writes is alone.
"""

from sqlalchemy import Connection, text

_LOCK = text("SELECT pg_advisory_xact_lock(12345, hashtext(:tenant))")


def hold_tenant(connection: Connection, tenant: str) -> None:
    """Wait until nobody else changes this tenant's tickets, then hold that until the commit.

    Taken before any row: so two who change tickets can't each wait for the other.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"tenant": tenant})
