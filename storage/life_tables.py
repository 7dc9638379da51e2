"""Tables of a ticket's life, beside the wide `tickets` and the append-only `ticket_events`.

`ticket_states` is narrow: lists read it without touching texts. When a ticket is due its clocks say
(`storage/due_dates.py`).
`ticket_lives` keeps what the events have made of a ticket since its first; a ticket without a row
there has had nothing but facts of its call, and is told again from its events.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from storage.tables import UtcDateTime, metadata

AutoNumber = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts by itself only what is called INTEGER."""


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


ticket_states = Table(
    "ticket_states", metadata,
    _text("tenant"), _text("number"), _text("state"), _text("unit"),
    Column("version", Integer, nullable=False), Column("head", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant", "number"),
    Index("ix_ticket_states_state", "tenant", "state", "number"),
    Index("ix_ticket_states_unit", "tenant", "unit", "state", "number"),
)  # fmt: skip

ticket_lives = Table(
    "ticket_lives", metadata,
    _text("tenant"), _text("number"), Column("life", JSON, nullable=False),
    PrimaryKeyConstraint("tenant", "number"),
)  # fmt: skip

ticket_links = Table(
    "ticket_links", metadata,
    _text("tenant"), _text("kind"), _text("whole"), _text("number"),
    PrimaryKeyConstraint("tenant", "kind", "whole", "number"),
)  # fmt: skip
"""`number` is linked to (`kind` main) or a part of (`kind` part) the ticket `whole`."""

ticket_unsealed = Table(
    "ticket_unsealed", metadata,
    Column("id", AutoNumber, primary_key=True), _text("tenant"),
    Column("heads", JSON, nullable=False),
)  # fmt: skip
"""Heads of a commit that no seal covers yet: `[[number, seq, hex], …]`."""

ticket_seals = Table(
    "ticket_seals", metadata,
    _text("tenant"), Column("n", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False), Column("heads", JSON, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant", "n"),
)  # fmt: skip

ticket_texts = Table(
    "ticket_texts", metadata,
    Column("id", AutoNumber, primary_key=True), _text("tenant"), _text("number"), _text("unit"),
    _text("title"), _text("plain"),
    Column("grams", Text().with_variant(ARRAY(Text), "postgresql")),
    Index("uq_ticket_texts_number", "tenant", "number", unique=True),
)  # fmt: skip
"""What is searched. `grams` is PostgreSQL's; SQLite keeps them in `ticket_grams` (FTS5)."""
