"""A tenant's board: once as JSON, or live over WebSocket."""

import asyncio
from urllib.parse import urlsplit

import structlog
from aiohttp import WSMsgType, web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from console import answers
from console.auth import Identity, peer_of
from console.board import MOST_TILES, Moment, board
from console.doors import ANYBODY, CENTRE, get
from console.errors import (
    ConsoleError,
    OriginRefused,
    RoleRefused,
    TenantRefused,
    TooManyClients,
    UnknownTenant,
)
from console.guard import allowed, reply
from console.live import LIVE, Client
from console.services import AUTH, SERVICES, Services

HELLO_S = 5.0
RECHECK_S = 60.0
HEARTBEAT_S = 20.0
MESSAGE_BYTES = 4096
CLOSE_REFUSED = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_BAD_HELLO = 4400
CLOSE_TRY_LATER = 1013

log = structlog.get_logger(__name__)


class Hello(BaseModel):
    """The client's only message: its token."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=256)


def read_moment(services: Services, tenant_id: str) -> Moment:
    """The tenant right now; raises `UnknownTenant`."""
    groups = services.figures.groups(tenant_id)
    few = sum(groups.states.values()) <= MOST_TILES
    return Moment(
        tenant=services.tenant(tenant_id),
        at=services.now(),
        waiting=services.waiting.waiting(tenant_id),
        groups=groups,
        seats=services.seats.views(tenant_id) if few else (),
        figures=services.figures.today(tenant_id),
        hours=services.hours.show(tenant_id),
        lines=services.lines.lines(tenant_id),
        alerts=services.waiting.alerts(tenant_id),
        duty=services.rosters.counts(tenant_id),
    )


async def wallboard(request: web.Request) -> web.Response:
    """The board as one JSON object."""
    _, tenant = await allowed(request)
    return reply(board(read_moment(request.app[SERVICES], tenant.id)))


async def live(request: web.Request) -> web.WebSocketResponse:
    """The board as a stream; the token is the first message, never part of the URL."""
    _check_origin(request)
    tenant = request.app[SERVICES].tenant(request.match_info["tenant"])
    hub = request.app[LIVE]
    if hub.full:
        raise TooManyClients(retry_after_s=30)
    ws = web.WebSocketResponse(
        heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_BYTES, compress=False, timeout=2.0
    )
    await ws.prepare(request)
    hub.sockets.add(ws)
    try:
        token = await _hello(ws)
        if token and await _admit(request, ws, token, tenant.id):
            await _stream(request, ws, token, tenant.id)
    finally:
        hub.sockets.discard(ws)
    return ws


def _check_origin(request: web.Request) -> None:
    """Browsers send Origin; it must be this very host. Programs send none."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise OriginRefused


async def _hello(ws: web.WebSocketResponse) -> str:
    try:
        message = await ws.receive(timeout=HELLO_S)
        if message.type is WSMsgType.TEXT:
            return Hello.model_validate_json(message.data).token
    except (TimeoutError, ValidationError):
        pass
    await ws.close(code=CLOSE_BAD_HELLO, message=b"bad-hello")
    return ""


async def _admit(
    request: web.Request, ws: web.WebSocketResponse, token: str, tenant_id: str
) -> Identity | None:
    try:
        identity = await request.app[AUTH].verify(token, peer_of(request))
        if not identity.sees(tenant_id):
            raise TenantRefused
        if identity.role not in CENTRE:
            raise RoleRefused
    except ConsoleError as error:
        codes = {401: CLOSE_REFUSED, 403: CLOSE_FORBIDDEN}
        await ws.close(code=codes.get(error.status, CLOSE_TRY_LATER), message=error.id.encode())
        return None
    return identity


async def _stream(
    request: web.Request, ws: web.WebSocketResponse, token: str, tenant_id: str
) -> None:
    transport = request.transport
    if transport is None:
        return
    hub, client = request.app[LIVE], Client(ws, transport)
    hub.join(tenant_id, client)
    sender = asyncio.create_task(client.pump(), name="live-pump")
    try:
        while await _quiet(ws) and await _admit(request, ws, token, tenant_id):
            pass
    finally:
        hub.leave(tenant_id, client)
        sender.cancel()
        for end in await asyncio.gather(sender, return_exceptions=True):
            if not isinstance(end, asyncio.CancelledError | ConnectionError):
                log.error("live_pump_failed", tenant=tenant_id, error=repr(end))


async def _quiet(ws: web.WebSocketResponse) -> bool:
    """True after a minute without a word: then the token is looked at again.

    A client has nothing more to say; one that does is closed.
    """
    try:
        message = await ws.receive(timeout=RECHECK_S)
    except TimeoutError:
        return True
    if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
        await ws.close(code=CLOSE_BAD_HELLO, message=b"nothing-more-expected")
    return False


ROUTES = (
    get("/api/v1/tenants/{tenant}/wallboard", wallboard, answers.Board),
    get(
        "/api/v1/tenants/{tenant}/live",
        live,
        roles=ANYBODY,
        status=101,
        media=(),
        errors=(OriginRefused, TooManyClients, UnknownTenant),
    ),
)
