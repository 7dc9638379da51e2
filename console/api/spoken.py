"""The morning list: spoken requests that a person listens to, corrects and submits.

A seat sees those in the languages it speaks; supervisors see all. Each play is in the log.
"""

from typing import Annotated, Any

import structlog
from aiohttp import web
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from console import answers
from console.api.audio import NUMBER, play_file
from console.auth import Identity
from console.board import iso
from console.doors import get, post
from console.errors import BadRange, NoAudio, SeatNotFound, TicketNotFound, VersionStale
from console.guard import allowed, body, query, reply
from console.ports import Role
from console.services import SERVICES
from tickets import life
from tickets.life import Actor
from tickets.model import Kind
from tickets.review import Correction, SpokenCase
from tickets.script import scriptless
from tickets.spoken import SpokenAnswer

LONGEST_PAGE = 100
MAY = (Role.ADMIN, Role.SUPERVISOR, Role.SEAT)

log = structlog.get_logger(__name__)


class Page(BaseModel):
    """Keyset paging: `after` is the last number of the page before."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=LONGEST_PAGE)
    after: str = Field(default="", pattern=r"^[0-9]{0,20}$")
    language: str = Field(default="", pattern=r"^[a-z]{0,8}$")


class Submission(BaseModel):
    """What the person who listened says it is, of the version he saw."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1)
    kind: Kind | None = None
    place: Annotated[str, Field(max_length=200), AfterValidator(scriptless)] = ""
    place_code: str = Field(default="", pattern=r"^[0-9]{0,12}$")
    topic: str = Field(default="", pattern=r"^[0-9a-z_]{0,40}$")
    text: Annotated[str, Field(max_length=10_000), AfterValidator(scriptless)] = ""
    callback: str = Field(default="", pattern=r"^(\+[1-9][0-9]{5,14})?$")


async def waiting(request: web.Request) -> web.Response:
    """The oldest first; `next_after` continues, null at the end."""
    identity, tenant = await allowed(request)
    page = query(request, Page)
    languages = _languages(request, identity, tenant.id)
    if page.language:
        chosen = frozenset({page.language})
        languages = chosen if languages is None else chosen & languages
    found = await request.app[SERVICES].spoken.waiting(
        tenant.id, languages=languages, limit=page.limit, after=page.after
    )
    return reply(
        {
            "requests": [_row(case) for case in found],
            "next_after": found[-1].number if len(found) == page.limit else None,
        }
    )


async def one(request: web.Request) -> web.Response:
    """One request with every question, answer and word."""
    _, case = await _case(request)
    return reply({"request": _whole(case)})


async def audio(request: web.Request) -> web.StreamResponse:
    """One of its recordings, with byte ranges."""
    identity, case = await _case(request)
    parts = _parts(case)
    which = int(request.match_info["part"])
    if which >= len(parts):
        raise NoAudio
    path = request.app[SERVICES].audio.part(parts[which])
    log.info(
        "audio_played", tenant=case.tenant, ticket=case.number, what=f"spoken-{which}",
        token=identity.token_id,
    )  # fmt: skip
    return await play_file(request, path, f"{case.number}-{which}.wav")


async def submit(request: web.Request) -> web.Response:
    """Take it off the list with what was corrected."""
    identity, case = await _case(request)
    told = await body(request, Submission)
    correction = Correction(
        told.kind, told.place, told.place_code, told.topic, told.text, told.callback
    )
    done = await request.app[SERVICES].spoken.submit(
        case.tenant, case.number, told.version, correction, by=_actor(identity)
    )
    log.info("spoken_submitted", tenant=case.tenant, ticket=case.number, token=identity.token_id)
    return reply({"request": _whole(done)})


async def _case(request: web.Request) -> tuple[Identity, SpokenCase]:
    """The request of the path, for somebody who may see it."""
    identity, tenant = await allowed(request)
    case = await request.app[SERVICES].spoken.case(tenant.id, request.match_info["number"])
    languages = _languages(request, identity, tenant.id)
    if languages is not None and case.language not in languages:
        raise TicketNotFound
    return identity, case


def _actor(identity: Identity) -> Actor:
    """Who is told in the ticket's history; an administrator listens as a supervisor does."""
    role = life.Role.SEAT if identity.role is Role.SEAT else life.Role.SUPERVISOR
    return Actor(identity.person or identity.seat_id or identity.token_id, role)


def _languages(request: web.Request, identity: Identity, tenant: str) -> frozenset[str] | None:
    """Those a seat speaks; None for whoever may see all."""
    if identity.role is not Role.SEAT:
        return None
    skills = request.app[SERVICES].seats.view(tenant, identity.seat_id).seat.skills
    return frozenset(s.removeprefix("lang:") for s in skills if s.startswith("lang:"))


def _row(case: SpokenCase) -> dict[str, Any]:
    return {
        "number": case.number,
        "made_at": iso(case.made_at),
        "language": case.language,
        "kind": case.kind,
        "place": case.place,
        "text": case.text,
        "danger": case.danger,
        "confirmed": case.confirmed,
        "review": list(case.review),
        "version": case.version,
    }


def _whole(case: SpokenCase) -> dict[str, Any]:
    path = f"/api/v1/tenants/{case.tenant}/spoken/{case.number}/audio"
    parts = _parts(case)
    corrected = case.corrected
    return _row(case) | {
        "place_code": case.place_code,
        "topic": case.topic,
        "topic_score": case.topic_score,
        "callback": case.callback,
        "open": case.open,
        "audio": [f"{path}/{n}" for n in range(len(parts))],
        "answers": [_answer(answer, parts) for answer in case.answers],
        "reviewed_at": iso(case.reviewed_at) if case.reviewed_at else None,
        "corrected": None
        if corrected is None
        else {
            "kind": corrected.kind,
            "place": corrected.place,
            "place_code": corrected.place_code,
            "topic": corrected.topic,
            "text": corrected.text,
            "callback": corrected.callback,
        },
    }


def _answer(answer: SpokenAnswer, parts: list[str]) -> dict[str, Any]:
    return {
        "question": answer.question,
        "value": answer.value,
        "label": answer.label,
        "score": answer.score,
        "because": list(answer.because),
        "keys": answer.keys,
        "text": answer.text,
        "part": parts.index(answer.recording) if answer.recording in parts else None,
        "begin_s": answer.begin_s,
        "end_s": answer.end_s,
        "words": [[w.text, w.begin_s, w.end_s, w.confidence] for w in answer.words],
    }


def _parts(case: SpokenCase) -> list[str]:
    """Every recording it is in, in the order they were made; the whole request's own last when it
    is another one (recorded plainly)."""
    told = (answer.recording for answer in case.answers)
    return [path for path in dict.fromkeys((*told, case.voice_path)) if path]


PLACE = f"/api/v1/tenants/{{tenant}}/spoken/{NUMBER}"
ROUTES = (
    get(
        "/api/v1/tenants/{tenant}/spoken",
        waiting,
        answers.SpokenRows,
        query=Page,
        roles=MAY,
        errors=(SeatNotFound,),
    ),
    get(PLACE, one, answers.OneSpoken, roles=MAY, errors=(TicketNotFound, SeatNotFound)),
    post(
        PLACE,
        submit,
        answers.OneSpoken,
        body=Submission,
        roles=MAY,
        errors=(TicketNotFound, SeatNotFound, VersionStale),
    ),
    get(
        f"{PLACE}/audio/{{part:[0-9]{{1,2}}}}",
        audio,
        roles=MAY,
        media=("audio/wav",),
        ranges=True,
        errors=(TicketNotFound, SeatNotFound, NoAudio, BadRange),
    ),
)
UNBOUNDED = (audio,)
