"""Callbacks that keep the place: see them, call one off. Role wallboard sees numbers masked."""

from typing import Any

import structlog
from aiohttp import web

from console import answers
from console.api.tickets import masked
from console.board import iso
from console.doors import delete, get
from console.errors import CallbackTalking, UnknownCallback
from console.guard import allowed, reply
from console.ports import CallbackView, Role
from console.services import SERVICES

log = structlog.get_logger(__name__)


def spelled(view: CallbackView, *, mask: bool) -> dict[str, Any]:
    """A callback as JSON."""
    return {
        "call_id": view.call_id,
        "number": masked(view.number) if mask else view.number,
        "line": view.line_id,
        "queue": view.queue_id,
        "state": view.state,
        "queued_at": iso(view.queued_at),
        "taken_at": iso(view.taken_at),
        "expires_at": iso(view.expires_at),
        "next_at": iso(view.next_at) if view.next_at else None,
        "ended_at": iso(view.ended_at) if view.ended_at else None,
        "attempts": view.attempts,
        "tries": view.tries,
        "result": view.result,
        "seat_id": view.seat_id,
        "rings_first": view.rings_first,
    }


async def list_callbacks(request: web.Request) -> web.Response:
    """The last hundred taken, open and ended ones."""
    identity, tenant = await allowed(request)
    views = await request.app[SERVICES].callbacks.callbacks(tenant.id)
    mask = identity.role is Role.WALLBOARD
    return reply({"callbacks": [spelled(view, mask=mask) for view in views]})


async def cancel_callback(request: web.Request) -> web.Response:
    """Call an open one off; its ticket stays."""
    identity, tenant = await allowed(request)
    call_id = request.match_info["call_id"]
    await request.app[SERVICES].callbacks.call_off(tenant.id, call_id, by=identity.token_id)
    log.info("callback_called_off", tenant=tenant.id, call_id=call_id, token=identity.token_id)
    return reply({"call_id": call_id, "state": "cancelled"})


ROUTES = (
    get("/api/v1/tenants/{tenant}/callbacks", list_callbacks, answers.Callbacks),
    delete(
        "/api/v1/tenants/{tenant}/callbacks/{call_id:[A-Za-z0-9._-]{1,150}}",
        cancel_callback,
        answers.CalledOff,
        roles=(Role.ADMIN, Role.SUPERVISOR),
        errors=(UnknownCallback, CallbackTalking),
    ),
)
