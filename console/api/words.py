"""A citizen's further words, as he added them to his ticket by telephone (docs/self-service.md)."""

import structlog
from aiohttp import web

from console.actors import actor_of
from console.api.audio import play_file
from console.api.tickets import PLACE, UNSEEN
from console.doors import get
from console.errors import BadRange, NoAudio, TicketNotFound
from console.guard import allowed
from console.ports import Role
from console.services import SERVICES

log = structlog.get_logger(__name__)


async def words(request: web.Request) -> web.StreamResponse:
    """The recording that an event of the ticket names."""
    identity, tenant = await allowed(request)
    number, seq = request.match_info["number"], int(request.match_info["seq"])
    services = request.app[SERVICES]
    chain = await services.desk.chain(tenant.id, number, actor_of(identity))
    told = next((one.told for one in chain.events if one.seq == seq), None)
    stored = told.data.get("recording") if told is not None else None
    path = services.audio.part(stored) if isinstance(stored, str) and stored else None
    answer = await play_file(request, path, f"{number}-{seq}.wav")
    log.info("audio_played", tenant=tenant.id, ticket=number, what="words", token=identity.token_id)
    return answer


ROUTES = (
    get(
        f"{PLACE}/events/{{seq:[0-9]{{1,7}}}}/audio",
        words,
        roles=(Role.ADMIN, Role.SUPERVISOR, Role.REVIEWER, Role.SEAT),
        media=("audio/wav",),
        ranges=True,
        errors=(TicketNotFound, NoAudio, BadRange),
        refusals=UNSEEN,
    ),
)
UNBOUNDED = (words,)
