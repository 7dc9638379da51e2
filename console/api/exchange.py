"""The exchange with other houses: the door their signed messages come in by, and what supervisors
see of what goes out. docs/exchange.md tells the messages."""

from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from console.auth import peer_of
from console.doors import ANYBODY, get, post
from console.errors import BodyTooLarge, TooManyRequests, UnknownMessage, UnknownPeer
from console.guard import allowed, query, reply
from console.outward import LIMITS, MessageView
from console.ports import Role
from console.services import SERVICES

WATCHERS = (Role.ADMIN, Role.SUPERVISOR, Role.LEADER, Role.AUDITOR)

log = structlog.get_logger(__name__)


class Outgoing(TypedDict):
    """A message to a peer (`peer:<id>`) or webhook (`hook:<id>`); times in seconds since 1970."""

    id: int
    target: str
    ticket: str
    kind: str
    state: str
    made_at: int
    next_at: int
    tries: int
    reason: str


class Messages(TypedDict):
    """The newest first; `next_before` continues, null at the end."""

    messages: list[Outgoing]
    next_before: int | None


class Crossed(TypedDict):
    """A ticket that is at a peer (`way` out) or came from one (in)."""

    peer: str
    way: str
    their_number: str
    their_state: str
    open: bool


class Crossings(TypedDict):
    """Every peer that has to do with it."""

    crossings: list[Crossed]


class Again(TypedDict):
    """The message that is sent again."""

    id: int
    state: str


class Which(BaseModel):
    """Of what goes out."""

    model_config = ConfigDict(extra="forbid")

    state: str = Field(default="", pattern=r"^(|waiting|sent|given_up)$")
    ticket: str = Field(default="", pattern=r"^[0-9]{0,20}$")
    before: int = Field(default=0, ge=0, lt=2**53)


PAGE = 100


def spelled(view: MessageView) -> dict[str, Any]:
    """A message as JSON."""
    return {name: getattr(view, name) for name in MessageView.__slots__}


async def take(request: web.Request) -> web.Response:
    """A peer's message: its signature (RFC 9421) is its right to come in."""
    request.app[LIMITS].passes("exchange", peer_of(request))
    services = request.app[SERVICES]
    tenant = services.tenant(request.match_info["tenant"])
    taken = await services.exchange.take(
        tenant.id, request.path, dict(request.headers), await request.read()
    )
    if taken.status != 200:
        services.metrics.error_answered(str(taken.answer["error"]["id"]))
    return reply(dict(taken.answer), taken.status)


async def list_messages(request: web.Request) -> web.Response:
    """What goes out, waits or was given up."""
    _, tenant = await allowed(request)
    which = query(request, Which)
    found = await request.app[SERVICES].exchange.messages(
        tenant.id, state=which.state, ticket=which.ticket, before=which.before
    )
    last = found[-1].id if len(found) == PAGE else None
    return reply({"messages": [spelled(view) for view in found], "next_before": last})


async def send_again(request: web.Request) -> web.Response:
    """Send a message that was given up; its receiver takes it once."""
    identity, tenant = await allowed(request)
    message = int(request.match_info["message"])
    await request.app[SERVICES].exchange.again(tenant.id, message)
    log.info("message_sent_again", tenant=tenant.id, message=message, token=identity.token_id)
    return reply({"id": message, "state": "waiting"})


async def list_crossings(request: web.Request) -> web.Response:
    """Where a ticket is, or came from, and its number there."""
    _, tenant = await allowed(request)
    number = request.match_info["number"]
    found = await request.app[SERVICES].exchange.crossed(tenant.id, number)
    return reply({"crossings": [dict(one) for one in found]})


ROUTES = (
    post(
        "/exchange/v1/{tenant:[a-z0-9_]{1,31}}",
        take,
        roles=ANYBODY,
        errors=(UnknownPeer, TooManyRequests, BodyTooLarge),
    ),
    get(
        "/api/v1/tenants/{tenant}/exchange/messages",
        list_messages,
        Messages,
        roles=WATCHERS,
        query=Which,
    ),
    post(
        "/api/v1/tenants/{tenant}/exchange/messages/{message:[0-9]{1,15}}/again",
        send_again,
        Again,
        roles=(Role.ADMIN, Role.SUPERVISOR),
        errors=(UnknownMessage,),
    ),
    get(
        "/api/v1/tenants/{tenant}/tickets/{number:[0-9]{1,20}}/crossings",
        list_crossings,
        Crossings,
    ),
)
