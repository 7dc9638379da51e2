"""What recordings say that nobody understood while they were made: a row each, waiting or done.

The row is written in the transaction of the ticket's fact that names the recording, so none is
forgotten; its path is its key, so none is recognised for two tickets.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Table,
    Text,
    bindparam,
    select,
    text,
    true,
    update,
)

from storage.codec import dump_new_ticket, load_new_ticket
from storage.database import Database
from storage.prepared import Prepared
from storage.rows import insert_once
from storage.tables import UtcDateTime, metadata
from tickets.model import NewTicket
from tickets.self_service import Addition
from tickets.spoken import Review, SpokenWord
from tickets.transcripts import PendingTranscript, Transcript, TranscriptStatus

transcripts = Table(
    "transcripts", metadata,
    Column("tenant", Text, nullable=False), Column("path", Text, nullable=False),
    Column("call_id", Text, nullable=False), Column("number", Text, nullable=False),
    Column("language", Text, nullable=False), Column("status", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False), Column("fact", JSON, nullable=False),
    Column("tries", Integer, nullable=False), Column("model", Text, nullable=False),
    Column("words", JSON, nullable=False), Column("confidence", Float, nullable=False),
    Column("reason", Text, nullable=False), Column("made_at", UtcDateTime),
    PrimaryKeyConstraint("tenant", "path"),
    Index(None, "tenant", "call_id"),
    Index(
        "ix_transcripts_pending", "recorded_at",
        sqlite_where=text("status = 'pending'"), postgresql_where=text("status = 'pending'"),
    ),
)  # fmt: skip

_OURS = transcripts.c
_WORDS = TypeAdapter(tuple[SpokenWord, ...])
_EXPECT = Prepared(insert_once(transcripts))
_CHANGE = update(transcripts).where(
    _OURS.tenant == bindparam("in_tenant"), _OURS.path == bindparam("at_path")
)


def expect_transcript(connection: Connection, new: NewTicket, number: str) -> None:
    """Note that a spoken request is to be recognised later, unless it was understood at once: each
    of its recordings in which there are words that nobody has heard."""
    spoken = new.spoken
    if spoken is not None and Review.NOT_RECOGNISED not in spoken.review:
        return
    for path in _unheard(new):
        _EXPECT.run(
            connection,
            {
                "tenant": new.facts.tenant, "path": path, "call_id": new.facts.call_id,
                "number": number, "language": new.facts.language, "recorded_at": new.at,
                "status": TranscriptStatus.PENDING, "fact": dump_new_ticket(new), "tries": 0,
                "model": "", "words": [], "confidence": 0.0, "reason": "",
            },
        )  # fmt: skip


def _unheard(new: NewTicket) -> Collection[str]:
    """The last recording, and those of answers before it that have a voice and no words."""
    answers = new.spoken.answers if new.spoken is not None else ()
    found = [a.recording for a in answers if a.end_s > a.begin_s and not (a.words or a.keys)]
    return dict.fromkeys(path for path in (new.voice_path, *found) if path)


def expect_addition(connection: Connection, tenant: str, number: str, words: Addition) -> None:
    """Note that what a citizen added to this ticket is to be recognised later."""
    _EXPECT.run(
        connection,
        {
            "tenant": tenant, "path": words.stored, "call_id": words.call_id, "number": number,
            "language": words.language, "recorded_at": words.at, "tries": 0, "fact": {},
            "status": TranscriptStatus.PENDING, "model": "", "words": [], "confidence": 0.0,
            "reason": "",
        },
    )  # fmt: skip


class SqlTranscripts:
    """`tickets.transcripts.Transcripts` on a `Database`; among several nodes (`node` not "") those
    of this node's calls: their recordings lie on its disk."""

    def __init__(self, database: Database, node: str = "") -> None:
        self._database = database
        self._calls_here = _OURS.call_id.startswith(f"{node}-") if node else true()

    async def pending(
        self, languages: Collection[str], *, limit: int
    ) -> Sequence[PendingTranscript]:
        """The oldest recordings in these languages that wait."""
        query = (
            select(_OURS.tenant, _OURS.path, _OURS.language, _OURS.tries, _OURS.fact, _OURS.number)
            .where(_OURS.status == TranscriptStatus.PENDING.value, self._calls_here)
            .where(_OURS.language.in_(sorted(languages)))
            .order_by(_OURS.recorded_at, _OURS.path)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            PendingTranscript(
                row.tenant, row.path, row.language, row.tries,
                load_new_ticket(row.fact) if row.fact else None, row.number,
            )
            for row in rows
        ]  # fmt: skip

    async def made(self, pending: PendingTranscript, made: Transcript, at: datetime) -> None:
        """Keep what was recognised, or why nothing can be; it waits no more."""
        await self._change(
            pending,
            status=made.status, model=made.model, confidence=made.confidence, reason=made.reason,
            words=_WORDS.dump_python(made.words, mode="json"), made_at=at,
        )  # fmt: skip

    async def tried(self, pending: PendingTranscript, reason: str) -> None:
        """Recognition broke off; it waits for another try."""
        await self._change(pending, tries=pending.tries + 1, reason=reason)

    async def of_call(self, tenant: str, call_id: str) -> Sequence[Transcript]:
        """What a call's recordings say, in the order of their names; those that wait are there with
        status PENDING."""
        query = (
            select(transcripts)
            .where(_OURS.tenant == tenant, _OURS.call_id == call_id)
            .order_by(_OURS.path)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_transcript(row) for row in rows]

    async def _change(self, pending: PendingTranscript, **values: Any) -> None:
        which = {"in_tenant": pending.tenant, "at_path": pending.path}
        changed = _CHANGE.values(values)
        await self._database.write(
            lambda connection: connection.execute(changed, which), order=pending.tenant
        )


def _transcript(row: Row[Any]) -> Transcript:
    return Transcript(
        path=row.path, status=TranscriptStatus(row.status), model=row.model, reason=row.reason,
        words=_WORDS.validate_python(row.words), confidence=row.confidence,
    )  # fmt: skip
