"""A seat's own desk: it tells that it lives, and is told what concerns it alone."""

from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console import answers
from console.api.seats import spelled
from console.board import iso
from console.doors import get, post
from console.errors import RoleRefused, SeatNotFound, SeatNotWrappingUp
from console.guard import allowed, body, reply
from console.ports import Role
from console.seat_notices import notices
from console.services import SERVICES

LONGEST_EXTRA_S = 3600
DESKS = (Role.ADMIN, Role.SUPERVISOR, Role.SEAT)
SEAT = "/api/v1/tenants/{tenant}/seats/{seat}"

log = structlog.get_logger(__name__)


class Nothing(BaseModel):
    """An empty object."""

    model_config = ConfigDict(extra="forbid")


class Extra(BaseModel):
    """So many seconds more of after-call work."""

    model_config = ConfigDict(extra="forbid")

    extra_s: int = Field(ge=1, le=LONGEST_EXTRA_S)


async def show(request: web.Request) -> web.Response:
    """One seat, and what it should know; a token of role seat sees its own."""
    tenant, seat_id = await _own(request)
    return reply(_told(request, tenant, seat_id))


async def heartbeat(request: web.Request) -> web.Response:
    """The seat's desktop lives: from now on the seat is there only while it goes on saying so."""
    tenant, seat_id = await _own(request)
    await body(request, Nothing)
    request.app[SERVICES].seats.heartbeat(tenant, seat_id)
    return reply(_told(request, tenant, seat_id))


async def wrap_up(request: web.Request) -> web.Response:
    """More time for after-call work, up to the limit; when it ends now."""
    tenant, seat_id = await _own(request)
    wish = await body(request, Extra)
    seats = request.app[SERVICES].seats
    ends_at = seats.extend_wrap_up(tenant, seat_id, wish.extra_s)
    log.info("wrap_up_extended", tenant=tenant, seat=seat_id, extra_s=wish.extra_s)
    return reply({"seat": spelled(seats.view(tenant, seat_id)), "ends_at": iso(ends_at)})


async def _own(request: web.Request) -> tuple[str, str]:
    """Tenant and seat of the path; raises `RoleRefused` for another seat's token."""
    identity, tenant = await allowed(request)
    seat_id = request.match_info["seat"]
    if identity.role is Role.SEAT and identity.seat_id != seat_id:
        raise RoleRefused
    return tenant.id, seat_id


def _told(request: web.Request, tenant: str, seat_id: str) -> dict[str, Any]:
    services = request.app[SERVICES]
    return {
        "seat": spelled(services.seats.view(tenant, seat_id)),
        "notices": notices(services.waiting.alerts(tenant), seat_id),
    }


ROUTES = (
    get(SEAT, show, answers.SeatDesk, roles=DESKS, errors=(SeatNotFound,)),
    post(
        f"{SEAT}/heartbeat",
        heartbeat,
        answers.SeatDesk,
        body=Nothing,
        roles=(Role.SEAT,),
        errors=(SeatNotFound,),
    ),
    post(
        f"{SEAT}/wrap_up",
        wrap_up,
        answers.WrapUpExtended,
        body=Extra,
        roles=DESKS,
        errors=(SeatNotFound, SeatNotWrappingUp),
    ),
)
