"""Is it a matter for 12345 (受理范围)? The ten reasons, and which a text reminds of."""

import asyncio
from dataclasses import asdict

import structlog
from aiohttp import web
from typing_extensions import TypedDict

from console.api.understanding import MAY, Typed
from console.doors import get, post
from console.errors import RulesUnusable
from console.guard import allowed, body, reply
from console.services import SERVICES
from tickets.scope import Scope, reasons, scope_of
from tickets.understanding.rules import RulesError

log = structlog.get_logger(__name__)


class ReasonRow(TypedDict):
    """One of the ten; `code` is that of the event `refused`, `advice` what the citizen is told."""

    code: str
    name: str
    name_en: str
    advice: str


class Reasons(TypedDict):
    """All ten, in the order of the rules."""

    reasons: list[ReasonRow]


class Scoped(TypedDict):
    """What a person should think of before the matter is taken."""

    scope: Scope


async def list_reasons(request: web.Request) -> web.Response:
    """The ten reasons not to accept a matter."""
    await allowed(request)
    rows = [one.model_dump(include={"code", "name", "name_en", "advice"}) for one in reasons()]
    return reply({"reasons": rows})


async def check(request: web.Request) -> web.Response:
    """Which of them a text reminds of, with the words; an emergency is to be transferred. Nothing
    is kept or refused by it."""
    await allowed(request)
    typed = await body(request, Typed)
    context = request.app[SERVICES].understanding
    try:
        found = await asyncio.to_thread(scope_of, typed.text, context)
    except RulesError as error:
        log.error("understanding_unusable", reason=str(error))
        raise RulesUnusable from error
    return reply({"scope": asdict(found)})


ROUTES = (
    get("/api/v1/tenants/{tenant}/refusals", list_reasons, Reasons, roles=MAY),
    post(
        "/api/v1/tenants/{tenant}/scope",
        check,
        Scoped,
        body=Typed,
        roles=MAY,
        errors=(RulesUnusable,),
    ),
)
