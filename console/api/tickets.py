"""Tickets: lists and single ones, with what they have come to and when they are due.

How much of the citizen is shown depends on the token (`tickets.rights`): role wallboard sees phone
numbers masked, and no notes; a department sees its own unit's tickets.
"""

from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from console import spelled, told
from console.actors import PEOPLE, actor_of, viewer_of
from console.auth import Identity
from console.doors import get
from console.errors import TicketNotFound
from console.guard import allowed, query, reply
from console.ports import Role
from console.services import SERVICES
from tickets.desk_values import Card, Listed, Wanted, Whole
from tickets.life import Life
from tickets.model import TicketState
from tickets.rights import Requester, number_for, sight

LONGEST_PAGE = 200
UNIT = r"^[a-z0-9][a-z0-9_]{0,30}$"
CLASS = r"^([0-9]{2}){1,3}$"
AREA = r"^[0-9]{6}([0-9]{3})?$"
PLACE = "/api/v1/tenants/{tenant}/tickets/{number:[0-9]{1,20}}"
UNSEEN = ("not-your-unit",)


class Page(BaseModel):
    """Which tickets; all that is named must be so. `q` are words side by side (two signs at least),
    `class` a code of the classification at any level, `area` a county or town, `card` what it was
    given, `due_before`: what must be finished by then, the most pressing first (`overdue`: by now).
    `helping`: those in which `unit` is a co-unit. `before` (a number) or `cursor` goes on after a
    page."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    limit: int = Field(default=50, ge=1, le=LONGEST_PAGE)
    before: str = Field(default="", pattern=r"^[0-9]{0,20}$")
    cursor: str = Field(default="", pattern=r"^([0-9]{1,20}(-[0-9]{1,12})?)?$")
    q: str = Field(default="", max_length=100)
    state: TicketState | None = None
    unit: str = Field(default="", pattern=f"^$|{UNIT}")
    helping: bool = False
    class_code: str = Field(default="", alias="class", pattern=f"^$|{CLASS}")
    area: str = Field(default="", pattern=f"^$|{AREA}")
    card: Card | None = None
    due_before: AwareDatetime | None = None
    overdue: bool = False


class Moment(BaseModel):
    """The number of the event after which it is shown."""

    model_config = ConfigDict(extra="forbid")

    seq: int = Field(ge=1, le=1_000_000)


def masked(number: str) -> str:
    """A phone number for those who needn't know it."""
    return number_for(Requester.MASKED, number)


async def list_tickets(request: web.Request) -> web.Response:
    """Newest first, or with `due_before` the most pressing first. `next_cursor` continues, null at
    the end."""
    identity, tenant = await allowed(request)
    page = query(request, Page)
    now = request.app[SERVICES].now()
    wanted = _wanted(page, identity, now)
    found = await request.app[SERVICES].desk.find(tenant.id, viewer_of(identity), wanted)
    last = found.next_after
    return reply(
        {
            "tickets": [spelled.row(one, _seen(identity, one)) for one in found.tickets],
            "next_before": last if last.isdecimal() else None,
            "next_cursor": last or None,
        }
    )


async def get_ticket(request: web.Request) -> web.Response:
    """One ticket: its words, what it has come to, its clocks and why they are due when they are."""
    _, whole = await whole_of(request)
    return answered(whole)


async def history(request: web.Request) -> web.Response:
    """What happened to it, oldest first."""
    identity, tenant = await allowed(request)
    number = request.match_info["number"]
    chain = await request.app[SERVICES].desk.chain(tenant.id, number, actor_of(identity))
    seen = chain.sight.requester
    return reply({"number": number, "events": [spelled.event(one, seen) for one in chain.events]})


async def chain(request: web.Request) -> web.Response:
    """Its events with their chain of hashes, and whether all are as they were written."""
    identity, tenant = await allowed(request)
    number = request.match_info["number"]
    found = await request.app[SERVICES].desk.chain(tenant.id, number, actor_of(identity))
    return reply(
        {
            "number": number,
            "whole": not found.findings,
            "findings": [{"seq": seq, "what": what} for seq, what in found.findings],
            "events": [spelled.link(one, found.sight.requester) for one in found.events],
        }
    )


async def then(request: web.Request) -> web.Response:
    """What held after one of its events."""
    identity, tenant = await allowed(request)
    number, seq = request.match_info["number"], query(request, Moment).seq
    desk = request.app[SERVICES].desk
    whole = await desk.whole(tenant.id, number, actor_of(identity), seq=seq)
    life, content = spelled.life(whole.life, whole.owner), spelled.content(whole)
    return reply({"number": number, "life": life, "content": content})


async def possible(request: web.Request) -> web.Response:
    """What this token may tell the ticket now, with the data that each event takes."""
    identity, tenant = await allowed(request)
    number = request.match_info["number"]
    desk = request.app[SERVICES].desk
    version, found = await desk.possible(tenant.id, number, actor_of(identity))
    events = [spelled.possible(one) for one in found]
    return reply({"number": number, "version": version, "events": events})


async def whole_of(request: web.Request) -> tuple[Identity, Whole]:
    """The ticket of the path, for somebody who may see it."""
    identity, tenant = await allowed(request)
    number = request.match_info["number"]
    whole = await request.app[SERVICES].desk.whole(tenant.id, number, viewer_of(identity))
    return identity, whole


def answered(whole: Whole, status: int = 200, **more: Any) -> web.Response:
    """A whole ticket; its version is the ETag."""
    answer = reply({"ticket": spelled.ticket(whole), **more}, status)
    answer.headers["ETag"] = f'"{whole.life.seq}"'
    return answer


def _wanted(page: Page, identity: Identity, now: datetime) -> Wanted:
    unit = identity.unit if identity.role is Role.DEPARTMENT else page.unit
    keys = [
        *([f"class:{page.class_code}"] if page.class_code else ()),
        *([f"area:{page.area}"] if page.area else ()),
        *([f"co:{unit}"] if page.helping and unit else ()),
    ]
    return Wanted(
        words=page.q, state=page.state, unit="" if page.helping else unit, keys=tuple(keys),
        card=page.card or "",
        due_before=now.astimezone(UTC) if page.overdue else page.due_before, limit=page.limit,
        after=page.cursor or page.before,
    )  # fmt: skip


def _seen(identity: Identity, one: Listed) -> Requester:
    """How much of the citizen is shown in a list; whose unit it is was asked for already."""
    known = one.life or Life(one.ticket.tenant, one.ticket.number, one.ticket.state)
    return sight(viewer_of(identity), known).requester


READERS = PEOPLE | {Role.WALLBOARD}
FOUND: dict[str, Any] = {"errors": (TicketNotFound,), "refusals": UNSEEN}
ROUTES = (
    get(
        "/api/v1/tenants/{tenant}/tickets", list_tickets, told.Page, query=Page, roles=READERS,
        refusals=("search-too-short",),
    ),
    get(PLACE, get_ticket, told.OneTicket, roles=READERS, **FOUND),
    get(f"{PLACE}/history", history, told.History, roles=PEOPLE, **FOUND),
    get(
        f"{PLACE}/events", chain, told.ChainTold,
        roles=(Role.AUDITOR, Role.ADMIN, Role.SUPERVISOR), **FOUND,
    ),
    get(
        f"{PLACE}/at", then, told.Then, query=Moment, roles=PEOPLE, errors=(TicketNotFound,),
        refusals=(*UNSEEN, "unknown-seq"),
    ),
    get(f"{PLACE}/allowed", possible, told.Allowed, roles=PEOPLE, **FOUND),
)  # fmt: skip
