"""What is told of a ticket to a peer that shall handle it; asked only of tickets that cross."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from storage.clockwork import Change
from storage.open311_tables import open311_requests
from storage.spoken import spoken_requests
from storage.tables import ticket_events, tickets
from tickets.life import Life
from tickets.told_data import text

NAMED = ("title", "text", "kind", "class_code", "place", "place_code", "urgency")
LONGEST = 8_000


@dataclass(frozen=True, slots=True)
class CrossingFacts:
    """`data` goes to the peer, `line` and `class_code` decide whether it does."""

    line: str
    class_code: str
    data: Mapping[str, Any]


def facts_for(
    connection: Connection, life: Life, changes: Sequence[Change], requester: str
) -> CrossingFacts:
    """What was taken of the matter, by seats, by voice or over the web, and of the citizen as much
    as `requester` (none, phone, full) allows."""
    ticket = connection.execute(
        select(tickets).where(tickets.c.tenant == life.tenant, tickets.c.number == life.number)
    ).one()
    found: dict[str, Any] = dict.fromkeys(NAMED, "")
    found |= _of_voice(connection, life)
    web, contact = _of_web(connection, life)
    found |= web
    for data in _submitted(connection, life, changes):
        found |= {name: value for name in NAMED if (value := text(data, name))}
    found["kind"] = found["kind"] or life.kind or ticket.kind or ""
    found["urgency"] = life.urgency or found["urgency"]
    found["title"], found["text"] = found["title"][:200], found["text"][:LONGEST]
    found |= {
        "line": ticket.line_id, "language": ticket.language, "supervised": life.supervised,
        "confidential": life.confidential, "created_at": ticket.created_at.isoformat(),
        "attachments": _attachments(ticket, web), "requester": {},
    }  # fmt: skip
    if requester != "none" and not life.confidential:
        phone = ticket.caller_e164 or contact.get("phone", "")
        found["requester"] = {"phone": phone} if phone else {}
        if requester == "full":
            name = " ".join(
                word for part in ("last_name", "first_name") if (word := contact.get(part, ""))
            )
            found["requester"] |= {"name": name} if name else {}
    return CrossingFacts(ticket.line_id, found["class_code"], found)


def last_reply(connection: Connection, life: Life, changes: Sequence[Change]) -> str:
    """The text of a ticket's last reply, of this commit or an earlier one."""
    for change in reversed(changes):
        if change.life.number == life.number and change.told.event == "replied":
            return text(change.told.data, "reply")
    return next(iter(text(data, "reply") for data in _told(connection, life, "replied")), "")


def _submitted(
    connection: Connection, life: Life, changes: Sequence[Change]
) -> list[Mapping[str, Any]]:
    """What was submitted of it, the latest last."""
    now = [
        change.told.data
        for change in changes
        if change.life.number == life.number and change.told.event == "submitted"
    ]
    return [*reversed(_told(connection, life, "submitted")), *now]


def _told(connection: Connection, life: Life, event: str) -> list[Mapping[str, Any]]:
    """The data of its events of this name, the newest first."""
    events = ticket_events.c
    query = (
        select(events.data)
        .where(events.tenant == life.tenant, events.number == (life.parent or life.number))
        .where(events.event == event)
        .order_by(events.seq.desc())
        .limit(5)
    )
    return list(connection.execute(query).scalars())


def _of_voice(connection: Connection, life: Life) -> dict[str, Any]:
    ours = spoken_requests.c
    row = connection.execute(
        select(ours.text, ours.place, ours.place_code, ours.topic, ours.kind).where(
            ours.tenant == life.tenant, ours.number == (life.parent or life.number)
        )
    ).first()
    if row is None:
        return {}
    return {
        "text": row.text, "place": row.place, "place_code": row.place_code,
        "class_code": row.topic, "kind": row.kind,
    }  # fmt: skip


def _of_web(connection: Connection, life: Life) -> tuple[dict[str, Any], Mapping[str, str]]:
    ours = open311_requests.c
    row = connection.execute(
        select(open311_requests).where(
            ours.tenant == life.tenant, ours.number == (life.parent or life.number)
        )
    ).first()
    if row is None:
        return {}, {}
    told = {
        "text": row.description, "place": row.address, "class_code": row.service_code,
        "lat": row.lat, "long": row.long, "media_url": row.media_url,
    }  # fmt: skip
    return told, row.contact


def _attachments(ticket: Any, web: Mapping[str, Any]) -> list[dict[str, Any]]:
    """References: what a person can ask for, not the audio itself."""
    found = []
    if ticket.recording:
        found.append({"kind": "recording", "reference": ticket.number})
    if ticket.voice_path:
        found.append(
            {"kind": "voice", "reference": ticket.number, "length_s": float(ticket.voice_s)}
        )
    if url := web.get("media_url"):
        found.append({"kind": "link", "reference": url})
    return found
