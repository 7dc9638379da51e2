"""What citizens said right after a talk, by call: one row each, written with the ticket's fact."""

from sqlalchemy import Column, Connection, Index, PrimaryKeyConstraint, Table, Text

from storage.rows import insert_once
from storage.tables import UtcDateTime, metadata
from tickets.model import NewTicket

talk_ratings = Table(
    "talk_ratings", metadata,
    Column("tenant", Text, nullable=False), Column("call_id", Text, nullable=False),
    Column("number", Text, nullable=False), Column("seat_id", Text, nullable=False),
    Column("rating", Text, nullable=False), Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("tenant", "call_id"),
    Index(None, "tenant", "at"),
)  # fmt: skip

_KEEP = insert_once(talk_ratings)


def keep_rating(connection: Connection, new: NewTicket, number: str) -> None:
    """Keep a talk's rating, once per call."""
    row = {
        "tenant": new.facts.tenant, "call_id": new.facts.call_id, "number": number,
        "seat_id": new.seat_id, "rating": new.rating, "at": new.at,
    }  # fmt: skip
    connection.execute(_KEEP[connection.dialect.name], row)
