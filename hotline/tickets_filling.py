"""What a full store holds for `hotline bench tickets`: tickets as the real path writes them.

Rows are made in an empty SQLite in memory, by the code that every event goes through, so chains,
clocks and lives are the real ones; `hotline/tickets_bulk.py` then puts them where they are wanted,
thousands at a time.
"""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from sqlalchemy import Connection, Table, create_engine, delete, insert
from sqlalchemy.pool import StaticPool

from hotline.policies import rules_for
from ivr.tenants import Tenant
from simulator.tickets_load import UNITS, told
from storage.clock_tables import ticket_clocks
from storage.clocks import SqlClockwork
from storage.clockwork import Clockwork
from storage.codec import dump_new_ticket
from storage.json_text import dump_json
from storage.life_book import LifeBook
from storage.life_tables import ticket_lives, ticket_states, ticket_unsealed
from storage.prepared import Prepared
from storage.rows import DIALECTS, ticket_row
from storage.tables import metadata, ticket_events, tickets
from storage.ticket_search import Words
from tickets.grams import plain
from tickets.life import SYSTEM, Actor, Life, Limits, Role, Told
from tickets.lifecycle import born, decide
from tickets.merge import merged
from tickets.model import CallFacts, Kind, NewTicket, Origin, TicketState
from tickets.number import format_number

TENANT = "default"
NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
"""A Wednesday's morning at the bench's end of the world."""
DAYS = (date(2026, 11, 23), date(2026, 11, 24))
KINDS = tuple(kind for kind in Kind if kind is not Kind.CONSULTATION)
"""Those of which no card is due before `NOW`: what is due at once in the bench is chosen there."""
FILLED = (tickets, ticket_events, ticket_states, ticket_lives, ticket_clocks, ticket_unsealed)
_MAKE = Prepared(dict.fromkeys(DIALECTS, insert(tickets)))
_NO_LIMITS = Limits()

Rows = Mapping[str, Sequence[tuple[Any, ...]]]
"""By table: rows with all its columns, in its order, as SQLite's driver has them."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """`count` tickets of one day, the store's `first` and following; the first has the day's
    number `number`."""

    first: int
    count: int
    day: date
    number: int
    seed: int


def chunks(stored: int, size: int, seed: int) -> Sequence[Chunk]:
    """Where `stored` tickets fall: over `DAYS` evenly, in order."""
    found: list[Chunk] = []
    for n, day in enumerate(DAYS):
        first, last = stored * n // len(DAYS), stored * (n + 1) // len(DAYS)
        found += (
            Chunk(at, min(size, last - at), day, at - first + 1, seed)
            for at in range(first, last, size)
        )
    return found


def new_fact(call_id: str, at: datetime, kind: Kind | None, state: TicketState) -> NewTicket:
    """What a call tells, with everything an ordinary one has."""
    facts = CallFacts(
        tenant=TENANT, call_id=call_id, line_id="12345", unit="", called_number="12345",
        dialled="12345", caller_raw="13877112233", caller_e164="+8613877112233", anonymous=False,
        language="cmn", kind=kind, keys="1", started_at=at,
        recording=f"/hotline/recordings/2026/11/25/{call_id}.wav",
    )  # fmt: skip
    return NewTicket(facts, Origin.TALK, state, at, seat_id="801")


@cache
def handler(unit: str) -> Actor:
    """Who handles tickets for a unit."""
    return Actor(f"{unit}-1", Role.DEPARTMENT, unit)


@cache
def _room() -> tuple[Connection, Clockwork]:
    """A process's own database in memory, and its clocks."""
    gc.disable()  # a chunk's rows are many and no circles: looking for some took half the time
    engine = create_engine("sqlite://", poolclass=StaticPool, json_serializer=dump_json)
    connection = engine.connect()
    metadata.create_all(connection, FILLED)
    rules = rules_for(Tenant(id=TENANT, name="bench"))
    return connection, SqlClockwork(lambda tenant: rules)


def made(chunk: Chunk) -> tuple[Rows, Sequence[Words]]:
    """A chunk's rows, and the texts of its tickets; each created, dispatched and signed."""
    connection, clockwork = _room()
    words = _make(connection, clockwork, chunk)
    rows = {table.name: _taken(connection, table) for table in FILLED}
    for table in reversed(FILLED):
        connection.execute(delete(table))
    connection.commit()
    return rows, words


def _taken(connection: Connection, table: Table) -> Sequence[tuple[Any, ...]]:
    columns = ", ".join(column.name for column in table.columns)
    raw: Any = connection.connection.driver_connection
    found: Sequence[tuple[Any, ...]] = raw.execute(f"SELECT {columns} FROM {table.name}").fetchall()  # noqa: S608 - our own names
    return found


def _make(connection: Connection, clockwork: Clockwork, chunk: Chunk) -> Sequence[Words]:
    random = Random(f"{chunk.seed} {chunk.first}")  # noqa: S311 - the same tickets in every run
    begin = datetime(chunk.day.year, chunk.day.month, chunk.day.day, 1, tzinfo=UTC)
    book = LifeBook(connection, TENANT, clockwork)
    rows, words = [], []
    for n in range(chunk.count):
        number = format_number(chunk.day, chunk.number + n)
        at = begin + timedelta(seconds=random.randrange(8 * 3600))
        call_id = f"fill-{chunk.first + n}"
        new = new_fact(call_id, at, KINDS[n % len(KINDS)], TicketState.PENDING_REVIEW)
        rows.append(ticket_row(merged(number, (new,))))
        unit = random.choice(UNITS)
        _live(book, number, new, unit)
        title, body = told(random)
        words.append(Words(number, unit, title, plain(f"{title}\n{body}")))
    _MAKE.run_many(connection, rows)
    book.write()
    return words


def _live(book: LifeBook, number: str, new: NewTicket, unit: str) -> None:
    created = Told("created", Actor("801", Role.SEAT), new.at, dump_new_ticket(new))
    decision = born(TENANT, number, created)
    book.born(decision, created)
    life = decision.life
    for event, actor, minutes in (
        ("dispatched", SYSTEM, 20), ("signed", handler(unit), 200),
    ):  # fmt: skip
        at = new.at + timedelta(minutes=minutes)
        life = _tell(book, life, Told(event, actor, at, {"lead": unit}))


def _tell(book: LifeBook, life: Life, told: Told) -> Life:
    decision = decide(life, told, _NO_LIMITS)
    book.keep(decision, told)
    return decision.life
