"""What a ticket knows when several facts tell of one call.

A call may be told of more than once: an abandoned wait and then a request from the spool, a
talk's draft and then its recording, a journal entry written twice. A ticket keeps every
distinct fact as an event; its fields are computed from the *set* of them, here. So the order
in which facts arrive, and how often, can't matter:

- Facts are ranked by how much they tell: voice_request over talk over callback over abandoned,
  then by state, then the later over the earlier. The first in rank is the ticket's origin and
  state.
- Every other field comes from the highest fact in which it isn't empty; nothing known is lost.
- What belongs together goes together: the caller's number with its normal form, the voice with
  its length and confirmation (a confirmed and longer voice goes first).
- Times of beginning are the earliest; wishes (`first_callback`) stay once they were told.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import TypeVar

from tickets.model import CallFacts, NewTicket, Origin, Ticket, TicketState

ORIGIN_RANK = {
    Origin.PART: -1,
    Origin.CONNECTED: -1,
    Origin.PEER: -1,
    Origin.WEB: -1,
    Origin.ABANDONED: 0,
    Origin.CALLBACK: 1,
    Origin.TALK: 2,
    Origin.HANDED_OVER: 2,
    Origin.VOICE_REQUEST: 3,
}
TO_BE_CALLED = (Origin.ABANDONED, Origin.CALLBACK)
STATE_RANK = {TicketState.DRAFT: 0, TicketState.PENDING_REVIEW: 1}
F = TypeVar("F", NewTicket, CallFacts)


def merged(number: str, facts: Iterable[NewTicket]) -> Ticket:
    """The ticket that a call's facts make; `version` counts the distinct ones.

    ValueError without facts, or when they tell of different calls.
    """
    known = list(dict.fromkeys(facts))
    if len(known) > 1:
        known.sort(key=_rank, reverse=True)
    calls = {(fact.facts.tenant, fact.facts.call_id) for fact in known}
    if len(calls) != 1:
        raise ValueError(f"a ticket tells of one call, these facts of {len(calls)}: {calls}")
    best, voice = known[0], _voice(known)
    seen = _call_facts([fact.facts for fact in known]) if len(known) > 1 else best.facts
    first_callback = any(fact.first_callback for fact in known)
    return Ticket(
        number=number,
        tenant=seen.tenant,
        call_id=seen.call_id,
        origin=best.origin,
        state=best.state,
        created_at=min(fact.at for fact in known),
        facts=seen,
        seat_id=_first(known, attrgetter("seat_id")),
        voice_path=voice.voice_path,
        voice_s=voice.voice_s,
        confirmed=voice.confirmed,
        first_callback=first_callback,
        callback_due=first_callback or best.origin in TO_BE_CALLED,
        recording=seen.recording,
        spool_id=_first(known, attrgetter("spool_id")),
        version=len(known),
        notes=_notes(known),
    )


def _rank(fact: NewTicket) -> tuple[int, int, datetime, tuple[str, ...]]:
    tie = tuple(str(part) for part in _flat(fact))
    return ORIGIN_RANK[fact.origin], STATE_RANK[fact.state], fact.at, tie


def _flat(fact: NewTicket) -> Iterator[object]:
    """Every value, times as instants: a tie must not be broken by how a zone is spelled."""
    for value in (*attrgetter(*_FIELDS)(fact), *attrgetter(*_CALL_FIELDS)(fact.facts)):
        yield value.timestamp() if isinstance(value, datetime) else value


_FIELDS = [field.name for field in fields(NewTicket) if field.name != "facts"]
_CALL_FIELDS = [field.name for field in fields(CallFacts)]


def _call_facts(known: Sequence[CallFacts]) -> CallFacts:
    caller = next((f for f in known if f.caller_raw and not f.anonymous), known[0])
    return CallFacts(
        tenant=known[0].tenant,
        call_id=known[0].call_id,
        line_id=_first(known, attrgetter("line_id")),
        unit=_first(known, attrgetter("unit")),
        called_number=_first(known, attrgetter("called_number")),
        dialled=_first(known, attrgetter("dialled")),
        caller_raw=caller.caller_raw,
        caller_e164=caller.caller_e164,
        anonymous=caller.anonymous,
        language=_first(known, attrgetter("language")),
        kind=next((f.kind for f in known if f.kind is not None), None),
        keys=_first(known, attrgetter("keys")),
        started_at=min(f.started_at for f in known),
        recording=_first(known, attrgetter("recording")),
    )


def _first(known: Sequence[F], get: Callable[[F], str]) -> str:
    return next((value for value in map(get, known) if value), "")


def _voice(known: Sequence[NewTicket]) -> NewTicket:
    voices = [fact for fact in known if fact.voice_path]
    # max takes the first of equals: the highest in rank
    return max(voices, key=lambda fact: (fact.confirmed, fact.voice_s), default=known[0])


def _notes(known: Sequence[NewTicket]) -> tuple[str, ...]:
    """What else was told of the call, oldest first; the origin itself is not a note, unless he was
    handed on to somebody outside, or rated the talk."""
    told = [fact for n, fact in enumerate(known) if n or fact.handed_to or fact.rating]
    return tuple(map(_note, sorted(told, key=lambda fact: (fact.at, ORIGIN_RANK[fact.origin]))))


def _note(fact: NewTicket) -> str:
    when = fact.at.astimezone(UTC).isoformat(timespec="seconds")
    handed = f"→ {fact.handed_to}" if fact.handed_to else ""
    return " ".join(word for word in (fact.origin, when, fact.seat_id, handed, fact.rating) if word)
