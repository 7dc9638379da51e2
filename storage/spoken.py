"""Spoken requests in SQL: what was asked and answered, and the morning list of those that a person
must listen to. One row a call, written in the transaction of its ticket's facts.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Table,
    Text,
    UniqueConstraint,
    select,
    update,
)

from storage.clock_locks import hold_tenant
from storage.database import Database
from storage.lives import Command, SqlLives
from storage.rows import DIALECTS
from storage.tables import UtcDateTime, metadata, tickets
from tickets.errors import TicketError, UnknownTicket
from tickets.life import Actor, Told
from tickets.model import NewTicket, Ticket
from tickets.review import Correction, SpokenCase, StaleVersion, noted
from tickets.spoken import Question, Review, SpokenAnswer, SpokenRequest, combined

spoken_requests = Table(
    "spoken_requests", metadata,
    Column("tenant", Text, nullable=False), Column("call_id", Text, nullable=False),
    Column("number", Text, nullable=False), Column("made_at", UtcDateTime, nullable=False),
    Column("language", Text, nullable=False), Column("kind", Text, nullable=False),
    Column("place", Text, nullable=False), Column("place_code", Text, nullable=False),
    Column("topic", Text, nullable=False), Column("topic_score", Float, nullable=False),
    Column("text", Text, nullable=False), Column("callback", Text, nullable=False),
    Column("danger", Text, nullable=False), Column("confirmed", Boolean, nullable=False),
    Column("review", JSON, nullable=False), Column("answers", JSON, nullable=False),
    Column("voice_path", Text, nullable=False), Column("open", Boolean, nullable=False),
    Column("version", Integer, nullable=False), Column("corrected", JSON(none_as_null=True)),
    Column("reviewed_at", UtcDateTime), Column("reviewed_by", Text, nullable=False),
    PrimaryKeyConstraint("tenant", "call_id"),
    UniqueConstraint("tenant", "number"),
    Index(None, "tenant", "open", "number"),
)  # fmt: skip

_ANSWERS = TypeAdapter(tuple[SpokenAnswer, ...])
_CORRECTION = TypeAdapter(Correction)
_OURS = spoken_requests.c


def write_spoken(connection: Connection, ticket: Ticket, facts: Iterable[NewTicket]) -> None:
    """The row of a ticket's spoken request, made anew from all facts that tell of one. What a
    person has said of it stays."""
    told = [new.spoken for new in facts if new.spoken is not None]
    best = combined(told)
    if best is None:
        return
    found = connection.execute(_row_of(ticket.tenant, ticket.number)).first()
    row = _row(ticket, best) | {"open": bool(best.review)}
    if found is None:
        connection.execute(
            DIALECTS[connection.dialect.name](spoken_requests)
            .values({**row, "version": 1, "reviewed_by": ""})
            .on_conflict_do_nothing()
        )
        return
    if found.reviewed_at is not None:
        row |= {"open": False, "confirmed": found.confirmed}
    changed = update(spoken_requests).where(
        _OURS.tenant == ticket.tenant, _OURS.number == ticket.number
    )
    connection.execute(changed.values({**row, "version": found.version + 1}))
    if found.corrected is not None:
        _set_kind(connection, ticket.tenant, ticket.number, found.corrected["kind"])


def _row(ticket: Ticket, spoken: SpokenRequest) -> dict[str, Any]:
    place, topic = spoken.answer(Question.PLACE), spoken.answer(Question.MATTER)
    number = spoken.answer(Question.NUMBER)
    kind = spoken.answer(Question.KIND)
    return {
        "tenant": ticket.tenant, "call_id": ticket.call_id, "number": ticket.number,
        "made_at": ticket.created_at, "language": spoken.language,
        "kind": kind.value if kind else "",
        "place": (place.label or place.text) if place else "",
        "place_code": place.value if place else "",
        "topic": topic.value if topic else "", "topic_score": topic.score if topic else 0.0,
        "text": spoken.text,
        "callback": number.value if number and number.value.startswith("+") else "",
        "danger": spoken.danger, "confirmed": spoken.confirmed, "review": list(spoken.review),
        "answers": _ANSWERS.dump_python(spoken.answers, mode="json"),
        "voice_path": ticket.voice_path,
    }  # fmt: skip


class SqlSpoken:
    """`tickets.review.SpokenCases` on a `Database`."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], lives: SqlLives | None = None
    ) -> None:
        self._database = database
        self._now = now
        self._lives = lives or SqlLives(database)

    async def waiting(
        self,
        tenant: str,
        *,
        languages: Collection[str] | None = None,
        limit: int = 50,
        after: str = "",
    ) -> Sequence[SpokenCase]:
        """What a person must look at, the oldest first."""
        query = select(spoken_requests).where(
            _OURS.tenant == tenant, _OURS.open.is_(True), _OURS.number > after
        )
        if languages is not None:
            query = query.where(_OURS.language.in_(sorted(languages)))
        query = query.order_by(_OURS.number).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_case(row) for row in rows]

    async def case(self, tenant: str, number: str) -> SpokenCase:
        """The spoken request of a ticket; raises `UnknownTicket`."""
        query = _row_of(tenant, number)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise UnknownTicket(f"{tenant} has no spoken request {number}")
        return _case(row)

    async def submit(
        self, tenant: str, number: str, version: int, correction: Correction, *, by: Actor
    ) -> SpokenCase:
        """Take it off the list and note it in the ticket's history, both or neither; raises
        `UnknownTicket`, `StaleVersion`, `EventRefused`."""
        told = noted(correction, by, self._now())
        command = Command(tenant, number, told, key=f"spoken-{version}")

        def work(connection: Connection) -> SpokenCase:
            hold_tenant(connection, tenant)
            case = _submit(connection, tenant, number, version, correction, told)
            (kept,) = self._lives.tell_within(connection, [command])
            if isinstance(kept, TicketError):
                raise kept
            return case

        return await self._database.write(work, order=tenant)


def _submit(
    connection: Connection,
    tenant: str,
    number: str,
    version: int,
    correction: Correction,
    told: Told,
) -> SpokenCase:
    found = connection.execute(_row_of(tenant, number).with_for_update()).first()
    if found is None:
        raise UnknownTicket(f"{tenant} has no spoken request {number}")
    if found.version != version:
        raise StaleVersion(f"{number} is at version {found.version}, not {version}")
    connection.execute(
        update(spoken_requests)
        .where(_OURS.tenant == tenant, _OURS.number == number)
        .values(
            open=False, version=version + 1, reviewed_at=told.at, reviewed_by=told.actor.id,
            corrected=_CORRECTION.dump_python(correction, mode="json"),
        )
    )  # fmt: skip
    _set_kind(connection, tenant, number, correction.kind)
    return _case(connection.execute(_row_of(tenant, number)).one())


def _set_kind(connection: Connection, tenant: str, number: str, kind: str | None) -> None:
    """On the ticket, too, when a person has said what kind it is."""
    if kind:
        which = (tickets.c.tenant == tenant, tickets.c.number == number)
        connection.execute(update(tickets).where(*which).values(kind=kind))


def _row_of(tenant: str, number: str) -> Any:
    return select(spoken_requests).where(_OURS.tenant == tenant, _OURS.number == number)


def _case(row: Row[Any]) -> SpokenCase:
    return SpokenCase(
        tenant=row.tenant, number=row.number, call_id=row.call_id, made_at=row.made_at,
        language=row.language, kind=row.kind, place=row.place, place_code=row.place_code,
        topic=row.topic, topic_score=row.topic_score, text=row.text, callback=row.callback,
        danger=row.danger, confirmed=row.confirmed,
        review=tuple(Review(word) for word in row.review),
        answers=_ANSWERS.validate_python(row.answers), voice_path=row.voice_path,
        open=row.open, version=row.version,
        corrected=None if row.corrected is None else _CORRECTION.validate_python(row.corrected),
        reviewed_at=row.reviewed_at, reviewed_by=row.reviewed_by,
    )  # fmt: skip
