"""Who changes clocks holds what the events' writers hold, so that neither overwrites the other.

PostgreSQL only: on SQLite a transaction that writes is alone.
"""

from weakref import WeakKeyDictionary

from sqlalchemy import Connection
from sqlalchemy.engine import RootTransaction

_LOCK = "SELECT pg_advisory_xact_lock(12345, hashtext($1))"
_SHORT = (
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', true),"
    " pg_advisory_xact_lock(12345, hashtext($1))"
)
_held: WeakKeyDictionary[RootTransaction, set[str]] = WeakKeyDictionary()


def hold_tenant(connection: Connection, tenant: str, *, few_rows: bool = False) -> None:
    """Wait until nobody else changes this tenant's tickets, then hold that until the commit.

    Taken before any row, those of counters too: so two who change tickets can't each wait for
    the other. Who holds it already in this transaction asks nobody. `few_rows`: whatever follows
    is about rows named by their keys, for which the server needn't make a plan each time.
    """
    if connection.dialect.name != "postgresql":
        return
    known = connection.get_transaction()
    if known is not None and tenant in _held.get(known, ()):
        return
    connection.exec_driver_sql(_SHORT if few_rows else _LOCK, (tenant,))
    now = connection.get_transaction()
    # One taken within a savepoint would be let go of with it.
    if now is not None and not connection.in_nested_transaction():
        _held.setdefault(now, set()).add(tenant)
