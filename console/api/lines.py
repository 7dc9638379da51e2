"""The line table."""

from dataclasses import asdict

from aiohttp import web

from console import answers
from console.doors import get
from console.guard import allowed, reply
from console.services import SERVICES


async def list_lines(request: web.Request) -> web.Response:
    """All lines of the tenant, in the table's order."""
    _, tenant = await allowed(request)
    lines = request.app[SERVICES].lines.lines(tenant.id)
    return reply({"lines": [asdict(line) for line in lines]})


ROUTES = (get("/api/v1/tenants/{tenant}/lines", list_lines, answers.Lines),)
