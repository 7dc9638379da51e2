"""Units (承办单位): their 四个一 and who is on duty, and the inbox of each."""

from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from console import spelled, told
from console.actors import PEOPLE, actor_of
from console.doors import get, post
from console.errors import UnknownNotice
from console.guard import allowed, query, reply
from console.ports import Role
from console.services import SERVICES

UNIT = "/api/v1/tenants/{tenant}/units/{unit:[a-z0-9][a-z0-9_]{0,30}}"
LONGEST_PAGE = 200


class OnDuty(TypedDict):
    """Who answers today, and the leader on duty."""

    person: str
    phone: str
    leader: str


class Unit(TypedDict):
    """A unit with its 四个一: one phone, one computer, one person, one head."""

    id: str
    name: str
    office: str
    division: str
    division_name: str
    phone: str
    computer: str
    person: str
    head: str
    on_duty: OnDuty


class Units(TypedDict):
    """All of a tenant; `leader` is on duty for joint reviews (null: no roster)."""

    home: str
    leader: str | None
    units: list[Unit]


class Acknowledged(TypedDict):
    """What was seen."""

    acknowledged: int


class Page(BaseModel):
    """`open`: those that nobody has acknowledged. `before` goes on after a page."""

    model_config = ConfigDict(extra="forbid")

    open: bool = False
    limit: int = Field(default=50, ge=1, le=LONGEST_PAGE)
    before: int = Field(default=0, ge=0, le=2**62)


async def list_units(request: web.Request) -> web.Response:
    """Every unit with its contacts and who is on duty today."""
    _, tenant = await allowed(request)
    file, today = await request.app[SERVICES].desk.units(tenant.id)
    post = file.leaders.on_duty(today) if file.leaders else None
    units: list[Unit] = [
        {
            "id": unit.id, "name": unit.name, "office": unit.office,
            "division": file.division_of(unit),
            "division_name": file.map.name(file.division_of(unit)), "phone": unit.phone,
            "computer": unit.computer, "person": unit.person, "head": unit.head,
            "on_duty": _duty(unit.on_duty(today)),
        }
        for unit in file.units
    ]  # fmt: skip
    return reply({"home": file.home, "leader": post.leader if post else None, "units": units})


async def notices(request: web.Request) -> web.Response:
    """What a unit was told: dispatches, cards, reminders, circulars; the newest first."""
    identity, tenant = await allowed(request)
    unit, page = request.match_info["unit"], query(request, Page)
    found = await request.app[SERVICES].desk.notices(
        tenant.id, unit, actor_of(identity), open_only=page.open, limit=page.limit,
        before=page.before,
    )  # fmt: skip
    shown = [spelled.notice(one) for one in found]
    more = found[-1].id if len(found) == page.limit else None
    return reply({"unit": unit, "notices": shown, "next_before": more})


async def acknowledge(request: web.Request) -> web.Response:
    """Somebody of the unit has seen it; the first time counts."""
    identity, tenant = await allowed(request)
    unit, number = request.match_info["unit"], int(request.match_info["notice"])
    desk = request.app[SERVICES].desk
    if not await desk.acknowledge(tenant.id, unit, number, actor_of(identity)):
        raise UnknownNotice
    return reply({"acknowledged": number})


def _duty(post: Any) -> OnDuty:
    return {"person": post.person, "phone": post.phone, "leader": post.leader}


OF_UNIT = ("unknown-unit", "not-your-unit")
ROUTES = (
    get("/api/v1/tenants/{tenant}/units", list_units, Units, roles=PEOPLE),
    get(
        f"{UNIT}/notices", notices, told.Notices, query=Page, refusals=OF_UNIT,
        roles=PEOPLE - {Role.SEAT},
    ),
    post(
        f"{UNIT}/notices/{{notice:[0-9]{{1,15}}}}/acknowledge", acknowledge, Acknowledged,
        roles=(Role.DEPARTMENT,), errors=(UnknownNotice,), refusals=OF_UNIT,
    ),
)  # fmt: skip
