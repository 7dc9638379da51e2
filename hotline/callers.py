"""Who has called before: read from SQL into the conversations' memory, at the start and anew."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from ivr.known_callers import KEPT, EndedCall, KnownCallers, Mark
from ivr.ports import Clock
from storage.known_callers import SqlKnownCallers
from tickets.errors import StoreAway

REMEMBERED = timedelta(days=30)
AGAIN_S = 5.0

log = structlog.get_logger(__name__)


async def read_marks(store: SqlKnownCallers, tenant: str, callers: KnownCallers) -> None:
    """The staff's marks of one tenant. Raises StoreAway."""
    marked = await store.marked(tenant)
    callers.set_marks(tenant, ((m.e164, Mark(m.elder, m.language)) for m in marked))


async def read_callers(
    store: SqlKnownCallers,
    tenants: Sequence[str],
    callers: KnownCallers,
    clock: Clock,
    healthy: Callable[[], Awaitable[None]],
) -> None:
    """Marks and last calls of all tenants, beside the calls that are being taken; while SQL is
    away nobody is known, and it is tried again."""
    for tenant in tenants:
        while not await _read(store, tenant, len(tenants), callers, clock):
            await asyncio.sleep(AGAIN_S)
            await healthy()
    log.info("callers_known", count=len(callers))


async def _read(
    store: SqlKnownCallers, tenant: str, tenants: int, callers: KnownCallers, clock: Clock
) -> bool:
    try:
        await read_marks(store, tenant, callers)
        calls = await store.earlier(tenant, clock.now() - REMEMBERED, KEPT // tenants)
    except StoreAway as error:
        log.warning("callers_not_read", tenant=tenant, reason=str(error))
        return False
    callers.learn(
        tenant,
        ((c.e164, EndedCall(c.ended_at, c.outcome, c.seat_id, c.language)) for c in calls),
    )
    return True
