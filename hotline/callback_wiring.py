"""Callbacks with their real neighbours: the books in SQL and the journal, the way out in
Asterisk."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from console.metrics import Metrics
from hotline.callback_books import CallbackBooks
from hotline.callback_runner import Outside
from hotline.callbacks import Callbacks
from hotline.settings import Settings
from ivr.dialling import trunk_for
from ivr.ports import Clock, Tickets
from queue_manager.rules import CallbackRules
from queue_manager.service import QueueService
from storage.callbacks import SqlCallbacks
from storage.database import Database
from storage.journal import Journal
from telephony.door import Telephony
from tickets.errors import StoreAway

log = structlog.get_logger(__name__)


def calling_back(
    settings: Settings,
    database: Database,
    journal: Journal,
    queues: Mapping[str, QueueService],
    telephony: Telephony,
    tickets: Tickets,
    clock: Clock,
    metrics: Metrics,
    rules: Callable[[str], CallbackRules],
    spawn: Callable[[Coroutine[Any, Any, None]], None],
) -> Callbacks:
    """The callbacks of one engine; `rules` tells a tenant's policy as it is now."""
    outbound = settings.outbound
    ring_s = {tenant.id: tenant.ring_s for tenant in settings.tenants}
    books = CallbackBooks(SqlCallbacks(database, settings.node), journal, tickets, clock, metrics)
    outside = Outside(
        queues=queues,
        ring_s=lambda tenant: ring_s[tenant],
        trunk=lambda number: trunk_for(outbound, number),
        lines=telephony.originator,
        clock=clock,
    )
    return Callbacks(books, outside, rules, spawn, allowed=bool(outbound), node=settings.node)


async def start_callbacks(
    callbacks: Callbacks,
    database: Database,
    journal: Journal,
    spawn: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    """Who is to be called back has his place before Asterisk tells of any seat's phone."""
    if database.healthy and not journal.waiting:
        try:
            await callbacks.start()
        except StoreAway as error:
            log.error("callbacks_not_read", reason=str(error))
        else:
            return
    spawn(callbacks.start_later(database.wait_healthy, lambda: journal.waiting))
