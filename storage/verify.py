"""Looks whether tickets' histories are as they were written: every chain, every seal."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, select

from storage.database import Database
from storage.events import Kept, event_row, history
from storage.life_rows import load_life
from storage.life_tables import ticket_lives, ticket_seals, ticket_states
from storage.seals import seal_hash
from storage.tables import ticket_events, tickets
from tickets.chain import FIRST
from tickets.life import Life, Role
from tickets.lifecycle import replay

TICKETS_A_READ = 200
SEALS_A_READ = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """What isn't as it was written: of a ticket (and its event `seq`, 0: of the whole ticket), or
    of a seal (`number` "", `seq` its n)."""

    tenant: str
    number: str
    seq: int
    what: str


@dataclass(slots=True)
class Looked:
    """What was looked at, and the last seal, to be noted elsewhere."""

    tickets: int = 0
    events: int = 0
    seals: int = 0
    last_seal: str = ""


async def verify(
    database: Database, tenant: str, looked: Looked, noted: Sequence[tuple[int, str]] = ()
) -> AsyncIterator[Finding]:
    """Everything found in a tenant's tickets; `looked` is counted up meanwhile. `noted` are
    seals (n, hash in hex) that somebody wrote down: they must still be there.
    """
    before = ""
    while True:
        pages = await database.read(lambda c, b=before: _chapter(c, tenant, b))  # type: ignore[misc]
        if not pages:
            break
        for page in pages:
            looked.tickets += 1
            looked.events += len(page.events)
            for finding in _of_ticket(tenant, page):
                yield finding
        before = pages[-1].number
    async for finding in _seals(database, tenant, looked, dict(noted)):
        yield finding


def findings_of(connection: Connection, tenant: str, number: str) -> list[tuple[int, str]]:
    """What isn't as it was written of one ticket: events (0: the ticket itself) and what is wrong.
    Seals aren't looked at: they are of all tickets."""
    state, life = (
        connection.execute(
            select(table).where(table.c.tenant == tenant, table.c.number == number)
        ).first()
        for table in (ticket_states, ticket_lives)
    )
    told = history(connection, tenant, (number,))[number]
    page = _Page(number, state, life.life if life is not None else None, told)
    return [(finding.seq, finding.what) for finding in _of_ticket(tenant, page)]


@dataclass(frozen=True, slots=True)
class _Page:
    number: str
    state: Row[Any] | None
    life: Any
    events: Sequence[Kept]


def _chapter(connection: Connection, tenant: str, before: str) -> list[_Page]:
    """The next tickets in order of number; one that only some tables know is there too."""
    numbers: set[str] = set()
    for table in (tickets, ticket_states, ticket_events):
        query = (
            select(table.c.number)
            .where(table.c.tenant == tenant, table.c.number > before)
            .group_by(table.c.number)
            .order_by(table.c.number)
            .limit(TICKETS_A_READ)
        )
        numbers.update(connection.execute(query).scalars())
    wanted = sorted(numbers)[:TICKETS_A_READ]
    states, lives = (
        {
            row.number: row
            for row in connection.execute(
                select(table).where(table.c.tenant == tenant, table.c.number.in_(wanted))
            )
        }
        for table in (ticket_states, ticket_lives)
    )
    told = history(connection, tenant, wanted)
    return [_Page(n, states.get(n), lives[n].life if n in lives else None, told[n]) for n in wanted]


def _of_ticket(tenant: str, page: _Page) -> Iterator[Finding]:
    number, events, state = page.number, page.events, page.state
    broken = list(_of_chain(tenant, number, events))
    yield from broken
    if state is None or not events:
        yield Finding(tenant, number, 0, "its state is missing" if events else "it has no events")
        return
    last = events[-1]
    if (state.version, bytes(state.head)) != (last.seq, last.hash or b""):
        what = f"it ends with event {last.seq}, its state was made by event {state.version}"
        yield Finding(tenant, number, last.seq, what)
    elif not broken:
        yield from _of_life(tenant, page, state)


def _of_chain(tenant: str, number: str, events: Sequence[Kept]) -> Iterator[Finding]:
    head, expected = FIRST, 1
    for kept in events:
        if kept.seq != expected:
            gone = f"event {expected} is gone" if kept.seq == expected + 1 else (
                f"events {expected} to {kept.seq - 1} are gone"
            )  # fmt: skip
            yield Finding(tenant, number, expected, gone)
        else:
            made = event_row(tenant, number, kept.seq, kept.told, kept.state, kept.key, head)
            if made["hash"] != kept.hash:
                what = "the event, or the hash of the one before, was changed"
                yield Finding(tenant, number, kept.seq, what)
        head, expected = kept.hash or b"", kept.seq + 1


def _of_life(tenant: str, page: _Page, state: Row[Any]) -> Iterator[Finding]:
    """What the events make of the ticket is what its state says."""
    told = [(kept.told, kept.state) for kept in page.events]
    try:
        life = replay(tenant, page.number, told)
    except Exception as error:
        yield Finding(tenant, page.number, 0, f"its events can't be told again: {error}")
        return
    kept = load_life(tenant, page.number, page.life) if page.life is not None else life
    if (life.state, life.lead) != (state.state, state.unit) or not _made_by(page, kept, life):
        yield Finding(tenant, page.number, 0, "its state isn't what its events made of it")


def _made_by(page: _Page, kept: Life, life: Life) -> bool:
    """Whether a life is what its events make of it, now or by the rules it was kept by: a
    reviewer who added co-units was a handler, and a reassigned long-term matter still one."""
    told = [one.told for one in page.events]
    added = {
        who
        for one in told
        if one.event == "units_added" and one.actor.role is Role.REVIEWER
        for who in (one.actor.id, f"unit:{one.actor.unit}")
    }
    kept, life = (
        replace(one, handlers=tuple(who for who in one.handlers if who not in added))
        for one in (kept, life)
    )
    if any(one.event == "reassigned" for one in told):
        kept = replace(kept, long_term=life.long_term)
    return kept in (life, _earlier(life))


def _earlier(life: Life) -> Life:
    """As lives were kept before they told for which units somebody acted."""
    return replace(life, handlers=_persons(life.handlers), watchers=_persons(life.watchers))


def _persons(who: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in who if not one.startswith("unit:"))


async def _seals(
    database: Database, tenant: str, looked: Looked, noted: dict[int, str]
) -> AsyncIterator[Finding]:
    head, expected = FIRST, 1
    while True:
        found = await database.read(lambda c, n=expected: _seals_from(c, tenant, n))  # type: ignore[misc]
        if not found:
            break
        for row, missing in found:
            looked.seals += 1
            if row.n != expected:
                yield Finding(tenant, "", expected, f"seal {expected} is gone")
            elif seal_hash(head, tenant, row.n, row.at, row.heads) != bytes(row.hash):
                yield Finding(tenant, "", row.n, "the seal, or the one before, was changed")
            for number, seq in missing:
                what = f"it is not as sealed at {row.at.isoformat(timespec='seconds')} ({row.n})"
                yield Finding(tenant, number, seq, what)
            head, expected = bytes(row.hash), row.n + 1
            if noted.pop(row.n, head.hex()) != head.hex():
                yield Finding(tenant, "", row.n, "the seal isn't the one that was noted")
            looked.last_seal = f"{row.n}:{head.hex()}"
    for n in sorted(noted):
        yield Finding(tenant, "", n, "the seal that was noted is gone")


def _seals_from(
    connection: Connection, tenant: str, n: int
) -> list[tuple[Row[Any], list[tuple[str, int]]]]:
    """The next seals, each with the heads that no event has."""
    query = (
        select(ticket_seals)
        .where(ticket_seals.c.tenant == tenant, ticket_seals.c.n >= n)
        .order_by(ticket_seals.c.n)
        .limit(SEALS_A_READ)
    )
    found = []
    for row in connection.execute(query).all():
        numbers = [head[0] for head in row.heads]
        there: set[tuple[str, int, str]] = set()
        for first in range(0, len(numbers), TICKETS_A_READ):
            there |= _hashes(connection, tenant, numbers[first : first + TICKETS_A_READ])
        gone = [(head[0], head[1]) for head in row.heads if tuple(head) not in there]
        found.append((row, gone))
    return found


def _hashes(
    connection: Connection, tenant: str, numbers: Sequence[str]
) -> set[tuple[str, int, str]]:
    events = ticket_events.c
    query = select(events.number, events.seq, events.hash).where(
        events.tenant == tenant, events.number.in_(numbers)
    )
    return {
        (row.number, row.seq, bytes(row.hash or b"").hex()) for row in connection.execute(query)
    }
