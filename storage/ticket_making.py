"""Makes tickets of what calls tell, many in one commit: numbers, rows, first events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from storage.among import Among
from storage.clock_locks import hold_tenant
from storage.clockwork import Clockwork
from storage.codec import dump_new_ticket, load_new_ticket
from storage.events import history
from storage.life_book import LifeBook
from storage.parts import count_up
from storage.prepared import Prepared
from storage.recordings import expect_recording
from storage.rows import DIALECTS, insert_once, row_ticket, ticket_row
from storage.spoken import write_spoken
from storage.tables import spool_taken, tickets
from storage.talk_ratings import keep_rating
from storage.ticket_keys import keep_spoken_keys
from storage.ticket_search import Words, index
from storage.transcripts import expect_transcript
from tickets.grams import plain
from tickets.life import SYSTEM, Actor, Life, Role, Told
from tickets.lifecycle import Event, born, with_fact
from tickets.merge import merged
from tickets.model import NewTicket, Origin, Ticket
from tickets.number import day_key, format_number

_MAKE = Prepared(dict.fromkeys(DIALECTS, insert(tickets)))
_TAKEN = insert_once(spool_taken)
_KNOWN = "SELECT 1 FROM tickets WHERE tenant = ? AND call_id = ?"
_CALLS = Among(
    tickets.c.call_id,
    lambda wanted: select(tickets.c.call_id).where(
        tickets.c.tenant == bindparam("of_tenant"), wanted
    ),
)
_OF_CALL = (
    select(tickets)
    .where(tickets.c.tenant == bindparam("in_tenant"), tickets.c.call_id == bindparam("of_call"))
    .with_for_update()
)
_CHANGE = update(tickets).where(
    tickets.c.tenant == bindparam("in_tenant"), tickets.c.number == bindparam("of_number")
)


@dataclass(frozen=True, slots=True)
class Making:
    """A fact to be taken in, and the tenant's local day it counts for."""

    new: NewTicket
    day: date


Made = tuple[Ticket, Origin | None]
"""The ticket, and what its origin was before (None: it is new)."""


def make_all(connection: Connection, clockwork: Clockwork, making: Sequence[Making]) -> list[Made]:
    """Take facts of one tenant in, in their order. One call's ticket is made once; when another
    engine made it in this very moment, the database refuses and each fact is tried again alone.
    """
    tenant = making[0].new.facts.tenant
    hold_tenant(connection, tenant, few_rows=True)
    fresh = _fresh(connection, tenant, making)
    numbers = _numbers(connection, tenant, fresh)
    made: dict[int, Made] = {}
    book = LifeBook(connection, tenant, clockwork)
    rows, words = [], []
    for place, number in numbers.items():
        new = making[place].new
        ticket = merged(number, (new,))
        made[place] = ticket, None
        rows.append(ticket_row(ticket))
        told = _told(Event.CREATED, new)
        book.born(born(tenant, number, told), told)
        if new.spoken is not None and new.spoken.text:
            words.append(Words(number, "", "", plain(new.spoken.text)))
    _MAKE.run_many(connection, rows)
    book.write()
    index(connection, tenant, words, {})
    for place, one in enumerate(making):
        if place not in made:
            made[place] = _add_fact(connection, clockwork, one.new)
        elif one.new.spoken is not None:
            write_spoken(connection, made[place][0], (one.new,))
        _note(connection, one.new, made[place][0].number)
    return [made[place] for place in range(len(making))]


def _fresh(connection: Connection, tenant: str, making: Sequence[Making]) -> dict[int, Making]:
    """By place: the first facts of calls that have no ticket yet."""
    first: dict[str, int] = {}
    for place, one in enumerate(making):
        first.setdefault(one.new.facts.call_id, place)
    known = _known_calls(connection, tenant, list(first))
    return {place: making[place] for call_id, place in first.items() if call_id not in known}


def _known_calls(connection: Connection, tenant: str, call_ids: Sequence[str]) -> set[str]:
    if connection.dialect.name == "sqlite":
        raw: Any = connection.connection.driver_connection
        return {c for c in call_ids if raw.execute(_KNOWN, (tenant, c)).fetchone()}
    return set(_CALLS.run(connection, call_ids, of_tenant=tenant).scalars())


def _numbers(connection: Connection, tenant: str, fresh: Mapping[int, Making]) -> dict[int, str]:
    numbers = {}
    for day in sorted({one.day for one in fresh.values()}):
        places = [place for place, one in fresh.items() if one.day == day]
        last = count_up(connection, tenant, day_key(day), len(places))
        for n, place in enumerate(places, last - len(places) + 1):
            numbers[place] = format_number(day, n)
    return dict(sorted(numbers.items()))


def _add_fact(connection: Connection, clockwork: Clockwork, new: NewTicket) -> Made:
    """The call has a ticket: nothing new changes nothing, else the facts are merged afresh."""
    tenant = new.facts.tenant
    book = LifeBook(connection, tenant, clockwork)
    row = connection.execute(_OF_CALL, {"in_tenant": tenant, "of_call": new.facts.call_id}).one()
    was = Origin(row.origin)
    events = history(connection, tenant, (row.number,))[row.number]
    known = [
        load_new_ticket(kept.told.data)
        for kept in events
        if kept.told.event in (Event.CREATED, Event.MERGED)
    ]
    life = book.page(row.number).life
    if new in known:
        return as_lived(row_ticket(row), life), was
    ticket = merged(row.number, (*known, new))
    told = _told(Event.MERGED, new)
    decision = with_fact(life, told)
    book.keep(decision, told)
    book.write()
    ticket = as_lived(ticket, decision.life)
    connection.execute(
        _CHANGE, {"in_tenant": tenant, "of_number": ticket.number, **ticket_row(ticket)}
    )
    write_spoken(connection, ticket, (*known, new))
    return ticket, was


def as_lived(ticket: Ticket, life: Life) -> Ticket:
    """The ticket as its facts tell, in the state to which its life has come."""
    return replace(ticket, state=life.state, version=life.seq)


def _told(event: Event, new: NewTicket) -> Told:
    actor = Actor(new.seat_id, Role.SEAT) if new.seat_id else SYSTEM
    return Told(event, actor, new.at, dump_new_ticket(new))


def _note(connection: Connection, new: NewTicket, number: str) -> None:
    """What else depends on the fact: a recording to be checked, a spool item that was taken, what
    a spoken request is found by."""
    if new.spoken is not None:
        keep_spoken_keys(connection, new.facts.tenant, number, new.spoken)
    if new.voice_path:
        expect_recording(connection, new.facts, new.voice_path, new.voice_s, new.at)
        expect_transcript(connection, new, number)
    if new.rating:
        keep_rating(connection, new, number)
    if new.spool_id:
        taken = {"tenant": new.facts.tenant, "spool_id": new.spool_id, "taken_at": new.at}
        connection.execute(_TAKEN[connection.dialect.name], {**taken, "ticket": number})
