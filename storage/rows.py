"""Rows of SQL to and from the words of the tickets."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from sqlalchemy import Insert, Row, Table
from sqlalchemy.dialects import postgresql, sqlite

from tickets.model import CallFacts, Kind, Origin, Ticket, TicketState

Insertion = Callable[[Table], sqlite.Insert | postgresql.Insert]
DIALECTS: Mapping[str, Insertion] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def insert_once(table: Table) -> dict[str, Insert]:
    """By dialect: an INSERT that leaves a row alone that is already there."""
    return {
        name: cast(Insert, insert(table).on_conflict_do_nothing())
        for name, insert in DIALECTS.items()
    }


def facts_row(facts: CallFacts) -> dict[str, Any]:
    """The columns every told call has."""
    return {
        "tenant": facts.tenant, "call_id": facts.call_id, "line_id": facts.line_id,
        "unit": facts.unit, "called_number": facts.called_number, "dialled": facts.dialled,
        "caller_raw": facts.caller_raw, "caller_e164": facts.caller_e164,
        "anonymous": facts.anonymous, "language": facts.language, "kind": facts.kind,
        "keys": facts.keys, "started_at": facts.started_at, "recording": facts.recording,
    }  # fmt: skip


def row_facts(row: Row[Any]) -> CallFacts:
    """`facts_row`, back."""
    return CallFacts(
        tenant=row.tenant, call_id=row.call_id, line_id=row.line_id, unit=row.unit,
        called_number=row.called_number, dialled=row.dialled, caller_raw=row.caller_raw,
        caller_e164=row.caller_e164, anonymous=row.anonymous, language=row.language,
        kind=None if row.kind is None else Kind(row.kind), keys=row.keys,
        started_at=row.started_at, recording=row.recording,
    )  # fmt: skip


def ticket_row(ticket: Ticket) -> dict[str, Any]:
    """A ticket's columns."""
    return {
        **facts_row(ticket.facts),
        "number": ticket.number, "origin": ticket.origin, "state": ticket.state,
        "created_at": ticket.created_at, "version": ticket.version, "seat_id": ticket.seat_id,
        "voice_path": ticket.voice_path, "voice_s": ticket.voice_s,
        "confirmed": ticket.confirmed, "first_callback": ticket.first_callback,
        "callback_due": ticket.callback_due, "spool_id": ticket.spool_id,
        "notes": list(ticket.notes),
    }  # fmt: skip


def row_ticket(row: Row[Any]) -> Ticket:
    """`ticket_row`, back."""
    return Ticket(
        number=row.number, tenant=row.tenant, call_id=row.call_id, origin=Origin(row.origin),
        state=TicketState(row.state), created_at=row.created_at, facts=row_facts(row),
        seat_id=row.seat_id, voice_path=row.voice_path, voice_s=row.voice_s,
        confirmed=row.confirmed, first_callback=row.first_callback,
        callback_due=row.callback_due, recording=row.recording, spool_id=row.spool_id,
        version=row.version, notes=tuple(row.notes),
    )  # fmt: skip
