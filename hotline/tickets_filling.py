"""Fills a store for `hotline bench tickets`: real chains, clocks and texts, made in memory."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random

from sqlalchemy import Connection, insert

from simulator.tickets_load import UNITS, told
from storage.clockwork import Clockwork
from storage.codec import dump_new_ticket
from storage.life_book import LifeBook
from storage.parts import count_up
from storage.prepared import Prepared
from storage.rows import DIALECTS, ticket_row
from storage.tables import tickets
from storage.ticket_search import Words, index
from tickets.grams import plain
from tickets.life import SYSTEM, Actor, Life, Limits, Role, Told
from tickets.lifecycle import born, decide
from tickets.merge import merged
from tickets.model import CallFacts, Kind, NewTicket, Origin, TicketState
from tickets.number import day_key, format_number

TENANT = "default"
NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
"""A Wednesday's morning at the bench's end of the world."""
DAYS = tuple(date(2026, 11, day) for day in (19, 20, 23, 24))
KINDS = tuple(Kind)
_MAKE = Prepared(dict.fromkeys(DIALECTS, insert(tickets)))
_NO_LIMITS = Limits()


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


def fill_chunk(
    connection: Connection, clockwork: Clockwork, first: int, count: int, random: Random
) -> Sequence[str]:
    """Tickets `first` and following, each created, dispatched and signed; their numbers."""
    day = DAYS[first // count % len(DAYS)]
    last = count_up(connection, TENANT, day_key(day), count)
    begin = datetime(day.year, day.month, day.day, 1, tzinfo=UTC)
    book = LifeBook(connection, TENANT, clockwork)
    rows, words, numbers = [], [], []
    for n in range(count):
        number = format_number(day, last - count + 1 + n)
        at = begin + timedelta(seconds=random.randrange(8 * 3600))
        new = new_fact(f"fill-{first + n}", at, KINDS[n % len(KINDS)], TicketState.PENDING_REVIEW)
        rows.append(ticket_row(merged(number, (new,))))
        unit = random.choice(UNITS)
        _live(book, number, new, unit)
        title, body = told(random)
        words.append(Words(number, unit, title, plain(f"{title}\n{body}")))
        numbers.append(number)
    _MAKE.run_many(connection, rows)
    book.write()
    index(connection, TENANT, words, {})
    return numbers


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
