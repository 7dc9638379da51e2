"""What a typed text is understood as: suggestions for the seat that takes a ticket."""

import asyncio
from dataclasses import asdict

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console import answers
from console.doors import post
from console.errors import RulesUnusable
from console.guard import allowed, body, reply
from console.ports import Role
from console.services import SERVICES
from tickets.understanding.rules import RulesError
from tickets.understanding.understand import understand

LONGEST_TEXT = 2000
MAY = (Role.ADMIN, Role.SUPERVISOR, Role.SEAT, Role.REVIEWER)

log = structlog.get_logger(__name__)


class Typed(BaseModel):
    """What a seat has typed so far."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=LONGEST_TEXT)


async def suggest(request: web.Request) -> web.Response:
    """The best guesses first, each with its score and the words that gave it. Nothing is kept."""
    await allowed(request)
    typed = await body(request, Typed)
    context = request.app[SERVICES].understanding
    try:
        # a long text takes some ten milliseconds: calls don't wait for them
        found = await asyncio.to_thread(understand, typed.text, context=context)
    except RulesError as error:
        log.error("understanding_unusable", reason=str(error))
        raise RulesUnusable from error
    return reply({"understanding": asdict(found)})


ROUTES = (
    post(
        "/api/v1/tenants/{tenant}/understanding",
        suggest,
        answers.Understood,
        body=Typed,
        roles=MAY,
        errors=(RulesUnusable,),
    ),
)
