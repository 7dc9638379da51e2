"""Opening hours: see them, override them."""

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console import answers
from console.doors import get, put
from console.errors import UnknownLine
from console.guard import allowed, body, reply
from console.ports import Role
from console.services import SERVICES
from queue_manager.opening import HoursMode

log = structlog.get_logger(__name__)


class Override(BaseModel):
    """A supervisor's word; `line` "" means the whole tenant."""

    model_config = ConfigDict(extra="forbid")

    line: str = Field(default="", max_length=60)
    mode: HoursMode


async def show_hours(request: web.Request) -> web.Response:
    """The tenant's hours, then those of lines with their own."""
    _, tenant = await allowed(request)
    return _shown(request, tenant.id)


async def set_hours(request: web.Request) -> web.Response:
    """Force open or closed, or go back to the timetable."""
    identity, tenant = await allowed(request)
    wish = await body(request, Override)
    await request.app[SERVICES].hours.set(tenant.id, wish.line, wish.mode, by=identity.token_id)
    log.info("hours_set", tenant=tenant.id, line=wish.line, mode=wish.mode, token=identity.token_id)
    return _shown(request, tenant.id)


def _shown(request: web.Request, tenant_id: str) -> web.Response:
    views = request.app[SERVICES].hours.show(tenant_id)
    return reply(
        {
            "hours": [
                {
                    "line": view.line_id,
                    "mode": view.mode.value,
                    "open_now": view.open_now,
                    "timetable": view.timetable,
                }
                for view in views
            ]
        }
    )


ROUTES = (
    get("/api/v1/tenants/{tenant}/hours", show_hours, answers.AllHours),
    put(
        "/api/v1/tenants/{tenant}/hours",
        set_hours,
        answers.AllHours,
        body=Override,
        roles=(Role.ADMIN, Role.SUPERVISOR),
        errors=(UnknownLine,),
    ),
)
