"""What citizens ask over the web channel (Open311 GeoReport v2): one row beside the ticket.

`contact` is who asks and never leaves by this channel. `token` is by what a repetition is known.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from storage.tables import metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


open311_requests = Table(
    "open311_requests", metadata,
    *map(_text, ("tenant", "number", "token", "service_code", "description", "address")),
    *map(_text, ("address_id", "media_url")),
    Column("lat", Float), Column("long", Float), Column("contact", JSON, nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "number"),
    UniqueConstraint("tenant", "token"),
    Index("ix_open311_requests_at", "tenant", "requested_at"),
)  # fmt: skip
