"""What every request passes: rights, time-out, errors as JSON, security headers."""

import asyncio
import secrets
from collections.abc import Callable
from typing import TypeVar

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError

from console.auth import Identity, is_local, peer_of
from console.board import Json
from console.doors import DOORS, Handler
from console.errors import (
    BY_STATUS,
    AlertNotFound,
    BadRequest,
    CallerNotFound,
    ConsoleError,
    Internal,
    Invalid,
    NotJson,
    OutsideCalendar,
    RoleRefused,
    SeatNotFound,
    SeatNotWrappingUp,
    StoreUnavailable,
    TenantRefused,
    TicketNotFound,
    TimedOut,
    TokenMissing,
    UnknownPauseReason,
    VersionStale,
)
from console.live import encode
from console.ports import ALL_TENANTS, TenantFacts
from console.refusals import RefusedByTickets
from console.services import AUTH, SERVICES
from queue_manager.errors import (
    NotWrappingUp,
    UnknownAlert,
    UnknownCaller,
    UnknownReason,
    UnknownSeat,
)
from tickets.calendar import CalendarEnd
from tickets.errors import EventRefused, StoreAway, UnknownTicket
from tickets.review import StaleVersion

Body = TypeVar("Body", bound=BaseModel)

REQUEST_S = 15.0
BODY_BYTES = 64 * 1024
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; media-src blob:; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Server": "hotline",
}
_CORES: dict[type[Exception], type[ConsoleError]] = {
    UnknownSeat: SeatNotFound,
    UnknownCaller: CallerNotFound,
    UnknownAlert: AlertNotFound,
    UnknownReason: UnknownPauseReason,
    NotWrappingUp: SeatNotWrappingUp,
    UnknownTicket: TicketNotFound,
    StoreAway: StoreUnavailable,
    StaleVersion: VersionStale,
    CalendarEnd: OutsideCalendar,
}

log = structlog.get_logger(__name__)


def reply(value: Json, status: int = 200) -> web.Response:
    """A JSON answer that nobody caches."""
    return web.Response(
        body=encode(value),
        status=status,
        content_type="application/json",
        charset="utf-8",
        headers={"Cache-Control": "no-store"},
    )


async def identity_of(request: web.Request) -> Identity:
    """The token's identity; raises `TokenMissing` and what `Authenticator.verify` raises."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenMissing
    return await request.app[AUTH].verify(token.strip(), peer_of(request))


async def allowed(request: web.Request) -> tuple[Identity, TenantFacts]:
    """The first line of each tenant's handler: who asks, and for which tenant. Lets the roles in
    that the route's `Door` names. An unknown tenant is 404 to any valid token.
    """
    identity = await identity_of(request)
    tenant = request.app[SERVICES].tenant(request.match_info["tenant"])
    if not identity.sees(tenant.id):
        raise TenantRefused
    if identity.role not in request.app[DOORS][request.match_info.handler].roles:
        raise RoleRefused
    return identity, tenant


async def local_or_token(request: web.Request) -> None:
    """Lets this machine's own scraper in, and tokens good for all tenants."""
    if is_local(request) and "Authorization" not in request.headers:
        return
    if (await identity_of(request)).tenant != ALL_TENANTS:
        raise TenantRefused


async def body(request: web.Request, model: type[Body]) -> Body:
    """The body as this model; raises `NotJson`, `BadRequest`, `Invalid`."""
    if request.content_type != "application/json":
        raise NotJson
    return _validated(lambda raw: model.model_validate_json(raw), await request.read())


def query(request: web.Request, model: type[Body]) -> Body:
    """The query's parameters as this model; raises `Invalid`."""
    return _validated(model.model_validate, dict(request.query))


Raw = TypeVar("Raw")


def _validated(read: Callable[[Raw], Body], raw: Raw) -> Body:
    try:
        return read(raw)
    except ValidationError as mistake:
        first = mistake.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "json_invalid":
            raise BadRequest from mistake
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise Invalid(f"{where}: {first['msg']}", f"参数 {where} 无效") from mistake


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure becomes the same JSON; a stack trace goes to the log, never out."""
    try:
        return await _bounded(request, handler)
    except ConsoleError as error:
        return _answer(request, error)
    except EventRefused as error:
        return _answer(request, RefusedByTickets(error))
    except tuple(_CORES) as error:
        return _answer(request, _CORES[type(error)]())
    except web.HTTPException as error:
        return _translated(request, error)
    except (ConnectionError, asyncio.IncompleteReadError):
        raise
    except Exception:
        request_id = secrets.token_hex(8)
        log.exception("request_failed", request_id=request_id, route=_route(request))
        answer = _answer(request, Internal())
        answer.headers["X-Request-Id"] = request_id
        return answer


async def _bounded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A slow peer or a slow store ends here; live connections and audio take their time."""
    if request.match_info.handler in request.app[UNBOUNDED]:
        return await handler(request)
    try:
        async with asyncio.timeout(REQUEST_S):
            return await handler(request)
    except TimeoutError as late:
        raise TimedOut(retry_after_s=5) from late


UNBOUNDED = web.AppKey("unbounded", frozenset[Handler])


def _translated(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    if error.status < 400:
        raise error
    kind = BY_STATUS.get(error.status, BadRequest if error.status < 500 else Internal)
    translated = kind()
    if "Allow" in error.headers:
        translated.headers["Allow"] = error.headers["Allow"]
    return _answer(request, translated)


def _answer(request: web.Request, error: ConsoleError) -> web.Response:
    request.app[SERVICES].metrics.error_answered(error.id)
    answer = reply(
        {"error": {"id": error.id, "message": error.message, "message_zh": error.message_zh}},
        error.status,
    )
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    answer.headers.update(error.headers)
    return answer


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return f"{request.method} {resource.canonical if resource else '?'}"


async def security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: on every answer, files and errors too."""
    response.headers.update(HEADERS)
