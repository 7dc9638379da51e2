"""For supervisors: who waits, moving somebody up, forcing a seat's state, and alerts."""

from dataclasses import asdict
from typing import Any

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console import answers
from console.api.seats import spelled as seat_spelled
from console.board import alert, iso
from console.doors import get, post
from console.errors import AlertNotFound, CallerNotFound, SeatNotFound, UnknownPauseReason
from console.guard import allowed, body, query, reply
from console.ports import Role
from console.services import SERVICES
from queue_manager.model import CallerView, Forced

MOST_CALLERS = 500
SUPERVISORS = (Role.ADMIN, Role.SUPERVISOR)

log = structlog.get_logger(__name__)


class Page(BaseModel):
    """`limit` callers at most, those queued first."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=100, ge=1, le=MOST_CALLERS)


class Why(BaseModel):
    """The reason, for the log."""

    model_config = ConfigDict(extra="forbid")

    why: str = Field(default="", max_length=200)


class Force(Why):
    """What the seat shall be; `reason` is the pause's."""

    state: Forced
    reason: str = Field(default="", max_length=40)


def spelled(view: CallerView) -> dict[str, Any]:
    """A waiting caller as JSON; no phone number is part of it."""
    return {**asdict(view), "queued_at": iso(view.queued_at)}


async def list_callers(request: web.Request) -> web.Response:
    """Who waits, the one queued first foremost; `waiting` is how many there are."""
    _, tenant = await allowed(request)
    found = request.app[SERVICES].waiting.callers(tenant.id)
    shown = found[: query(request, Page).limit]
    now = request.app[SERVICES].now()
    return reply(
        {"at": iso(now), "waiting": len(found), "callers": [spelled(view) for view in shown]}
    )


async def move_first(request: web.Request) -> web.Response:
    """This caller is the next to be served."""
    identity, tenant = await allowed(request)
    wish = await body(request, Why)
    call_id = request.match_info["call"]
    waiting = request.app[SERVICES].waiting
    waiting.move_first(tenant.id, call_id, by=identity.token_id, why=wish.why)
    return reply({"moved": call_id})


async def force(request: web.Request) -> web.Response:
    """Ready, paused or offline by a supervisor's word; a talk is never cut by it."""
    identity, tenant = await allowed(request)
    wish = await body(request, Force)
    seat_id, seats = request.match_info["seat"], request.app[SERVICES].seats
    reason = wish.reason or ("other" if wish.state is Forced.PAUSED else "")
    seats.force(tenant.id, seat_id, wish.state, by=identity.token_id, why=wish.why, reason=reason)
    return reply({"seat": seat_spelled(seats.view(tenant.id, seat_id))})


async def list_alerts(request: web.Request) -> web.Response:
    """What supervisors have to know of, the oldest first."""
    _, tenant = await allowed(request)
    found = request.app[SERVICES].waiting.alerts(tenant.id)
    return reply({"alerts": [alert(known) for known in found]})


async def acknowledge(request: web.Request) -> web.Response:
    """A supervisor has seen it."""
    identity, tenant = await allowed(request)
    number = int(request.match_info["alert"])
    request.app[SERVICES].waiting.acknowledge(tenant.id, number, by=identity.token_id)
    log.info("alert_acknowledged", tenant=tenant.id, alert=number, token=identity.token_id)
    return reply({"acknowledged": number})


ROUTES = (
    get(
        "/api/v1/tenants/{tenant}/callers",
        list_callers,
        answers.Callers,
        query=Page,
        roles=SUPERVISORS,
    ),
    post(
        "/api/v1/tenants/{tenant}/callers/{call}/move_first",
        move_first,
        answers.Moved,
        body=Why,
        roles=SUPERVISORS,
        errors=(CallerNotFound,),
    ),
    post(
        "/api/v1/tenants/{tenant}/seats/{seat}/force",
        force,
        answers.OneSeat,
        body=Force,
        roles=SUPERVISORS,
        errors=(SeatNotFound, UnknownPauseReason),
    ),
    get(
        "/api/v1/tenants/{tenant}/alerts",
        list_alerts,
        answers.Alerts,
        roles=(*SUPERVISORS, Role.WALLBOARD),
    ),
    post(
        "/api/v1/tenants/{tenant}/alerts/{alert:[0-9]{1,15}}/acknowledge",
        acknowledge,
        answers.Acknowledged,
        roles=SUPERVISORS,
        errors=(AlertNotFound,),
    ),
)
