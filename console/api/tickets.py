"""Tickets: lists and single ones. Role wallboard sees phone numbers masked, and no notes."""

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from console.board import iso
from console.doors import get
from console.errors import TicketNotFound
from console.guard import allowed, query, reply
from console.ports import Role
from console.services import SERVICES
from tickets.model import Ticket

LONGEST_PAGE = 200


class Page(BaseModel):
    """Keyset paging: `before` is the last number of the page before."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=LONGEST_PAGE)
    before: str = Field(default="", pattern=r"^[0-9]{0,20}$")


def masked(number: str) -> str:
    """`13812345678` → `138****5678`; what is too short to hide in is hidden whole."""
    if not number:
        return ""
    return f"{number[:-8]}****{number[-4:]}" if len(number) >= 11 else "****"


def spelled(ticket: Ticket, *, mask: bool) -> dict[str, Any]:
    """A ticket as JSON; audio as paths below this server, "" when there is none."""
    facts = ticket.facts
    path = f"/api/v1/tenants/{ticket.tenant}/tickets/{ticket.number}"
    return {
        "number": ticket.number,
        "tenant": ticket.tenant,
        "created_at": iso(ticket.created_at),
        "origin": ticket.origin.value,
        "state": ticket.state.value,
        "kind": facts.kind.value if facts.kind else None,
        "line_id": facts.line_id,
        "unit": facts.unit,
        "called_number": facts.called_number,
        "dialled": facts.dialled,
        "caller": masked(facts.caller_raw) if mask else facts.caller_raw,
        "caller_e164": masked(facts.caller_e164) if mask else facts.caller_e164,
        "anonymous": facts.anonymous,
        "language": facts.language,
        "keys": "" if mask else facts.keys,
        "call_id": ticket.call_id,
        "started_at": iso(facts.started_at),
        "seat_id": ticket.seat_id,
        "voice_s": ticket.voice_s,
        "confirmed": ticket.confirmed,
        "first_callback": ticket.first_callback,
        "callback_due": ticket.callback_due,
        "recording": f"{path}/recording" if ticket.recording and not mask else "",
        "voice": f"{path}/voice" if ticket.voice_path and not mask else "",
        "version": ticket.version,
        "notes": [] if mask else list(ticket.notes),
    }


async def list_tickets(request: web.Request) -> web.Response:
    """Newest first; `next_before` continues, null at the end."""
    identity, tenant = await allowed(request)
    page = query(request, Page)
    found = await request.app[SERVICES].tickets.list(
        tenant.id, limit=page.limit, before=page.before
    )
    mask = identity.role is Role.WALLBOARD
    return reply(
        {
            "tickets": [spelled(ticket, mask=mask) for ticket in found],
            "next_before": found[-1].number if len(found) == page.limit else None,
        }
    )


async def get_ticket(request: web.Request) -> web.Response:
    """One ticket."""
    identity, tenant = await allowed(request)
    number = request.match_info["number"]
    ticket = await request.app[SERVICES].tickets.get(tenant.id, number)
    return reply({"ticket": spelled(ticket, mask=identity.role is Role.WALLBOARD)})


ROUTES = (
    get("/api/v1/tenants/{tenant}/tickets", list_tickets, query=Page),
    get(
        "/api/v1/tenants/{tenant}/tickets/{number:[0-9]{1,20}}",
        get_ticket,
        errors=(TicketNotFound,),
    ),
)
