"""Every SQL table. `tenant` is in all of them; times are aware, stored in UTC.

The migrations build the same schema; a test compares the two.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from queue_manager.counts import CALL_FIELDS, SEAT_SUMS


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, UTC in the database; a naive one is refused (ValueError)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without zone was to be stored: {value!r}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _when(name: str, *, optional: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=optional)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _call_facts() -> list[Column[Any]]:
    """The columns of `tickets.model.CallFacts` after tenant and call_id."""
    return [
        _text("line_id"), _text("unit"), _text("called_number"), _text("dialled"),
        _text("caller_raw"), _text("caller_e164"), _flag("anonymous"), _text("language"),
        Column("kind", Text), _text("keys"), _when("started_at"), _text("recording"),
    ]  # fmt: skip


tickets = Table(
    "tickets", metadata,
    _text("tenant"), _text("number"), _text("call_id"),
    _text("origin"), _text("state"), _when("created_at"),
    Column("version", Integer, nullable=False),
    *_call_facts(),
    _text("seat_id"), _text("voice_path"), Column("voice_s", Float, nullable=False),
    _flag("confirmed"), _flag("first_callback"), _flag("callback_due"), _text("spool_id"),
    Column("notes", JSON, nullable=False),
    PrimaryKeyConstraint("tenant", "number"),
    UniqueConstraint("tenant", "call_id"),
)  # fmt: skip

ticket_events = Table(
    "ticket_events", metadata,
    _text("tenant"), _text("number"), Column("seq", Integer, nullable=False),
    _when("at"), _text("event"), Column("data", JSON, nullable=False),
    *(Column(name, Text, nullable=False, server_default="")
      for name in ("actor", "role", "actor_unit", "state", "key")),
    Column("hash", LargeBinary),
    PrimaryKeyConstraint("tenant", "number", "seq"),
    ForeignKeyConstraint(["tenant", "number"], ["tickets.tenant", "tickets.number"]),
    Index(
        "uq_ticket_events_key", "tenant", "number", "key", unique=True,
        sqlite_where=text("key <> ''"), postgresql_where=text("key <> ''"),
    ),
)  # fmt: skip

ticket_counters = Table(
    "ticket_counters", metadata,
    _text("tenant"), _text("day"), Column("n", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "day"),
)  # fmt: skip

calls = Table(
    "calls", metadata,
    _text("tenant"), _text("call_id"), *_call_facts(),
    _text("outcome"), _text("seat_id"),
    _when("queued_at", optional=True), _when("answered_at", optional=True), _when("ended_at"),
    Column("wait_s", Float), Column("talk_s", Float),
    PrimaryKeyConstraint("tenant", "call_id"),
    Index(None, "tenant", "queued_at"),
)  # fmt: skip

recordings = Table(
    "recordings", metadata,
    _text("tenant"), _text("path"), _text("call_id"), Column("expected_s", Float, nullable=False),
    Column("length_s", Float), _text("status"), _when("ended_at"),
    _when("checked_at", optional=True),
    PrimaryKeyConstraint("path"),
    Index(None, "tenant", "call_id"),
    Index(
        "ix_recordings_pending", "ended_at",
        sqlite_where=text("status = 'pending'"), postgresql_where=text("status = 'pending'"),
    ),
)  # fmt: skip

seats = Table(
    "seats", metadata,
    _text("tenant"), _text("seat_id"), _text("name"), _text("endpoint"), _text("md5_cred"),
    Column("skills", JSON, nullable=False), Column("team", Text, nullable=False, server_default=""),
    PrimaryKeyConstraint("tenant", "seat_id"),
    UniqueConstraint("endpoint"),
)  # fmt: skip

hours_overrides = Table(
    "hours_overrides", metadata,
    _text("tenant"), _text("line_id"), _text("mode"), _when("set_at"), _text("set_by"),
    PrimaryKeyConstraint("tenant", "line_id"),
)  # fmt: skip

tokens = Table(
    "tokens", metadata,
    _text("id"), _text("tenant"), _text("role"), _text("seat_id"), _text("label"),
    Column("sha256", String(64), nullable=False), _when("created_at"),
    _when("expires_at", optional=True), _when("revoked_at", optional=True),
    *(Column(name, Text, nullable=False, server_default="") for name in ("unit", "person")),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("sha256"),
)  # fmt: skip

purges = Table(
    "purges", metadata,
    _text("tenant"), _text("path"), _text("kind"), _text("day"),
    Column("bytes", Integer, nullable=False), Column("kept_days", Integer, nullable=False),
    _when("purged_at"),
    PrimaryKeyConstraint("path"),
)  # fmt: skip

spool_taken = Table(
    "spool_taken", metadata,
    _text("tenant"), _text("spool_id"), _text("ticket"), _when("taken_at"),
    PrimaryKeyConstraint("tenant", "spool_id"),
)  # fmt: skip

callbacks = Table(
    "callbacks", metadata,
    _text("tenant"), _text("call_id"), *_call_facts(),
    _text("state"), _text("queue_id"), _text("number"), _text("needs"),
    Column("priority", Integer, nullable=False), _when("queued_at"), _when("taken_at"),
    _when("expires_at"), _text("rings_first"), Column("tries", Integer, nullable=False),
    Column("retry_s", Float, nullable=False), Column("attempts", Integer, nullable=False),
    _when("next_at", optional=True), _text("result"), _text("seat_id"),
    _when("ended_at", optional=True), Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "call_id"),
    Index(None, "tenant", "taken_at"),
    Index(
        "ix_callbacks_open", "queued_at",
        sqlite_where=text("ended_at IS NULL"), postgresql_where=text("ended_at IS NULL"),
    ),
)  # fmt: skip

call_figures = Table(
    "call_figures", metadata,
    _text("tenant"), _text("dimension"), _when("quarter"), _text("key"), _text("node"),
    *(Column(name, BigInteger, nullable=False) for name in CALL_FIELDS if name != "self_service"),
    Column("self_service", BigInteger, nullable=False, server_default="0"),
    PrimaryKeyConstraint("tenant", "dimension", "quarter", "key", "node"),
)  # fmt: skip

seat_figures = Table(
    "seat_figures", metadata,
    _text("tenant"), _when("quarter"), _text("seat_id"), _text("node"),
    *(Column(name, BigInteger, nullable=False) for name in SEAT_SUMS),
    Column("pauses", JSON, nullable=False),
    Column("until_ms", BigInteger),
    PrimaryKeyConstraint("tenant", "quarter", "seat_id", "node"),
)  # fmt: skip

figures_written = Table(
    "figures_written", metadata,
    _text("tenant"), _text("node"), _when("counted_until"),
    PrimaryKeyConstraint("tenant", "node"),
)  # fmt: skip

known_callers = Table(
    "known_callers", metadata,
    _text("tenant"), _text("e164"), _flag("elder"), _text("language"), _when("set_at"),
    _text("set_by"),
    PrimaryKeyConstraint("tenant", "e164"),
)  # fmt: skip
