"""Reading seats, lines and hours again after their files or tables changed."""

import structlog
from aiohttp import web

from console import answers
from console.doors import post
from console.errors import Conflict
from console.guard import allowed, reply
from console.ports import Role
from console.services import SERVICES

log = structlog.get_logger(__name__)


async def reload(request: web.Request) -> web.Response:
    """All or nothing: with a mistake in the files (409) everything stays as it was."""
    identity, tenant = await allowed(request)
    counts = dict(await request.app[SERVICES].reload.reload(tenant.id))
    log.info("reloaded", tenant=tenant.id, token=identity.token_id, **counts)
    return reply({"reloaded": counts})


ROUTES = (
    post(
        "/api/v1/tenants/{tenant}/reload",
        reload,
        answers.Reloaded,
        roles=(Role.ADMIN,),
        errors=(Conflict,),
    ),
)
