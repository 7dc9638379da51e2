"""Seats: what they do, and telling them to be ready or paused."""

from typing import Any, Literal

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console import answers
from console.board import tile
from console.doors import get, post
from console.errors import RoleRefused, SeatNotFound, UnknownPauseReason
from console.guard import allowed, body, reply
from console.ports import Role, Seats
from console.services import SERVICES
from queue_manager.model import SeatView

log = structlog.get_logger(__name__)


class Wish(BaseModel):
    """What a seat shall be. A pause without a reason is `other`; `ready` ends a wrap-up, and
    `wrap_up_ended` does so without lifting a pause asked for meanwhile."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["ready", "paused", "wrap_up_ended"]
    reason: str = Field(default="", max_length=40)


def spelled(view: SeatView) -> dict[str, Any]:
    """A seat as JSON."""
    seat = view.seat
    return {**tile(view), "team": seat.team, "skills": seat.skills, "call_id": view.call_id}


async def list_seats(request: web.Request) -> web.Response:
    """All seats of the tenant."""
    _, tenant = await allowed(request)
    views = request.app[SERVICES].seats.views(tenant.id)
    return reply({"seats": [spelled(view) for view in views]})


async def set_state(request: web.Request) -> web.Response:
    """Ready or paused; a token of role seat may do it for its own seat only."""
    identity, tenant = await allowed(request)
    seat_id = request.match_info["seat"]
    if identity.role is Role.SEAT and identity.seat_id != seat_id:
        raise RoleRefused
    wish = await body(request, Wish)
    seats = request.app[SERVICES].seats
    _apply(seats, tenant.id, seat_id, wish)
    log.info(
        "seat_state_set", tenant=tenant.id, seat=seat_id, state=wish.state, token=identity.token_id
    )
    return reply({"seat": spelled(seats.view(tenant.id, seat_id))})


def _apply(seats: Seats, tenant: str, seat_id: str, wish: Wish) -> None:
    match wish.state:
        case "paused":
            seats.pause(tenant, seat_id, wish.reason or "other")
        case "ready":
            seats.ready(tenant, seat_id)
        case "wrap_up_ended":
            seats.end_wrap_up(tenant, seat_id)


ROUTES = (
    get("/api/v1/tenants/{tenant}/seats", list_seats, answers.Seats),
    post(
        "/api/v1/tenants/{tenant}/seats/{seat}/state",
        set_state,
        answers.OneSeat,
        body=Wish,
        roles=(Role.ADMIN, Role.SUPERVISOR, Role.SEAT),
        errors=(SeatNotFound, UnknownPauseReason),
    ),
)
