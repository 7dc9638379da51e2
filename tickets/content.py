"""What a ticket says: its words, requester and replies, told from its events. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from tickets.life import Told
from tickets.spoken import Question, SpokenRequest
from tickets.told_data import text

_KEPT = ("title", "text", "class_code", "place", "place_code", "requester", "channel")


@dataclass(frozen=True, slots=True)
class Reply:
    """A unit's reply (反馈), or an answer given at once; `public` is what anybody may read,
    `evidence` names what proves it."""

    at: datetime
    unit: str
    text: str
    public: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """The words of a ticket. `added` is what the citizen said later, oldest first."""

    title: str = ""
    text: str = ""
    class_code: str = ""
    place: str = ""
    place_code: str = ""
    requester: str = ""
    channel: str = ""
    danger: str = ""
    added: tuple[tuple[datetime, str], ...] = ()
    replies: tuple[Reply, ...] = field(default_factory=tuple)


def content(events: Iterable[Told]) -> Content:
    """What these events, oldest first, have made the ticket say."""
    said = Content()
    for told in events:
        said = _after(said, told)
    return said


def _after(said: Content, told: Told) -> Content:
    data = told.data
    match told.event:
        case "created" | "merged":
            return _spoken(said, data.get("spoken"))
        case "submitted":
            return _submitted(said, data)
        case "info_given" | "urged" | "appealed":
            more = text(data, "text") or text(data, "reason")
            return replace(said, added=(*said.added, (told.at, more))) if more else said
        case "replied":
            public = text(data, "public_reply")
            reply = Reply(told.at, told.actor.unit, text(data, "reply"), public, _proofs(data))
            return replace(said, replies=(*said.replies, reply))
        case "noted" if data.get("of") == "spoken":
            return _corrected(said, data)
        case "answered":
            answer = text(data, "answer")
            said = _submitted(said, data)
            return replace(said, replies=(*said.replies, Reply(told.at, "", answer, answer)))
        case "reply_passed" if said.replies and (public := text(data, "public_reply")):
            last = replace(said.replies[-1], public=public)
            return replace(said, replies=(*said.replies[:-1], last))
        case _:
            code = text(data, "class_code")
            return replace(said, class_code=code) if code else said


def _proofs(data: Mapping[str, object]) -> tuple[str, ...]:
    named = data.get("evidence")
    return tuple(map(str, named)) if isinstance(named, list | tuple) else ()


def _submitted(said: Content, data: Mapping[str, object]) -> Content:
    named: dict[str, Any] = {n: v for n in _KEPT if (v := text(data, n))}
    return replace(said, **named)


def _corrected(said: Content, data: Mapping[str, object]) -> Content:
    """What a person who listened says it is."""
    code = text(data, "topic") or said.class_code
    named: dict[str, Any] = {n: text(data, n) or getattr(said, n) for n in ("place", "place_code")}
    return replace(said, text=text(data, "text") or said.text, class_code=code, **named)


_SPOKEN = TypeAdapter(SpokenRequest)


def _spoken(said: Content, stored: object) -> Content:
    """A spoken request's words, by what was asked."""
    if stored is None:
        return said
    spoken = _SPOKEN.validate_python(stored)
    matter, place = spoken.answer(Question.MATTER), spoken.answer(Question.PLACE)
    return replace(
        said,
        text=spoken.text or said.text,
        class_code=(matter.value if matter else "") or said.class_code,
        place=(place.label or place.text if place else "") or said.place,
        place_code=(place.value if place else "") or said.place_code,
        danger=spoken.danger or said.danger,
    )
