"""The follow-ups' table (回访): one row per answered question and citizen, see tickets.follow_up.

Instants are whole seconds since 1970 (0: none), as in the clocks' tables.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from storage.tables import metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _instant(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


_DUE = text("next_at > 0")

follow_ups = Table(
    "follow_ups", metadata,
    _text("tenant"), _text("number"), Column("n", Integer, nullable=False),
    _text("main"), _text("state"), Column("attempts", Integer, nullable=False),
    _instant("made_at"), _instant("next_at"), _text("phone"), _text("node"), _text("result"),
    _text("solved"), _text("satisfied"), _instant("ended_at"),
    PrimaryKeyConstraint("tenant", "number", "n"),
    Index("ix_follow_ups_next", "tenant", "next_at", sqlite_where=_DUE, postgresql_where=_DUE),
    Index(None, "tenant", "made_at"),
)  # fmt: skip
"""`solved` and `satisfied` are `yes`, `no` or ""."""
