"""Text messages to citizens: put into the outbox in the transaction of the event that causes them,
and made when they are sent. Nobody's telephone number lies in the outbox.

Two are made of one event by nothing: a message's id is its ticket's number and the event's `seq`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from storage.clockwork import Change
from storage.codec import load_new_ticket
from storage.exchange_tables import outbox
from storage.follow_up_facts import citizen_of
from storage.life_rows import load_life
from storage.life_tables import ticket_lives
from storage.outbox import Outgoing
from storage.prepared import Prepared
from storage.rows import insert_once
from tickets.lifecycle import Event
from tickets.model import NewTicket
from tickets.notices import citizen_message
from tickets.spoken import Question

TARGET = "text:gateway"
TICKET_MADE = "ticket_made"
_TAKEN_IN = frozenset({Event.CREATED, Event.MERGED})
_PUT = Prepared(insert_once(outbox))


def put_texts(connection: Connection, changes: Sequence[Change]) -> None:
    """What citizens are told of these events: the number of a ticket that was made of what they
    said by voice, to the number that they named; else what the lifecycle has them told, where
    their number is known."""
    for change in changes:
        life, told = change.life, change.told
        if told.event in _TAKEN_IN:
            if told.data.get("spoken") and _names_number(load_new_ticket(told.data)):
                _put(connection, change, TICKET_MADE, {})
        elif message := citizen_message(life, told):
            citizen = citizen_of(connection, life.tenant, life.number)
            if citizen is not None and citizen[1]:
                _put(connection, change, message, {"seq": life.seq})


def text_of(connection: Connection, message: Outgoing) -> Mapping[str, Any] | None:
    """A text message as the gateway gets it; None when the citizen isn't told any more: his number
    isn't known, or the ticket has become confidential since."""
    citizen = citizen_of(connection, message.tenant, message.number)
    if citizen is None or not citizen[1] or _is_confidential(connection, message):
        return None
    facts, to = citizen
    return {
        "id": message.message, "event": message.kind, "tenant": message.tenant,
        "ticket": message.number, "to": to, "language": facts.language, **message.body,
    }  # fmt: skip


def _names_number(new: NewTicket) -> bool:
    """Whether he named a number to be told at; as his last word on it."""
    said = new.spoken.answer(Question.NUMBER) if new.spoken else None
    return said is not None and said.value.startswith("+")


def _is_confidential(connection: Connection, message: Outgoing) -> bool:
    lives = ticket_lives.c
    life = connection.execute(
        select(lives.life).where(lives.tenant == message.tenant, lives.number == message.number)
    ).scalar()
    return life is not None and load_life(message.tenant, message.number, life).confidential


def _put(connection: Connection, change: Change, kind: str, body: Mapping[str, Any]) -> None:
    life, at = change.life, int(change.told.at.timestamp())
    row = {
        "tenant": life.tenant, "target": TARGET, "number": life.number,
        "message": f"text_{life.number}_{body.get('seq', 'made')}", "kind": kind, "body": body,
        "state": "waiting", "made_at": at, "next_at": 0, "tries": 0, "reason": "",
    }  # fmt: skip
    _PUT.run(connection, row)
