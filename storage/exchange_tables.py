"""Tables of what goes out over HTTP (messages to peers, webhooks, the gateway of text messages) and
of what comes in from peers.

Times are whole seconds since 1970. `outbox` is written in the transaction of the event it tells.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.life_tables import AutoNumber
from storage.tables import metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _at(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


WAITING = text("state = 'waiting'")
LEFT = text("state = 'given_up'")

outbox = Table(
    "outbox", metadata,
    Column("id", AutoNumber, primary_key=True), _text("tenant"), _text("target"), _text("number"),
    _text("message"), _text("kind"), Column("body", JSON, nullable=False), _text("state"),
    _at("made_at"), _at("next_at"), Column("tries", Integer, nullable=False), _text("reason"),
    UniqueConstraint("tenant", "message"),
    Index("ix_outbox_next", "next_at", sqlite_where=WAITING, postgresql_where=WAITING),
    Index(
        "ix_outbox_line", "tenant", "target", "number", "id",
        sqlite_where=WAITING, postgresql_where=WAITING,
    ),
    Index("ix_outbox_tenant", "tenant", "id"),
    Index("ix_outbox_given_up", "tenant", "made_at", sqlite_where=LEFT, postgresql_where=LEFT),
)  # fmt: skip
"""`target` is `peer:<id>`, `hook:<id>` or `text:gateway`; of a target and ticket the lowest id goes
first. `state` is waiting, sent or given_up; a waiting one may be sent from `next_at` on."""

crossings = Table(
    "crossings", metadata,
    _text("tenant"), _text("number"), _text("peer"), Column("n", Integer, nullable=False),
    _text("way"), _text("their_number"), _text("their_state"),
    Column("open", Boolean, nullable=False), _at("made_at"),
    PrimaryKeyConstraint("tenant", "number", "peer"),
    Index(
        "uq_crossings_theirs", "tenant", "peer", "their_number", "n", unique=True,
        sqlite_where=text("way = 'in'"), postgresql_where=text("way = 'in'"),
    ),
)  # fmt: skip
"""A ticket that is at a peer, or came from it. `n` counts how often it was sent there."""

exchange_seen = Table(
    "exchange_seen", metadata,
    _text("tenant"), _text("peer"), _text("nonce"), _at("until"),
    PrimaryKeyConstraint("tenant", "peer", "nonce"),
    Index("ix_exchange_seen_until", "until"),
)  # fmt: skip
"""Nonces of signatures that were accepted, until no clock takes them any more."""

exchange_taken = Table(
    "exchange_taken", metadata,
    _text("tenant"), _text("peer"), _text("message"), _text("digest"),
    Column("status", Integer, nullable=False), Column("answer", JSON, nullable=False), _at("at"),
    PrimaryKeyConstraint("tenant", "peer", "message"),
    Index("ix_exchange_taken_at", "at"),
)  # fmt: skip
"""Messages that were taken, with the answer that a repetition gets."""

webhooks = Table(
    "webhooks", metadata,
    _text("tenant"), _text("id"), _text("url"), Column("events", JSON, nullable=False),
    Column("generation", Integer, nullable=False), _at("made_at"), _text("made_by"),
    _at("failing_since"), _at("told_at"), _at("disabled_at"), _text("reason"),
    PrimaryKeyConstraint("tenant", "id"),
)  # fmt: skip
"""Who wants to be told of events; 0 is never. The secret is made of the house's key, never here."""
