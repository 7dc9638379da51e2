"""Tickets taken in and led on: intake, events, likely the same ones, who should get it."""

from typing import Annotated, Any

import structlog
from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from console import spelled, told
from console.actors import EVENT_HEADERS, HEADERS, PEOPLE, actor_of, key_of, version_of
from console.api.tickets import AREA, CLASS, FOUND, PLACE, answered
from console.desk import Arriving, Compared, Telling
from console.doors import get, post
from console.errors import (
    OutsideCalendar,
    TicketNotFound,
    VersionMissing,
)
from console.event_schema import LINE, PLAIN, saying, with_events
from console.guard import allowed, body, reply
from console.ports import Role
from console.refusals import LIFE
from console.services import SERVICES
from tickets.model import Kind
from tickets.policy import Complexity, Urgency
from tickets.rights import Requester
from tickets.script import scriptless

log = structlog.get_logger(__name__)

Scriptless = AfterValidator(scriptless)
Line = Annotated[str, Field(max_length=200, pattern=LINE), Scriptless]
Text = Annotated[str, Field(max_length=10_000, pattern=PLAIN), Scriptless]


class Citizen(BaseModel):
    """Who asks; he is called back at `phone`."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=60, pattern=LINE), Scriptless] = ""
    phone: str = Field(default="", pattern=r"^(\+?[0-9]{3,20})?$")


class Matter(BaseModel):
    """What is compared; what is left out is guessed from the text."""

    model_config = ConfigDict(extra="forbid")

    text: Text
    place: Line = ""
    place_code: str = Field(default="", pattern=f"^$|{AREA}")
    class_code: str = Field(default="", pattern=f"^$|{CLASS}")
    phone: str = Field(default="", pattern=r"^(\+?[0-9]{3,20})?$")


class Intake(BaseModel):
    """A request that came in otherwise than by a call: over the web, by letter, at a counter. With
    an `answer` it is answered at once (直接答复), else submitted for review."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=200, pattern=saying(LINE)), Scriptless]
    text: Annotated[str, Field(min_length=1, max_length=10_000, pattern=saying(PLAIN)), Scriptless]
    kind: Kind | None = None
    urgency: Urgency | None = None
    complexity: Complexity | None = None
    class_code: str = Field(default="", pattern=f"^$|{CLASS}")
    place: Line = ""
    place_code: str = Field(default="", pattern=f"^$|{AREA}")
    channel: Annotated[str, Field(max_length=40, pattern=LINE), Scriptless] = ""
    language: str = Field(default="cmn", pattern=r"^[a-z]{2,8}$")
    requester: Citizen = Citizen()
    confidential: bool = False
    answer: Text = ""


class Event(BaseModel):
    """An event of a ticket's life; `GET …/allowed` tells which, with the data that each takes.
    `version` is the one that was read (or header If-Match)."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=with_events)

    event: str = Field(min_length=1, max_length=40)
    data: dict[str, JsonValue] = Field(default={}, max_length=40)
    version: int | None = Field(default=None, ge=1, le=1_000_000_000)
    key: str = Field(default="", pattern=r"^[!-~]{0,80}$")


async def take(request: web.Request) -> web.Response:
    """Take a request in. Answers with the ticket, and with open tickets that are likely the same
    matter; the same `Idempotency-Key` makes one ticket."""
    identity, tenant = await allowed(request)
    wish, actor, key = await body(request, Intake), actor_of(identity), key_of(request)
    desk = request.app[SERVICES].desk
    number = await desk.take(tenant.id, actor, _arriving(wish, identity.seat_id), key)
    log.info("ticket_taken", tenant=tenant.id, ticket=number, token=identity.token_id)
    whole = await desk.whole(tenant.id, number, actor)
    same = await desk.like_ticket(tenant.id, number, actor)
    likely = spelled.likely(same, whole.sight.requester)
    return answered(whole, 201, duplicates=likely)


async def tell(request: web.Request) -> web.Response:
    """Tell a ticket an event. What the table refuses changes nothing; so does a version that isn't
    the ticket's any more. The same key tells it once."""
    identity, tenant = await allowed(request)
    number, wish = request.match_info["number"], await body(request, Event)
    actor = actor_of(identity)
    telling = Telling(
        wish.event, wish.data, version_of(request, wish.version), wish.key or key_of(request)
    )
    desk = request.app[SERVICES].desk
    await desk.tell(tenant.id, number, actor, telling)
    log.info(
        "ticket_told", tenant=tenant.id, ticket=number, event_told=wish.event,
        token=identity.token_id,
    )  # fmt: skip
    return answered(await desk.whole(tenant.id, number, actor))


async def compare(request: web.Request) -> web.Response:
    """Open tickets that are likely the same as a new matter, with score and reasons."""
    identity, tenant = await allowed(request)
    wish = await body(request, Matter)
    compared = Compared(wish.text, wish.place, wish.place_code, wish.class_code, wish.phone)
    found = await request.app[SERVICES].desk.like(tenant.id, actor_of(identity), compared)
    return reply({"duplicates": spelled.likely(found, Requester.SHOWN)})


async def duplicates(request: web.Request) -> web.Response:
    """Open tickets that are likely the same as this one. The event `linked` merges them."""
    identity, tenant = await allowed(request)
    number = request.match_info["number"]
    desk = request.app[SERVICES].desk
    found = await desk.like_ticket(tenant.id, number, actor_of(identity))
    return reply({"duplicates": spelled.likely(found, Requester.SHOWN)})


async def suggest(request: web.Request) -> web.Response:
    """Who should get it: lead and co-units, each with its reasons."""
    identity, tenant = await allowed(request)
    number = request.match_info["number"]
    made = await request.app[SERVICES].desk.suggest(tenant.id, number, actor_of(identity))
    return reply({"suggestion": spelled.suggestion(made)})


def _arriving(wish: Intake, seat_id: str) -> Arriving:
    said = {
        "title": wish.title, "text": wish.text, "kind": wish.kind, "urgency": wish.urgency,
        "complexity": wish.complexity, "class_code": wish.class_code, "place": wish.place,
        "place_code": wish.place_code, "channel": wish.channel, "requester": wish.requester.name,
    }  # fmt: skip
    words = {name: str(value) for name, value in said.items() if value}
    return Arriving(
        words, wish.answer, wish.requester.phone, wish.language, wish.confidential, seat_id
    )


TAKERS = (Role.SEAT, Role.REVIEWER)
DESKS = (Role.SEAT, Role.REVIEWER, Role.SUPERVISOR)
TOLD: dict[str, Any] = {
    "roles": PEOPLE, "body": Event, "headers": EVENT_HEADERS, "refusals": LIFE,
    "errors": (TicketNotFound, VersionMissing, OutsideCalendar),
}  # fmt: skip
ROUTES = (
    post(
        "/api/v1/tenants/{tenant}/tickets", take, told.Taken, body=Intake, status=201,
        roles=TAKERS, headers=HEADERS, refusals=LIFE,
    ),
    post(f"{PLACE}/events", tell, told.OneTicket, **TOLD),
    post(
        "/api/v1/tenants/{tenant}/duplicates", compare, told.Duplicates, body=Matter, roles=DESKS
    ),
    get(f"{PLACE}/duplicates", duplicates, told.Duplicates, roles=DESKS, **FOUND),
    get(
        f"{PLACE}/dispatch-suggestion", suggest, told.OneSuggestion,
        roles=(Role.REVIEWER, Role.SUPERVISOR, Role.LEADER, Role.ADMIN), **FOUND,
    ),
)  # fmt: skip
