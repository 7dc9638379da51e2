"""The installation in short: parts, and each tenant the token may see."""

from time import monotonic

from aiohttp import web

from console import answers
from console.api.health import HEALTH, calls_possible, spelled
from console.board import by_state, iso, longest_wait_s
from console.doors import get
from console.guard import identity_of, reply
from console.ports import Role
from console.services import SERVICES

STARTED_S = monotonic()


async def status(request: web.Request) -> web.Response:
    """Version, parts, and per tenant who waits, which seats, how many calls."""
    identity = await identity_of(request)
    services = request.app[SERVICES]
    parts = await request.app[HEALTH].parts()
    now = services.now()
    tenants = []
    for tenant in services.tenants().values():
        if not identity.sees(tenant.id):
            continue
        waiting, figures = services.waiting.waiting(tenant.id), services.figures.today(tenant.id)
        tenants.append(
            {
                "tenant": tenant.id,
                "name": tenant.name,
                "time_zone": tenant.time_zone,
                "pause_reasons": tenant.pause_reasons,
                "waiting": waiting.count,
                "longest_wait_s": longest_wait_s(waiting, now),
                "seats_by_state": by_state(services.figures.groups(tenant.id).states),
                "offered": figures.offered,
                "answered": figures.answered,
                "abandoned": figures.abandoned,
                "tickets_today": sum(figures.tickets.values()),
            }
        )
    return reply(
        {
            "version": services.version,
            "at": iso(now),
            "uptime_s": round(monotonic() - STARTED_S, 1),
            "ready": calls_possible(parts),
            "parts": spelled(parts),
            "token": {
                "id": identity.token_id,
                "role": identity.role.value,
                "tenant": identity.tenant,
                "seat_id": identity.seat_id,
                "unit": identity.unit,
            },
            "tenants": tenants,
        }
    )


ROUTES = (get("/api/v1/status", status, answers.Status, roles=Role),)
