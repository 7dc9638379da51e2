"""Citizens' own tickets for self-service by telephone, in SQL: found, urged, added to; wrong tries.

Nothing here is on the way of an ordinary call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import Connection, Row, delete, or_, select

from storage.database import Database
from storage.due_dates import finish_due
from storage.events import Kept, history
from storage.life_tables import ticket_states
from storage.lives import Command, SqlLives
from storage.recordings import expect_recording
from storage.rows import DIALECTS, row_facts
from storage.self_service_tables import wrong_tries
from storage.spoken import spoken_requests
from storage.tables import tickets
from storage.transcripts import expect_addition
from tickets.calendar import moment
from tickets.errors import EventRefused, TicketError
from tickets.life import Actor, Role, Told
from tickets.lifecycle import replay
from tickets.model import TicketState
from tickets.number import local_day
from tickets.self_service import (
    CALLER_TRIES,
    HIDDEN_TRIES,
    TICKET_TRIES,
    Addition,
    OwnTicket,
    added_as,
    may_urge,
    refusal_of,
    tellable,
    urge_key,
    with_ending,
)

CITIZEN = Actor("citizen", Role.CITIZEN)
KEPT_DAYS = 7
CHUNK = 400
"""Numbers asked for in one statement: SQLite takes some thousand values."""

_TRIES = wrong_tries.c
_WRONG = {
    name: insert(wrong_tries).on_conflict_do_update(
        index_elements=["tenant", "subject", "day"], set_={"n": wrong_tries.c.n + 1}
    )
    for name, insert in DIALECTS.items()
}
_ON_RECORD = (
    select(
        tickets, finish_due(ticket_states.c).label("finish_due"),
        spoken_requests.c.callback, spoken_requests.c.corrected,
    )
    .join(
        ticket_states,
        (ticket_states.c.tenant == tickets.c.tenant)
        & (ticket_states.c.number == tickets.c.number),
    )
    .outerjoin(
        spoken_requests,
        (spoken_requests.c.tenant == tickets.c.tenant)
        & (spoken_requests.c.number == tickets.c.number),
    )
)  # fmt: skip


class SqlOwnTickets:
    """`ivr.self_service_ports.OwnTickets` on a `Database`."""

    def __init__(
        self,
        database: Database,
        lives: SqlLives,
        zones: Mapping[str, tzinfo],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._lives = lives
        self._zones = zones
        self._now = now

    # --- found

    async def with_number(self, tenant: str, number: str) -> OwnTicket | None:
        """The ticket; None when there is none, it may not be told of, or was asked for wrongly too
        often today."""
        if await self._tries(tenant, f"ticket:{number}") >= TICKET_TRIES:
            return None
        return await self._database.read(lambda c: _ticket(c, tenant, number, self._zones[tenant]))

    async def with_ending(self, tenant: str, ending: str, phone: str) -> OwnTicket | None:
        """The newest with this ending and this telephone (E.164)."""
        numbers = with_ending(ending, self._today(tenant))

        def find(connection: Connection) -> OwnTicket | None:
            for first in range(0, len(numbers), CHUNK):
                chunk = numbers[first : first + CHUNK]
                for number in _of_phone(connection, tenant, chunk, phone):
                    found = _ticket(connection, tenant, number, self._zones[tenant])
                    if found is not None and phone in found.phones:
                        return found
            return None

        return await self._database.read(find)

    # --- done

    async def urge(self, ticket: OwnTicket, at: datetime) -> bool:
        """Have it urged, once a local day; False when it was, or can't be."""
        day = local_day(at, self._zones[ticket.tenant])
        if not may_urge(ticket.state) or ticket.urged_on == day:
            return False
        told = Told("urged", CITIZEN, at, {"by": "phone"})
        command = Command(ticket.tenant, ticket.number, told, key=urge_key(day))
        try:
            before = await self._lives.life(ticket.tenant, ticket.number)
            after = await self._lives.tell(command)
        except EventRefused:
            return False  # it has ended meanwhile
        return after.urges > before.urges

    async def add(self, ticket: OwnTicket, words: Addition) -> bool:
        """Keep his words with it: event and recording in one commit, once a file; False when the
        ticket doesn't take any (any more)."""
        event = added_as(ticket.state)
        if not event:
            return False
        said = f"市民来电补充（录音{words.seconds:.0f}秒）"
        data: dict[str, object] = {
            "reason" if event == "appealed" else "text": said,
            "recording": words.stored, "voice_s": round(words.seconds, 1), "call": words.call_id,
        }  # fmt: skip
        told = Told(event, CITIZEN, words.at, data)
        command = Command(ticket.tenant, ticket.number, told, key=_key(words.stored))
        kept = await self._database.write(
            lambda connection: self._added(connection, command, words), order=ticket.tenant
        )
        return not isinstance(kept, TicketError)

    def _added(self, connection: Connection, command: Command, words: Addition) -> object:
        (kept,) = self._lives.tell_within(connection, [command])
        if not isinstance(kept, TicketError):
            which = (tickets.c.tenant == command.tenant, tickets.c.number == command.number)
            facts = row_facts(connection.execute(select(tickets).where(*which)).one())
            spoken_in = replace(facts, call_id=words.call_id)  # whose node has the file
            expect_recording(connection, spoken_in, words.stored, words.seconds, words.at)
            expect_addition(connection, command.tenant, command.number, words)
        return kept

    # --- wrong tries

    async def blocked(self, tenant: str, caller: str) -> bool:
        """Whether a telephone ("": those that aren't shown) has been wrong too often today."""
        most = CALLER_TRIES if caller else HIDDEN_TRIES
        return await self._tries(tenant, f"caller:{caller}") >= most

    async def wrong(self, tenant: str, caller: str, number: str = "") -> None:
        """One more wrong answer, about this ticket ("" for none)."""
        today = self._today(tenant)
        subjects = [f"caller:{caller}", *([f"ticket:{number}"] if number else [])]
        rows = [{"tenant": tenant, "subject": s, "day": today, "n": 1} for s in subjects]
        old = delete(wrong_tries).where(
            _TRIES.tenant == tenant, _TRIES.day < today - timedelta(days=KEPT_DAYS)
        )

        def write(connection: Connection) -> None:
            for row in rows:
                connection.execute(_WRONG[connection.dialect.name], row)
            connection.execute(old)

        await self._database.write(write, order=tenant)

    async def _tries(self, tenant: str, subject: str) -> int:
        query = select(_TRIES.n).where(
            _TRIES.tenant == tenant, _TRIES.subject == subject, _TRIES.day == self._today(tenant)
        )
        return await self._database.read(lambda c: c.execute(query).scalar()) or 0

    def _today(self, tenant: str) -> date:
        return local_day(self._now(), self._zones[tenant])


def _ticket(connection: Connection, tenant: str, number: str, zone: tzinfo) -> OwnTicket | None:
    query = _ON_RECORD.where(tickets.c.tenant == tenant, tickets.c.number == number)
    row = connection.execute(query).first()
    events = history(connection, tenant, (number,))[number] if row is not None else []
    if row is None or not events:
        return None
    life = replay(tenant, number, [(kept.told, kept.state) for kept in events])
    if not tellable(life):
        return None
    return OwnTicket(
        tenant=tenant,
        number=number,
        call_id=row.call_id,
        state=TicketState(life.state),
        phones=_phones(row),
        due=None if row.finish_due is None else moment(row.finish_due),
        refused=refusal_of([kept.told for kept in events]),
        urged_on=_urged_on(events, zone),
    )


def _phones(row: Row[Any]) -> frozenset[str]:
    corrected = (row.corrected or {}).get("callback") or ""
    return frozenset({row.caller_e164, row.callback or "", corrected} - {""})


def _of_phone(
    connection: Connection, tenant: str, numbers: Sequence[str], phone: str
) -> Sequence[str]:
    """Those of these numbers whose tickets may have this telephone on record, newest first."""
    query = (
        select(tickets.c.number)
        .outerjoin(
            spoken_requests,
            (spoken_requests.c.tenant == tickets.c.tenant)
            & (spoken_requests.c.number == tickets.c.number),
        )
        .where(
            tickets.c.tenant == tenant,
            tickets.c.number.in_(numbers),
            or_(tickets.c.caller_e164 == phone, spoken_requests.c.number.is_not(None)),
        )
        .order_by(tickets.c.number.desc())
    )
    return connection.execute(query).scalars().all()


def _urged_on(events: Sequence[Kept], zone: tzinfo) -> date | None:
    keys = [kept for kept in events if kept.key.startswith("urged-by-phone-")]
    return local_day(keys[-1].told.at, zone) if keys else None


def _key(stored: str) -> str:
    """What makes the same file be added once; short enough for a key."""
    return f"added-{stored.rpartition('/')[2]}"[-100:]
