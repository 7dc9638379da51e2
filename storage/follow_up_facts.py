"""What a follow-up's transaction asks SQL: who the citizen is, what he is told, who is rung."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from storage.events import history
from storage.follow_up_rows import follow_up_of
from storage.follow_up_tables import follow_ups
from storage.life_tables import ticket_states
from storage.recordings import expect_recording
from storage.rows import row_facts
from storage.spoken import spoken_requests
from storage.tables import tickets
from tickets.follow_up import FollowUp, FollowUpState, Heard, Leg
from tickets.model import CallFacts, Origin, TicketState
from tickets.told_data import text

ANSWERED = frozenset({TicketState.CALLBACK, TicketState.ARCHIVED, TicketState.MANUAL_REVIEW})
"""States of a main ticket in which its reply may be told to those who were linked to it."""
_ROWS = follow_ups.c


def kept_of(connection: Connection, leg: Leg) -> FollowUp | None:
    """The follow-up of this call, held until the commit; None for one that isn't there."""
    query = select(follow_ups).where(
        _ROWS.tenant == leg.tenant, _ROWS.number == leg.number, _ROWS.n == leg.n
    )
    row = connection.execute(query.with_for_update()).first()
    return None if row is None else follow_up_of(row)


def any_due(connection: Connection, tenant: str, now: int) -> bool:
    """Looked up without a lock: most looks find nothing."""
    query = select(func.min(_ROWS.next_at)).where(_ROWS.tenant == tenant, _ROWS.next_at > 0)
    return 0 < (connection.execute(query).scalar() or 0) <= now


def phones_rung(connection: Connection, tenant: str, now: int) -> set[str]:
    """The telephones that are being rung."""
    query = select(_ROWS.phone, _ROWS.number).where(
        _ROWS.tenant == tenant, _ROWS.next_at > now,
        _ROWS.state == FollowUpState.CALLING.value,
    )  # fmt: skip
    return {row.phone or row.number for row in connection.execute(query)}


def still_asked(connection: Connection, one: FollowUp) -> bool:
    """Whether its ticket waits for its citizen's word on this reply."""
    return _is_asked(_states(connection, one.tenant, (one.number, one.main)), one)


def as_it_stands(
    connection: Connection, tenant: str, found: Sequence[FollowUp]
) -> Sequence[FollowUp]:
    """A tenant's follow-ups for people: one that still waits though its ticket has gone on by
    itself is none any more, also before its time comes (or never, where nobody is phoned)."""
    waiting = [one for one in found if one.state is FollowUpState.WAITING]
    numbers = [number for one in waiting for number in (one.number, one.main)]
    states = _states(connection, tenant, numbers) if numbers else {}
    gone = {one for one in waiting if not _is_asked(states, one)}
    return [
        replace(one, state=FollowUpState.SUPERSEDED, next_at=0) if one in gone else one
        for one in found
    ]


def _is_asked(states: Mapping[str, TicketState], one: FollowUp) -> bool:
    if not one.main:
        return states.get(one.number) is TicketState.CALLBACK
    return states.get(one.number) is TicketState.MERGED and states.get(one.main) in ANSWERED


def _states(connection: Connection, tenant: str, numbers: Sequence[str]) -> dict[str, TicketState]:
    query = select(ticket_states.c.number, ticket_states.c.state).where(
        ticket_states.c.tenant == tenant, ticket_states.c.number.in_([n for n in numbers if n])
    )
    return {row.number: TicketState(row.state) for row in connection.execute(query)}


def citizen_of(connection: Connection, tenant: str, number: str) -> tuple[CallFacts, str] | None:
    """The facts of his call, and where he is to be phoned (E.164): the number that he named, else
    the one he called from; "" when neither is known. None: the house that sent us the ticket
    phones him."""
    query = (
        select(tickets, spoken_requests.c.callback)
        .select_from(tickets)
        .join(
            spoken_requests,
            (spoken_requests.c.tenant == tickets.c.tenant)
            & (spoken_requests.c.number == tickets.c.number),
            isouter=True,
        )
        .where(tickets.c.tenant == tenant, tickets.c.number == number)
    )
    row: Row[Any] | None = connection.execute(query).first()
    if row is None or row.origin == Origin.PEER:
        return None
    named = row.callback if (row.callback or "").startswith("+") else ""
    return row_facts(row), named or row.caller_e164


def reply_of(connection: Connection, tenant: str, number: str) -> str:
    """What the citizen is told, of the last reply that passed review: the public reply where there
    is one, else the unit's reply."""
    said: dict[str, str] = {}
    told = ""
    for kept in history(connection, tenant, (number,))[number]:
        data = kept.told.data
        if kept.told.event == "replied":
            said = {name: text(data, name) for name in ("public_reply", "reply")}
        elif kept.told.event == "reply_passed":
            public = text(data, "public_reply") or said.get("public_reply", "")
            told = public or said.get("reply", "")
    return told


def expect_call(connection: Connection, leg: Leg, heard: Heard, at: datetime) -> None:
    """Have the call's recording checked as any other."""
    row = connection.execute(
        select(tickets).where(tickets.c.tenant == leg.tenant, tickets.c.number == leg.number)
    ).first()
    if row is not None:
        facts = replace(row_facts(row), call_id=leg.id, recording=heard.recording)
        lasted_s = max(0.0, at.timestamp() - heard.answered_at)
        expect_recording(connection, facts, heard.recording, lasted_s, at)
