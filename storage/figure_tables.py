"""How far a node's tail of figures is in what is stored (`storage.figure_taking`)."""

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, Table, Text

from storage.tables import metadata

figure_tails = Table(
    "figure_tails", metadata,
    *(Column(name, Text, nullable=False) for name in ("tenant", "node", "file")),
    Column("number", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "node"),
)  # fmt: skip
"""`file` is the tail last stored of, `number` its last line that is stored."""

figure_wrap_ups = Table(
    "figure_wrap_ups", metadata,
    *(Column(name, Text, nullable=False) for name in ("tenant", "seat_id")),
    Column("began_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("tenant", "seat_id", "began_ms"),
)  # fmt: skip
"""Wrap-ups that two engines may have seen end, each counted by whoever wrote its row first."""
