"""Who acts on a ticket, by his token; and what a request says about versions and repetition."""

import re

from aiohttp import web

from console.auth import Identity
from console.errors import Invalid, RoleRefused, VersionMissing
from console.ports import Role
from tickets import life
from tickets.life import Actor

KEY = "Idempotency-Key"
IF_MATCH = "If-Match"
HEADERS = {
    KEY: "the same word on a repeated request: it happens once (80 signs at most)",
}
EVENT_HEADERS = HEADERS | {
    IF_MATCH: 'the version that was read, such as "3"; or `version` in the body',
}
_KEYED = re.compile(r"[!-~]{1,80}")
_TAG = re.compile(r'(?:W/)?"?([1-9][0-9]{0,8})"?')
_ACTING = frozenset(map(str, life.Role))
_ROLES = {role: life.Role(role.value) for role in Role if role.value in _ACTING}
PEOPLE = frozenset(_ROLES)
"""Roles that tickets know."""


def actor_of(identity: Identity) -> Actor:
    """The person, else the seat, else the token; raises `RoleRefused` for other roles."""
    if identity.role not in _ROLES:
        raise RoleRefused
    person = identity.person or identity.seat_id or identity.token_id
    return Actor(person, _ROLES[identity.role], identity.unit)


def viewer_of(identity: Identity) -> Actor | None:
    """As `actor_of`; None for a wall that anybody may look at."""
    return None if identity.role is Role.WALLBOARD else actor_of(identity)


def key_of(request: web.Request) -> str:
    """The key of a repeatable request, "" for none; raises `Invalid`."""
    key = request.headers.get(KEY, "")
    if key and not _KEYED.fullmatch(key):
        raise Invalid(f"{KEY}: 1 to 80 printable ASCII signs without blanks", f"{KEY} 格式无效")
    return key


def version_of(request: web.Request, told: int | None) -> int:
    """The version that was read; raises `VersionMissing`, `Invalid`."""
    header = request.headers.get(IF_MATCH, "").strip()
    if not header:
        if told is None:
            raise VersionMissing
        return told
    found = _TAG.fullmatch(header)
    if found is None or (told is not None and told != int(found[1])):
        raise Invalid(f'{IF_MATCH}: the version that was read, such as "3"', "版本号无效")
    return int(found[1])
