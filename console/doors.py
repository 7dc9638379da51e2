"""How a route is declared: where it is, who may, what goes in, what comes out.

A room's `ROUTES` are doors. The server is built from them, `guard.allowed` asks them who may, and
`console.openapi` tells them to the world: so what is documented is what is served.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, WithJsonSchema

from console.errors import ConsoleError
from console.ports import Role

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
CENTRE = frozenset(
    {
        Role.ADMIN, Role.SUPERVISOR, Role.SEAT, Role.WALLBOARD, Role.REVIEWER, Role.LEADER,
        Role.AUDITOR,
    }
)  # fmt: skip
"""The city's own people: what concerns all of it; neither units nor apps."""
ANYBODY: frozenset[Role] = frozenset()
"""No token is needed."""
JSON = "application/json"

Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time as answers tell it: ISO 8601 in UTC."""


@dataclass(frozen=True, slots=True)
class Door:
    """One route. `answers` is the type of a good answer's JSON (a TypedDict, a model; None: no
    JSON), `media` what else it is. `errors` and `refusals` (ids of `console.refusals`) are those
    beyond what every route may answer. `headers` are request headers by name, with what they mean;
    `ranges`: a part of it may be asked for (206); `upload` is the media type of a body that isn't
    JSON.
    """

    method: str
    path: str
    handler: Handler
    answers: Any = None
    roles: frozenset[Role] = CENTRE
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    media: tuple[str, ...] = (JSON,)
    errors: tuple[type[ConsoleError], ...] = ()
    refusals: tuple[str, ...] = ()
    headers: Mapping[str, str] | None = None
    ranges: bool = False
    upload: str = ""

    @property
    def route(self) -> web.RouteDef:
        """As aiohttp wants it."""
        if self.method == "GET":
            return web.get(self.path, self.handler)
        return web.route(self.method, self.path, self.handler)


def door(method: str, path: str, handler: Handler, answers: Any = None, **more: Any) -> Door:
    """A route for the roles of `roles` (any iterable; by default `CENTRE`)."""
    roles: Iterable[Role] | None = more.pop("roles", None)
    return Door(
        method, path, handler, answers, CENTRE if roles is None else frozenset(roles), **more
    )


def get(path: str, handler: Handler, answers: Any = None, **more: Any) -> Door:
    """A GET route; see `Door`."""
    return door("GET", path, handler, answers, **more)


def post(path: str, handler: Handler, answers: Any = None, **more: Any) -> Door:
    """A POST route; see `Door`."""
    return door("POST", path, handler, answers, **more)


def put(path: str, handler: Handler, answers: Any = None, **more: Any) -> Door:
    """A PUT route; see `Door`."""
    return door("PUT", path, handler, answers, **more)


def delete(path: str, handler: Handler, answers: Any = None, **more: Any) -> Door:
    """A DELETE route; see `Door`."""
    return door("DELETE", path, handler, answers, **more)


DOORS = web.AppKey("doors", Mapping[Handler, Door])
