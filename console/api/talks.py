"""Talks: consultation, transfer and three-way for seats; listening and more for supervisors."""

from typing import Any, Self

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, model_validator

from console import answers
from console.auth import Identity
from console.board import iso
from console.doors import get, post
from console.errors import (
    Invalid,
    RoleRefused,
    SeatBusy,
    SwitchUnavailable,
    TalkElsewhere,
    TalkNotPossible,
    TargetNotAllowed,
    UnknownTalk,
)
from console.guard import allowed, body, reply
from console.ports import Role
from console.services import SERVICES
from console.talks import SUPERVISORS, TalkTarget, TalkVerb, TalkView

log = structlog.get_logger(__name__)

MAY = (Role.ADMIN, Role.SUPERVISOR, Role.SEAT)
WITH_TARGET = frozenset({TalkVerb.CONSULT, TalkVerb.EMERGENCY, TalkVerb.EMERGENCY_TOGETHER})
WITHOUT_TARGET = frozenset({TalkVerb.COMPLETE, TalkVerb.CANCEL})


class Target(BaseModel):
    """One of: a seat, a queue, a line, a number outside."""

    model_config = ConfigDict(extra="forbid")

    seat: str = Field(default="", max_length=40)
    queue: str = Field(default="", max_length=40)
    line: str = Field(default="", max_length=40)
    number: str = Field(default="", max_length=32)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.given) != 1:
            raise ValueError("name one of seat, queue, line, number")
        return self

    @property
    def given(self) -> list[TalkTarget]:
        """What is named."""
        return [TalkTarget(kind, name) for kind, name in self.model_dump().items() if name]


class Wish(BaseModel):
    """With whom. For the supervisors' verbs it is the seat whose telephone shall ring; a
    supervisor's token that has a seat needn't name it."""

    model_config = ConfigDict(extra="forbid")

    target: Target | None = None


def spelled(view: TalkView) -> dict[str, Any]:
    """A talk as JSON."""
    parties = [{"role": p.role, "seat": p.seat_id, "number": p.number} for p in view.parties]
    return {
        "call_id": view.call_id,
        "line": view.line_id,
        "seat": view.seat_id,
        "state": view.state,
        "since": iso(view.since),
        "parties": parties,
        "failed": view.failed,
    }


async def list_talks(request: web.Request) -> web.Response:
    """All talks; a token of role seat sees its own."""
    identity, tenant = await allowed(request)
    views = request.app[SERVICES].talks.talks(tenant.id)
    return reply({"talks": [spelled(view) for view in views if _sees(identity, view)]})


async def act(request: web.Request) -> web.Response:
    """Do something with a talk."""
    return await _act(request)


async def supervise(request: web.Request) -> web.Response:
    """Listen to a talk, whisper to its seat, join it, or take it over."""
    return await _act(request)


async def _act(request: web.Request) -> web.Response:
    verb = TalkVerb(request.match_info["verb"])
    identity, tenant = await allowed(request)
    wish = await body(request, Wish)
    target = _target(verb, wish, identity)
    talks = request.app[SERVICES].talks
    call_id = request.match_info["call_id"]
    if identity.role is Role.SEAT and talks.talk(tenant.id, call_id).seat_id != identity.seat_id:
        raise RoleRefused
    view = await talks.act(tenant.id, call_id, verb, target)
    log.info(
        "talk_asked",
        tenant=tenant.id,
        call_id=call_id,
        verb=verb,
        state=view.state,
        token=identity.token_id,
        pii_target=f"{target.kind}:{target.name}" if target else "",
    )
    return reply({"talk": spelled(view)}, 202)


def _target(verb: TalkVerb, wish: Wish, identity: Identity) -> TalkTarget | None:
    target = wish.target.given[0] if wish.target is not None else None
    if verb in SUPERVISORS:
        if target is None and identity.seat_id:
            return TalkTarget("seat", identity.seat_id)
        if target is None or target.kind != "seat":
            raise Invalid("target: name the seat whose telephone shall ring", "请指定振铃的座席")
    elif verb in WITH_TARGET and target is None:
        raise Invalid("target: with whom?", "请指定咨询对象")
    elif verb in WITHOUT_TARGET and target is not None:
        raise Invalid(f"target: {verb} takes none", "此操作无需指定对象")
    return target


def _sees(identity: Identity, view: TalkView) -> bool:
    if identity.role is not Role.SEAT:
        return True
    return identity.seat_id in {view.seat_id, *(party.seat_id for party in view.parties)}


TALK = "/api/v1/tenants/{tenant}/talks/{call_id}"
ACTED: dict[str, Any] = {
    "answers": answers.OneTalk, "body": Wish, "status": 202,
    "errors": (UnknownTalk, TalkElsewhere, TalkNotPossible, SeatBusy, TargetNotAllowed,
               SwitchUnavailable),
}  # fmt: skip
ROUTES = (
    get("/api/v1/tenants/{tenant}/talks", list_talks, answers.Talks, roles=MAY),
    post(
        f"{TALK}/{{verb:{'|'.join(v for v in TalkVerb if v not in SUPERVISORS)}}}",
        act,
        roles=MAY,
        **ACTED,
    ),
    post(
        f"{TALK}/{{verb:{'|'.join(sorted(SUPERVISORS))}}}",
        supervise,
        roles=(Role.ADMIN, Role.SUPERVISOR),
        **ACTED,
    ),
)
