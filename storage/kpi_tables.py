"""What was counted of a day's tickets (`storage.kpi_days`)."""

from sqlalchemy import BigInteger, Column, LargeBinary, PrimaryKeyConstraint, Table, Text

from storage.tables import metadata

kpi_days = Table(
    "kpi_days", metadata,
    Column("tenant", Text, nullable=False), Column("day", Text, nullable=False),
    Column("grouping", Text, nullable=False), Column("stamp", Text, nullable=False),
    Column("counted_at", BigInteger, nullable=False), Column("until", BigInteger, nullable=False),
    Column("counts", LargeBinary, nullable=False),
    PrimaryKeyConstraint("tenant", "day", "grouping"),
)  # fmt: skip
"""`counts` is JSON, deflated: by key what was counted; times in seconds since 1970, `until` 0: no
clock of the day is open."""
