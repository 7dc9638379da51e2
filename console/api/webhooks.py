"""Webhooks: an administrator subscribes addresses to tickets' events. docs/exchange.md tells what
they are sent and how it is verified."""

from typing import Annotated, Any

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from console.doors import delete, get, post
from console.errors import AddressRefused, TooManyWebhooks, UnknownWebhook
from console.guard import allowed, body, reply
from console.outward import WebhookView
from console.ports import Role
from console.services import SERVICES
from tickets.life_events import Event

ADMIN = (Role.ADMIN,)
NAMES = "|".join(sorted(event.value for event in Event))
HOOK = "{hook:[a-z0-9]{4,40}}"

log = structlog.get_logger(__name__)


class Hook(TypedDict):
    """A subscription; times in seconds since 1970, 0 is never."""

    id: str
    url: str
    events: list[str]
    made_at: int
    made_by: str
    failing_since: int
    told_at: int
    disabled_at: int
    reason: str


class Hooks(TypedDict):
    """All of a tenant."""

    webhooks: list[Hook]


class Subscribed(TypedDict):
    """The subscription with its secret (`whsec_…`), which is shown this once; "" if it stays."""

    webhook: Hook
    secret: str


class Ended(TypedDict):
    """The one that is told no more."""

    id: str


class Subscription(BaseModel):
    """Where to tell, and of which events (`*`: all)."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(min_length=8, max_length=500)
    events: list[Annotated[str, Field(pattern=rf"^(\*|{NAMES})$")]] = Field(
        default=["*"], min_length=1, max_length=len(Event)
    )


class Enabling(BaseModel):
    """Whether it gets another secret."""

    model_config = ConfigDict(extra="forbid")

    new_secret: bool = False


def spelled(view: WebhookView) -> dict[str, Any]:
    """A subscription as JSON."""
    told = {name: getattr(view, name) for name in WebhookView.__slots__}
    return {**told, "events": list(view.events)}


async def list_webhooks(request: web.Request) -> web.Response:
    """All subscriptions, those too that were disabled for failing too long."""
    _, tenant = await allowed(request)
    found = await request.app[SERVICES].webhooks.webhooks(tenant.id)
    return reply({"webhooks": [spelled(view) for view in found]})


async def subscribe(request: web.Request) -> web.Response:
    """Tell an address from now on; the secret is in this answer alone."""
    identity, tenant = await allowed(request)
    asked = await body(request, Subscription)
    view, secret = await request.app[SERVICES].webhooks.subscribe(
        tenant.id, asked.url, tuple(dict.fromkeys(asked.events)), by=identity.token_id
    )
    log.info("webhook_made", tenant=tenant.id, webhook=view.id, token=identity.token_id)
    return reply({"webhook": spelled(view), "secret": secret}, 201)


async def end(request: web.Request) -> web.Response:
    """Tell it no more."""
    identity, tenant = await allowed(request)
    hook = request.match_info["hook"]
    await request.app[SERVICES].webhooks.end(tenant.id, hook)
    log.info("webhook_ended", tenant=tenant.id, webhook=hook, token=identity.token_id)
    return reply({"id": hook})


async def enable(request: web.Request) -> web.Response:
    """Tell a disabled one again, or give one another secret."""
    identity, tenant = await allowed(request)
    asked = await body(request, Enabling)
    hook = request.match_info["hook"]
    view, secret = await request.app[SERVICES].webhooks.enable(
        tenant.id, hook, new_secret=asked.new_secret
    )
    log.info("webhook_enabled", tenant=tenant.id, webhook=hook, token=identity.token_id)
    return reply({"webhook": spelled(view), "secret": secret})


ROUTES = (
    get("/api/v1/tenants/{tenant}/webhooks", list_webhooks, Hooks, roles=ADMIN),
    post(
        "/api/v1/tenants/{tenant}/webhooks",
        subscribe,
        Subscribed,
        roles=ADMIN,
        body=Subscription,
        status=201,
        errors=(AddressRefused, TooManyWebhooks),
    ),
    delete(
        f"/api/v1/tenants/{{tenant}}/webhooks/{HOOK}",
        end,
        Ended,
        roles=ADMIN,
        errors=(UnknownWebhook,),
    ),
    post(
        f"/api/v1/tenants/{{tenant}}/webhooks/{HOOK}/enable",
        enable,
        Subscribed,
        roles=ADMIN,
        body=Enabling,
        errors=(UnknownWebhook,),
    ),
)
