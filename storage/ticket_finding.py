"""Which tickets a desk's list shows: by state, unit, class, area, due date or words, in pages."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    TextClause,
    and_,
    exists,
    or_,
    select,
)

from storage.clock_tables import clock_marks, ticket_clocks
from storage.clock_watching import EVENTS
from storage.database import Database
from storage.desk_tables import ticket_keys
from storage.due_dates import FINISHING, SAME_TICKET, finish_due
from storage.life_rows import load_life
from storage.life_tables import ticket_lives, ticket_states, ticket_texts
from storage.rows import row_ticket
from storage.tables import tickets
from storage.ticket_keys import card_key
from storage.ticket_lists import After, SqlTicketLists
from storage.ticket_making import as_lived
from storage.ticket_search import SqlTicketSearch
from tickets.calendar import moment, seconds
from tickets.desk_values import FoundPage, Listed, Wanted
from tickets.life import Life
from tickets.model import TicketState
from tickets.number import is_number

_STATES, _KEYS = ticket_states.c, ticket_keys.c
_CLOCKS = ticket_clocks.c
_RESTS = and_(_CLOCKS.spans != "", _CLOCKS.spans.not_like("%null]]"))
"""Whether a clock rests: its last span has an end (`storage.clock_rows.dump_spans`)."""
_RESTING = exists().where(SAME_TICKET, FINISHING, _RESTS).correlate(ticket_states)
ROUNDS = 5
"""So many pages of words are looked through for one page of what else is asked for."""


class SqlTicketFinding:
    """Lists for desks on a `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lists = SqlTicketLists(database)
        self._search = SqlTicketSearch(database)

    async def find(self, tenant: str, wanted: Wanted) -> FoundPage:
        """A page. Raises `EventRefused` for words that are too short, `StoreAway`."""
        if wanted.words:
            return await self._by_words(tenant, wanted)
        if wanted.due_before is None and not wanted.keys and not wanted.card:
            lines = await self._lists.newest(
                tenant, unit=wanted.unit or None, state=wanted.state, limit=wanted.limit,
                after=After(wanted.after) if wanted.after else None,
            )  # fmt: skip
            found = [(line.number, line.number) for line in lines]
        else:
            found = await self._database.read(lambda c: _found(c, tenant, wanted))
        page = await self.of(tenant, [number for number, _ in found])
        return FoundPage(page, found[-1][1] if len(found) == wanted.limit else "")

    async def of(self, tenant: str, numbers: Sequence[str]) -> Sequence[Listed]:
        """These tickets in this order; unknown numbers are left out."""
        if not numbers:
            return ()
        rows = await self._database.read(lambda c: _rows(c, tenant, numbers))
        return [_listed(tenant, rows[number]) for number in numbers if number in rows]

    async def _by_words(self, tenant: str, wanted: Wanted) -> FoundPage:
        """Found by words, newest first; what else is asked for is looked for among them."""
        page: list[Listed] = []
        last = wanted.after
        for _ in range(ROUNDS):
            hits = await self._search.find(
                tenant, wanted.words, unit=wanted.unit, limit=wanted.limit, before=last
            )
            fitting = await self._database.read(
                lambda c, numbers=[hit.number for hit in hits]: _fitting(c, tenant, numbers, wanted)  # type: ignore[misc] # bound now
            )
            for hit in await self.of(tenant, [hit.number for hit in hits]):
                if len(page) < wanted.limit:
                    last = hit.ticket.number
                    page += [hit] if last in fitting else []
            if len(hits) < wanted.limit:
                whole = not hits or last == hits[-1].number
                return FoundPage(page, "" if whole else last)
            if len(page) == wanted.limit:
                break
        return FoundPage(page, last)


def _found(connection: Connection, tenant: str, wanted: Wanted) -> list[tuple[str, str]]:
    """Numbers, each with the cursor that goes on after it."""
    where: list[Any] = [_STATES.tenant == tenant, *_narrowed(tenant, wanted)]
    query = select(_STATES.number)
    for key in wanted.keys:
        one = ticket_keys.alias()
        joined = (one.c.tenant == _STATES.tenant) & (one.c.number == _STATES.number)
        query = query.join(one, joined)
        where += [one.c.tenant == tenant, one.c.key == key]
    if wanted.due_before is None:
        if wanted.after:
            where.append(_STATES.number < wanted.after)
        query = query.where(*where).order_by(_STATES.number.desc()).limit(wanted.limit)
        return [(row.number, row.number) for row in connection.execute(query)]
    where += [_CLOCKS.tenant == tenant, *_due_before(wanted.due_before)]
    if wanted.unit:
        where.append(_CLOCKS.unit == wanted.unit)
    if wanted.after:
        number, _, due = wanted.after.partition("-")
        at = int(due or 0)
        later = and_(_CLOCKS.due == at, _CLOCKS.number > number)
        where += [_CLOCKS.due >= at, or_(_CLOCKS.due > at, later)]
    query = query.add_columns(_CLOCKS.due).join(ticket_clocks, SAME_TICKET).where(*where)
    query = query.order_by(_CLOCKS.due, _CLOCKS.number).limit(wanted.limit)
    return [(row.number, f"{row.number}-{row.due}") for row in connection.execute(query)]


def _due_before(at: datetime) -> tuple[ColumnElement[bool] | TextClause, ...]:
    """Of the clocks that are joined: those that must be finished by then, and don't rest."""
    return FINISHING, _CLOCKS.due < seconds(at), ~_RESTS


def _narrowed(tenant: str, wanted: Wanted) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        where.append(_STATES.state == wanted.state.value)
    if wanted.unit:
        where.append(_STATES.unit == wanted.unit)
    if wanted.card:
        where.append(_STATES.number.in_(_carded(tenant, wanted.card)))
    return where


def _carded(tenant: str, card: str) -> CompoundSelect[Any]:
    """Numbers of the tickets that were given a card, by their clocks or by hand."""
    marks = clock_marks.c
    names = [mark.value for mark, event in EVENTS.items() if event == card]
    by_clock = select(marks.number).where(marks.tenant == tenant, marks.mark.in_(names))
    by_hand = select(_KEYS.number).where(_KEYS.tenant == tenant, _KEYS.key == card_key(card))
    return by_clock.union(by_hand)


def _fitting(
    connection: Connection, tenant: str, numbers: Sequence[str], wanted: Wanted
) -> set[str]:
    """Those of the numbers that are as wanted, words aside."""
    if not numbers:
        return set()
    where = [_STATES.tenant == tenant, _STATES.number.in_(numbers), *_narrowed(tenant, wanted)]
    if wanted.due_before is not None:
        due = exists().where(SAME_TICKET, *_due_before(wanted.due_before))
        where.append(due.correlate(ticket_states))
    found = set(connection.execute(select(_STATES.number).where(*where)).scalars())
    for key in wanted.keys:
        having = select(_KEYS.number).where(
            _KEYS.tenant == tenant, _KEYS.key == key, _KEYS.number.in_(numbers)
        )
        found &= set(connection.execute(having).scalars())
    return found


def _rows(connection: Connection, tenant: str, numbers: Sequence[str]) -> dict[str, Row[Any]]:
    lives, texts = ticket_lives.c, ticket_texts.c
    query = (
        select(
            tickets,
            _STATES.state.label("lived_state"),
            _STATES.version.label("lived_version"),
            _STATES.unit.label("lead"),
            finish_due(_STATES),
            texts.title,
            lives.life,
            _RESTING.label("resting"),
        )
        .join(
            ticket_states,
            (_STATES.tenant == tickets.c.tenant) & (_STATES.number == tickets.c.number),
        )
        .join(
            ticket_texts,
            (texts.tenant == _STATES.tenant) & (texts.number == _STATES.number),
            isouter=True,
        )
        .join(
            ticket_lives,
            (lives.tenant == _STATES.tenant) & (lives.number == _STATES.number),
            isouter=True,
        )
        .where(tickets.c.tenant == tenant, tickets.c.number.in_(numbers))
    )
    rows: Iterable[Row[Any]] = connection.execute(query)
    return {row.number: row for row in rows}


def _listed(tenant: str, row: Row[Any]) -> Listed:
    life = None if row.life is None else load_life(tenant, row.number, row.life)
    ticket = row_ticket(row)
    shown = life or Life(tenant, row.number, TicketState(row.lived_state), row.lived_version)
    return Listed(
        as_lived(ticket, shown), row.lead, row.title or "",
        None if row.due is None else moment(row.due), life, bool(row.resting),
    )  # fmt: skip


def cursor(text: str) -> str:
    """A cursor as it came from outside, or "" for what is none."""
    number, _, due = text.partition("-")
    return text if is_number(number) and (not due or due.isdecimal()) else ""
