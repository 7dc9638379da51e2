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
