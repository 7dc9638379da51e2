"""Evidence (佐证材料): pictures and documents put to a ticket, and shown to those who may see its
citizen."""

import asyncio
from typing import Any

import structlog
from aiohttp import web

from console.actors import PEOPLE
from console.api.tickets import FOUND, PLACE, whole_of
from console.doors import get, post
from console.errors import (
    BodyTooLarge,
    EvidenceMissing,
    NotEvidence,
    RoleRefused,
    TimedOut,
    TooManyRequests,
    TooMuchEvidence,
)
from console.evidence import EvidenceTold
from console.guard import reply
from console.outward import LIMITS
from console.ports import Role
from console.services import SERVICES
from tickets.evidence import KINDS, LONGEST, evidence_id, media_of
from tickets.rights import Requester

UPLOAD_S = 120.0
BYTES = "application/octet-stream"

log = structlog.get_logger(__name__)


async def put_in(request: web.Request) -> web.Response:
    """Keep a picture (JPEG, PNG) or a PDF of a ticket, 5 MiB at most. Its id goes into the event's
    `evidence`; the same file twice is one."""
    identity, whole = await whole_of(request)
    request.app[LIMITS].passes("post", f"token {identity.token_id}")
    content = await _content(request)
    name = evidence_id(content)
    if not name:
        raise NotEvidence
    tenant, number = whole.ticket.tenant, whole.ticket.number
    await request.app[SERVICES].evidence.keep(tenant, number, name, content)
    log.info("evidence_kept", tenant=tenant, ticket=number, file=name, token=identity.token_id)
    kept = {"id": name, "media": media_of(name), "size": len(content)}
    return reply({"evidence": kept}, 201)


async def show(request: web.Request) -> web.Response:
    """A file put to the ticket, for those who see its citizen whole; each look is logged."""
    identity, whole = await whole_of(request)
    if whole.sight.requester is not Requester.SHOWN:
        raise RoleRefused  # nothing can be masked in a picture
    tenant, number, name = whole.ticket.tenant, whole.ticket.number, request.match_info["file"]
    content = await request.app[SERVICES].evidence.read(tenant, number, name)
    log.info("evidence_shown", tenant=tenant, ticket=number, file=name, token=identity.token_id)
    return web.Response(
        body=content,
        content_type=media_of(name),
        headers={
            "Content-Disposition": f'attachment; filename="{number}-{name[:8]}{name[64:]}"',
            "Cache-Control": "private, no-store",
        },
    )


async def _content(request: web.Request) -> bytes:
    """The body, however slowly it comes; raises what is wrong with it."""
    if request.content_type != BYTES:
        raise NotEvidence
    if (request.content_length or 0) > LONGEST:
        raise BodyTooLarge
    found = bytearray()
    try:
        async with asyncio.timeout(UPLOAD_S):
            async for part in request.content.iter_any():
                found += part
                if len(found) > LONGEST:
                    raise BodyTooLarge
    except TimeoutError as late:
        raise TimedOut(retry_after_s=5) from late
    return bytes(found)


ROUTES = (
    post(
        f"{PLACE}/evidence", put_in, EvidenceTold, status=201, upload=BYTES,
        roles=(Role.DEPARTMENT, Role.SEAT, Role.REVIEWER), refusals=FOUND["refusals"],
        errors=(
            *FOUND["errors"], BodyTooLarge, NotEvidence, TooMuchEvidence, TooManyRequests,
            EvidenceMissing,
        ),
    ),
    get(
        f"{PLACE}/evidence/{{file:[0-9a-z.]{{68}}}}", show, roles=PEOPLE,
        media=tuple(KINDS.values()),
        errors=(*FOUND["errors"], EvidenceMissing), refusals=FOUND["refusals"],
    ),
)  # fmt: skip
UNBOUNDED: tuple[Any, ...] = (put_in,)
