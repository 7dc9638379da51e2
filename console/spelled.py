"""How tickets are spelled in JSON, as far as a token may know them (`tickets.rights`)."""

from collections.abc import Iterable, Mapping
from typing import Any

from console import told as t
from console.board import iso
from tickets.desk_values import ClockTold, Likely, Listed, Notice, Past, Suggested, Whole
from tickets.dispatch import Candidate
from tickets.life import Life
from tickets.lifecycle import owner
from tickets.model import Ticket
from tickets.possible import Possible
from tickets.rights import Requester, name_for, number_for, text_for


def facts(ticket: Ticket, seen: Requester) -> t.Facts:
    """What is known of a ticket's call; audio as paths below this server, "" when there is none
    or the citizen's voice isn't for this token."""
    known = ticket.facts
    path = f"/api/v1/tenants/{ticket.tenant}/tickets/{ticket.number}"
    shown = seen is Requester.SHOWN
    return {
        "number": ticket.number,
        "tenant": ticket.tenant,
        "created_at": iso(ticket.created_at),
        "origin": ticket.origin.value,
        "state": ticket.state,
        "kind": known.kind.value if known.kind else None,
        "line_id": known.line_id,
        "unit": known.unit,
        "called_number": known.called_number,
        "dialled": known.dialled,
        "caller": number_for(seen, known.caller_raw),
        "caller_e164": number_for(seen, known.caller_e164),
        "anonymous": known.anonymous,
        "language": known.language,
        "keys": known.keys if shown else "",
        "call_id": ticket.call_id,
        "started_at": iso(known.started_at),
        "seat_id": ticket.seat_id,
        "voice_s": ticket.voice_s,
        "confirmed": ticket.confirmed,
        "first_callback": ticket.first_callback,
        "callback_due": ticket.callback_due,
        "recording": f"{path}/recording" if ticket.recording and shown else "",
        "voice": f"{path}/voice" if ticket.voice_path and shown else "",
        "version": ticket.version,
        "notes": list(ticket.notes) if shown else [],
    }


def row(listed: Listed, seen: Requester) -> t.Row:
    """A ticket in a list."""
    life = listed.life
    told = facts(listed.ticket, seen)
    return {
        **told,
        "kind": (life.kind if life else "") or told["kind"],
        "title": text_for(seen, listed.title),
        "lead": listed.lead,
        "due": iso(listed.due) if listed.due else None,
        "resting": listed.resting,
        "urgency": life.urgency if life else "",
        "confidential": life is not None and life.confidential,
        "supervised": life is not None and life.supervised,
        "long_term": life is not None and life.long_term,
        "repeats": life.repeats if life else 0,
        "owner": owner(life) if life else "",
        "cards": list(life.cards) if life else [],
    }


def ticket(whole: Whole) -> t.TicketTold:
    """A whole ticket."""
    seen = whole.sight.requester
    return {
        **facts(whole.ticket, seen),
        "kind": whole.life.kind or None,
        "title": text_for(seen, whole.content.title),
        "life": life(whole.life, whole.owner),
        "content": content(whole),
        "clocks": [clock(one) for one in whole.clocks],
        "parts": list(whole.parts),
        "linked": list(whole.linked),
        "requester_shown": seen,
    }


def life(of: Life, acts: str) -> t.LifeTold:
    """A life."""
    return {
        "state": of.state, "version": of.seq, "owner": acts, "kind": of.kind,
        "urgency": of.urgency, "lead": of.lead, "co_units": list(of.co_units), "round": of.round,
        "returns": of.returns, "returnable": of.returnable, "extensions": of.extensions,
        "unreachable": of.unreachable, "main": of.main, "repeats": of.repeats,
        "parent": of.parent, "open_children": of.open_children, "statutory": of.statutory,
        "contacted": of.contacted, "called_back": of.called_back, "supervised": of.supervised,
        "instructed": of.instructed, "long_term": of.long_term, "confidential": of.confidential,
        "urges": of.urges, "cards": list(of.cards),
    }  # fmt: skip


def content(whole: Whole) -> t.ContentTold:
    """A ticket's words, as far as they may be read."""
    said, seen = whole.content, whole.sight.requester
    return {
        "title": text_for(seen, said.title), "text": text_for(seen, said.text),
        "class_code": said.class_code, "place": said.place, "place_code": said.place_code,
        "requester": name_for(seen, said.requester), "channel": said.channel,
        "danger": said.danger,
        "added": [{"at": iso(at), "text": text_for(seen, more)} for at, more in said.added],
        "replies": [
            {
                "at": iso(one.at), "unit": one.unit, "text": text_for(seen, one.text),
                "public": text_for(seen, one.public), "evidence": list(one.evidence),
            }
            for one in said.replies
        ],
    }  # fmt: skip


def clock(told: ClockTold) -> t.Clock:
    """A clock."""
    return {
        "clock": told.clock, "unit": told.unit, "round": told.round, "state": told.state,
        "began": iso(told.began), "due": iso(told.due), "provisional": told.provisional,
        "paused": told.paused, "ended": iso(told.ended) if told.ended else None,
        "in_time": told.in_time, "total_s": told.total_s, "elapsed_s": told.elapsed_s,
        "remaining_s": told.remaining_s, "reasons": list(told.reasons), "days": list(told.days),
        "reasons_zh": list(told.reasons_zh), "days_zh": list(told.days_zh),
        "rests": [
            {"since": iso(since), "until": iso(until) if until else None}
            for since, until in told.rests
        ],
        "marks": [{"mark": mark, "at": iso(at)} for mark, at in told.marks],
    }  # fmt: skip


def likely(found: Iterable[Likely], seen: Requester) -> list[t.LikelyTold]:
    """Tickets that are likely the same."""
    return [
        {
            "number": one.same.number, "score": one.same.score,
            "reasons": [reason.value for reason in one.same.reasons], "repeat": one.same.repeat,
            "repeats": one.repeats, "title": text_for(seen, one.title), "state": one.state,
            "lead": one.lead,
        }
        for one in found
    ]  # fmt: skip


_OF_CALL = frozenset({"created", "merged"})
_NUMBERS = frozenset({"phone", "callback"})


def event(past: Past, seen: Requester) -> t.EventTold:
    """An event, as far as it may be read."""
    told = past.told
    return {
        "seq": past.seq, "at": iso(told.at), "event": told.event, "by": told.actor.id,
        "role": told.actor.role.value, "unit": told.actor.unit, "state": past.state,
        "data": _of_call(told.data) if told.event in _OF_CALL else _data(told.data, seen),
    }  # fmt: skip


def link(past: Past, seen: Requester) -> t.Link:
    """An event in its chain."""
    return {**event(past, seen), "key": past.key, "hash": past.hash.hex()}


def possible(one: Possible) -> t.PossibleTold:
    """An event that may be told."""
    return {
        "event": one.event, "to": list(one.to), "refused": one.refused, "reason": one.reason,
        "fields": [
            {
                "name": field.name, "shape": field.shape.value, "needed": field.needed,
                "choices": list(field.choices), "most": field.most,
            }
            for field in one.fields
        ],
    }  # fmt: skip


def suggestion(made: Suggested) -> t.SuggestionTold:
    """Who should get a ticket."""
    found = made.suggestion
    return {
        "class_code": made.class_code, "place_code": made.place_code,
        "route": found.route.value, "platform": found.platform, "why": found.why,
        "leads": [_candidate(one) for one in found.leads],
        "co_units": [_candidate(one) for one in found.co_units],
    }  # fmt: skip


def notice(one: Notice) -> t.NoticeTold:
    """A word to a unit."""
    return {
        "id": one.id, "ticket": one.number, "seq": one.seq, "message": one.message,
        "at": iso(one.at), "seen_at": iso(one.seen_at) if one.seen_at else None,
        "seen_by": one.seen_by,
    }  # fmt: skip


def _candidate(one: Candidate) -> t.CandidateTold:
    return {"unit": one.unit, "name": one.name, "reasons": list(one.reasons), "score": one.score}


def _of_call(data: Mapping[str, object]) -> dict[str, Any]:
    """What a call told, without who called: that is in the ticket."""
    return {name: data[name] for name in ("origin", "state", "seat_id") if name in data}


def _data(data: Mapping[str, object], seen: Requester) -> dict[str, Any]:
    return {name: _value(name, value, seen) for name, value in data.items()}


def _value(name: str, value: object, seen: Requester) -> object:
    if seen is Requester.SHOWN:
        return value
    if isinstance(value, str):
        if name in _NUMBERS:
            return number_for(seen, value)
        return name_for(seen, value) if name == "requester" else text_for(seen, value)
    if isinstance(value, Mapping):
        return {key: _value(str(key), one, seen) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_value(name, one, seen) for one in value]
    return value
