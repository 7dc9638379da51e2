"""Who has called before: read from SQL into the conversations' memory, at the start and anew."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from ivr.known_callers import KEPT, EndedCall, KnownCallers, Mark
from ivr.ports import Clock
from storage.known_callers import EarlierCall, SqlKnownCallers
from tickets.errors import StoreAway

REMEMBERED = timedelta(days=30)
AGAIN_S = 5.0
LOOK_S = 10.0
LATE = timedelta(minutes=1)
"""A row may be written so much later than its call ended; a later one is known at the next start.
"""
LONGEST = timedelta(hours=2)
"""Of calls that took longer than this other nodes learn at their next start."""

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


async def follow_callers(
    store: SqlKnownCallers, tenants: Sequence[str], callers: KnownCallers, clock: Clock
) -> None:
    """What calls at other nodes tell of their callers, for ever: who gave up there a minute ago, or
    calls once more, is known here, too. While SQL is away nothing is."""
    seen = {tenant: clock.now() for tenant in tenants}
    while True:
        await asyncio.sleep(LOOK_S)
        for tenant in tenants:
            now = clock.now()
            try:
                calls = await store.ended(tenant, seen[tenant] - LATE, now - LONGEST)
            except StoreAway:
                break
            seen[tenant] = now
            callers.hear(tenant, map(_ended, calls))


def _ended(call: EarlierCall) -> tuple[str, EndedCall]:
    return call.e164, EndedCall(call.ended_at, call.outcome, call.seat_id, call.language)


async def _read(
    store: SqlKnownCallers, tenant: str, tenants: int, callers: KnownCallers, clock: Clock
) -> bool:
    try:
        await read_marks(store, tenant, callers)
        calls = await store.earlier(tenant, clock.now() - REMEMBERED, KEPT // tenants)
    except StoreAway as error:
        log.warning("callers_not_read", tenant=tenant, reason=str(error))
        return False
    callers.learn(tenant, map(_ended, calls))
    return True
