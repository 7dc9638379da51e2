"""What a ticket's fields may be chosen from: the classification, and the city's areas."""

import asyncio

from aiohttp import web
from typing_extensions import TypedDict

from console.actors import PEOPLE
from console.doors import get
from console.guard import allowed, reply
from console.services import SERVICES
from tickets.divisions import covers
from tickets.understanding.rules import load_rules


class ClassTold(TypedDict):
    """A leaf of the classification; `path` are its names from the domain down."""

    code: str
    path: list[str]


class Area(TypedDict):
    """A county or town of the city."""

    code: str
    name: str


class Choices(TypedDict):
    """In the order of their codes."""

    classes: list[ClassTold]
    areas: list[Area]


async def choices(request: web.Request) -> web.Response:
    """The classification's leaves, and the divisions that lie in this city today."""
    _, tenant = await allowed(request)
    services = request.app[SERVICES]
    file, today = await services.desk.units(tenant.id)
    rules = await asyncio.to_thread(load_rules, services.understanding.rules)
    areas = [
        one
        for one in file.divisions
        if covers(file.home, one.code) and one.code != file.home
        if (one.first is None or one.first <= today) and (one.last is None or today <= one.last)
    ]
    return reply(
        {
            "classes": [
                {"code": leaf.code, "path": list(leaf.path)}
                for leaf in sorted(rules.classes.leaves, key=lambda leaf: leaf.code)
            ],
            "areas": [
                {"code": one.code, "name": one.name}
                for one in sorted(areas, key=lambda one: one.code)
            ],
        }
    )


ROUTES = (get("/api/v1/tenants/{tenant}/choices", choices, Choices, roles=PEOPLE),)
