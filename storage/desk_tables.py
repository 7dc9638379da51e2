"""Tables that desks ask: which tickets have a class, lie in an area or concern a co-unit; and what
units were told."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from storage.life_tables import AutoNumber
from storage.tables import metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


ticket_keys = Table(
    "ticket_keys", metadata,
    _text("tenant"), _text("key"), _text("number"),
    PrimaryKeyConstraint("tenant", "key", "number"),
    Index(None, "tenant", "number"),
)  # fmt: skip
"""`key` is what a ticket is found by: `class:05`, `class:0501`, `class:050101`, `area:450103`,
`place:…`, `co:<unit>`, `card:<event>`; see `storage.ticket_keys`."""

unit_notices = Table(
    "unit_notices", metadata,
    Column("id", AutoNumber, primary_key=True), _text("tenant"), _text("unit"), _text("number"),
    Column("seq", Integer, nullable=False), _text("message"),
    Column("at", BigInteger, nullable=False), Column("seen_at", BigInteger, nullable=False),
    _text("seen_by"),
    Index(None, "tenant", "unit", "id"),
    Index(
        "ix_unit_notices_open", "tenant", "unit", "id",
        sqlite_where=text("seen_at = 0"), postgresql_where=text("seen_at = 0"),
    ),
)  # fmt: skip
"""A unit's inbox. Times in seconds since 1970; `seen_at` 0: nobody there has acknowledged it."""
