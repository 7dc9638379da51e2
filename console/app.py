"""The console put together: `build_app` makes the application, `serving` runs it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic

import structlog
from aiohttp import web

from console import guard
from console.api import (
    audio,
    callbacks,
    callers,
    choices,
    desks,
    evidence,
    exchange,
    exchange_audio,
    figures,
    followups,
    health,
    hours,
    kpi,
    lines,
    open311,
    openapi,
    pages,
    reload,
    roster,
    scope,
    seats,
    spoken,
    status,
    talks,
    ticket_life,
    tickets,
    understanding,
    units,
    wallboard,
    webhooks,
    words,
)
from console.auth import Authenticator
from console.doors import DOORS, Door
from console.live import FLUSH_S, LIVE, Live
from console.outward import LIMITS, Limits
from console.services import AUTH, SERVICES, Services

KEEPALIVE_S = 15.0
SHUTDOWN_S = 2.0

log = structlog.get_logger(__name__)


def doors() -> Iterable[Door]:
    """Every path there is."""
    rooms = (
        health, status, wallboard, seats, callers, callbacks, tickets, audio, lines, hours,
        roster, figures, kpi, reload, pages, talks, spoken, understanding, scope, words,
        openapi, exchange, exchange_audio, webhooks, open311,
        followups, ticket_life, units, choices, evidence, desks,
    )  # fmt: skip
    return [door for room in rooms for door in room.ROUTES]


def build_app(services: Services, flush_s: float = FLUSH_S) -> web.Application:
    """The application over these services; it may be built many times in one process.

    Live boards are brought up to date every `flush_s` at most.
    """
    app = web.Application(
        middlewares=[guard.errors],
        client_max_size=guard.BODY_BYTES,
    )
    app[SERVICES] = services
    app[AUTH] = Authenticator(services.tokens, services.now, monotonic)
    app[LIMITS] = Limits(monotonic)
    app[LIVE] = Live(partial(wallboard.read_moment, services), services.metrics, flush_s)
    app[kpi.TURNS] = kpi.Turns()
    app[health.HEALTH] = health.Health(services.parts)
    app[pages.FILES] = pages.read_files()
    app[guard.UNBOUNDED] = frozenset(
        (
            wallboard.live,
            *audio.UNBOUNDED,
            *evidence.UNBOUNDED,
            *exchange_audio.UNBOUNDED,
            *figures.UNBOUNDED,
            *spoken.UNBOUNDED,
            *kpi.UNBOUNDED,
            *words.UNBOUNDED,
        )
    )
    every = list(doors())
    app[DOORS] = {door.handler: door for door in every}
    app[openapi.DOCUMENT] = openapi.Document(every, services.version)
    app.add_routes(door.route for door in every)
    app.on_response_prepare.append(guard.security_headers)
    app.cleanup_ctx.append(_flushing)
    app.on_shutdown.append(_close_live)
    services.metrics.known(services.tenants())
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[web.AppRunner]:
    """Serve until the block ends. A silent or trickling connection is closed after 15 s.

    Raises OSError when the address can't be bound.
    """
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=KEEPALIVE_S, shutdown_timeout=SHUTDOWN_S
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield runner
    finally:
        await runner.cleanup()


async def _flushing(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(app[LIVE].run(), name="live-flush")
    yield
    task.cancel()
    for end in await asyncio.gather(task, return_exceptions=True):
        if not isinstance(end, asyncio.CancelledError):
            log.error("live_flush_failed", error=repr(end))


async def _close_live(app: web.Application) -> None:
    await app[LIVE].close()
