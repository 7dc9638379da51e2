"""The clocks' tables: narrow, so that counting a million due dates anew rewrites little.

Instants are whole seconds since 1970 (0: none): they are compared, indexed and counted with by the
million, see docs/decisions/0231. `spans` is "" for a clock that has run since `started_at`.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, text

from storage.tables import metadata


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False)


def _instant(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _partial(name: str, *columns: str, condition: str) -> Index:
    where = text(condition)
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


ticket_clocks = Table(
    "ticket_clocks", metadata,
    _text("tenant"), _text("number"), _text("clock"), _number("seq"),
    _text("matter"), _text("unit"), _number("round"), _text("state"),
    _instant("started_at"), _text("spans"), _number("extended_days"), _text("statutory"),
    _text("parent"), _instant("cap"), _number("term"), _number("fired"),
    _instant("due"), _instant("next_at"), _instant("stopped_at"),
    PrimaryKeyConstraint("tenant", "number", "clock", "seq"),
    _partial("ix_ticket_clocks_next", "tenant", "next_at", condition="next_at > 0"),
    _partial("ix_ticket_clocks_open", "tenant", "number", condition="stopped_at = 0"),
    _partial("ix_ticket_clocks_parts", "tenant", "parent", condition="parent <> ''"),
    _partial(
        "ix_ticket_clocks_due", "tenant", "unit", "due", "number",
        condition="stopped_at = 0 AND clock = 'finish'",
    ),
)  # fmt: skip

clock_marks = Table(
    "clock_marks", metadata,
    _text("tenant"), _text("number"), _text("clock"), _number("seq"), _number("term"),
    _text("mark"), _text("unit"), _instant("due"), _instant("at"), _instant("given_at"),
    PrimaryKeyConstraint("tenant", "number", "clock", "seq", "term", "mark"),
    Index(None, "tenant", "given_at"),
)  # fmt: skip

clock_bases = Table(
    "clock_bases", metadata,
    _text("tenant"), _text("basis"), _text("upto"),
    PrimaryKeyConstraint("tenant"),
)  # fmt: skip

clock_nodes = Table(
    "clock_nodes", metadata,
    _text("tenant"), _text("node"), _text("basis"),
    PrimaryKeyConstraint("tenant", "node"),
)  # fmt: skip
"""By which basis each engine goes that shares the database."""
