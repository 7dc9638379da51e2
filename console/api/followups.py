"""Follow-ups (回访): who is phoned with the result of his ticket, and what he said.

Role wallboard sees numbers masked, and no answers of single citizens.
"""

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console.api.tickets import masked
from console.board import iso
from console.doors import delete, get
from console.errors import TicketNotFound
from console.follow_ups import FollowUpCalledOff, ShownFollowUp, ShownFollowUps
from console.guard import allowed, query, reply
from console.ports import Role
from console.services import SERVICES
from tickets.calendar import moment
from tickets.follow_up import FollowUp, FollowUpState

log = structlog.get_logger(__name__)


class Which(BaseModel):
    """Of whom: of one ticket, or (empty) of all."""

    model_config = ConfigDict(extra="forbid")

    ticket: str = Field(default="", pattern=r"^[0-9]{0,20}$")


def spelled(one: FollowUp, *, mask: bool) -> ShownFollowUp:
    """A follow-up as JSON. `next_at` of one that is being phoned is not told."""
    waits = one.state is FollowUpState.WAITING
    return {
        "ticket": one.number,
        "n": one.n,
        "main": one.main,
        "state": one.state,
        "attempts": one.attempts,
        "result": one.result,
        "solved": None if mask else one.solved,
        "satisfied": None if mask else one.satisfied,
        "phone": masked(one.phone) if mask else one.phone,
        "made_at": iso(moment(one.made_at)),
        "next_at": iso(moment(one.next_at)) if waits else None,
        "ended_at": iso(moment(one.ended_at)) if one.ended_at else None,
    }


async def list_follow_ups(request: web.Request) -> web.Response:
    """The newest hundred, open and ended ones."""
    identity, tenant = await allowed(request)
    number = query(request, Which).ticket
    found = await request.app[SERVICES].follow_ups.follow_ups(tenant.id, number)
    mask = identity.role is Role.WALLBOARD
    return reply({"followups": [spelled(one, mask=mask) for one in found]})


async def call_off(request: web.Request) -> web.Response:
    """Nobody is phoned for this ticket: it goes to manual review."""
    identity, tenant = await allowed(request)
    number = request.match_info["number"]
    one = await request.app[SERVICES].follow_ups.call_off(tenant.id, number, by=identity.token_id)
    return reply({"ticket": one.number, "state": one.state})


ROUTES = (
    get("/api/v1/tenants/{tenant}/followups", list_follow_ups, ShownFollowUps, query=Which),
    delete(
        "/api/v1/tenants/{tenant}/followups/{number:[0-9]{1,20}}",
        call_off,
        FollowUpCalledOff,
        roles=(Role.ADMIN, Role.SUPERVISOR, Role.REVIEWER),
        errors=(TicketNotFound,),
        refusals=("follow-up-under-way",),
    ),
)
