"""Wrong answers in self-service by telephone, counted by day (`storage.self_service`)."""

from sqlalchemy import Column, Date, Integer, PrimaryKeyConstraint, Table, Text

from storage.tables import metadata

wrong_tries = Table(
    "self_service_tries", metadata,
    Column("tenant", Text, nullable=False), Column("subject", Text, nullable=False),
    Column("day", Date, nullable=False), Column("n", Integer, nullable=False),
    PrimaryKeyConstraint("tenant", "subject", "day"),
)  # fmt: skip
"""Wrong answers of a day; `subject` is a telephone (`caller:…`) or a ticket (`ticket:…`)."""
