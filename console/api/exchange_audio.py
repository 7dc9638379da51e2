"""Recordings of tickets that have crossed over: the door where peers fetch ours, and the way to
hear theirs. docs/exchange.md tells how they are signed."""

import structlog
from aiohttp import web

from console.api.audio import play_file
from console.auth import peer_of
from console.doors import ANYBODY, get
from console.errors import BadRange, NoAudio, PeerAway, TicketNotFound, TooManyRequests, UnknownPeer
from console.guard import allowed, reply
from console.outward import LIMITS, PeerBroke
from console.ports import Role
from console.services import SERVICES

KIND = "{kind:recording|voice}"
NUMBER = "{number:[0-9]{1,20}}"

log = structlog.get_logger(__name__)


async def hand_out(request: web.Request) -> web.StreamResponse:
    """A peer fetches a recording of a ticket that it handles; its signature is its right."""
    request.app[LIMITS].passes("exchange", peer_of(request))
    services = request.app[SERVICES]
    tenant = services.tenant(request.match_info["tenant"])
    number, kind = request.match_info["number"], request.match_info["kind"]
    refused = await services.peer_audio.may_hear(
        tenant.id, request.path, dict(request.headers), number
    )
    if refused is not None:
        services.metrics.error_answered(str(refused.answer["error"]["id"]))
        return reply(dict(refused.answer), refused.status)
    find = services.audio.recording if kind == "recording" else services.audio.voice
    path = find(await services.tickets.get(tenant.id, number))
    return await play_file(request, path, f"{number}-{kind}.wav")


async def hear(request: web.Request) -> web.StreamResponse:
    """The recording of a ticket that came from a peer, fetched from there while it is heard."""
    identity, tenant = await allowed(request)
    number, kind = request.match_info["number"], request.match_info["kind"]
    peer = request.match_info["peer"]
    async with request.app[SERVICES].peer_audio.fetched(tenant.id, number, peer, kind) as chunks:
        log.info("peer_audio_played", tenant=tenant.id, ticket=number, token=identity.token_id)
        answer = web.StreamResponse(
            headers={"Content-Type": "audio/wav", "Cache-Control": "private, no-store"}
        )
        await answer.prepare(request)
        try:
            async for chunk in chunks:
                await answer.write(chunk)
        except PeerBroke as error:  # the listener sees an unfinished body, never a whole one
            log.warning("peer_audio_broke", tenant=tenant.id, ticket=number, reason=str(error))
            if request.transport is not None:
                request.transport.abort()
            return answer
        await answer.write_eof()
    return answer


ROUTES = (
    get(
        f"/exchange/v1/{{tenant:[a-z0-9_]{{1,31}}}}/tickets/{NUMBER}/audio/{KIND}",
        hand_out,
        roles=ANYBODY,
        media=("audio/wav",),
        ranges=True,
        errors=(UnknownPeer, TooManyRequests, TicketNotFound, NoAudio, BadRange),
    ),
    get(
        f"/api/v1/tenants/{{tenant}}/tickets/{NUMBER}/crossings/{{peer:[a-z0-9_-]{{1,40}}}}/audio/{KIND}",
        hear,
        roles=(Role.ADMIN, Role.SUPERVISOR, Role.REVIEWER, Role.SEAT),
        media=("audio/wav",),
        errors=(UnknownPeer, NoAudio, PeerAway),
    ),
)
UNBOUNDED = (hand_out, hear)
