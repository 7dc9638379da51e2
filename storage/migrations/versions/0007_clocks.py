"""Clocks of tickets, the marks they gave, by what they were counted."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _instant(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _number(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def upgrade() -> None:
    """Create their tables."""
    op.create_table(
        "ticket_clocks",
        *_text("tenant", "number", "clock"), *_number("seq"),
        *_text("matter", "unit"), *_number("round"), *_text("state"),
        *_instant("started_at"), *_text("spans"), *_number("extended_days"),
        *_text("statutory", "parent"), *_instant("cap"), *_number("term", "fired"),
        *_instant("due", "next_at", "stopped_at"),
        sa.PrimaryKeyConstraint(
            "tenant", "number", "clock", "seq", name=op.f("pk_ticket_clocks")
        ),
    )  # fmt: skip
    for name, column, condition in (
        ("next", "next_at", "next_at > 0"),
        ("open", "number", "stopped_at = 0"),
        ("parts", "parent", "parent <> ''"),
    ):
        where = sa.text(condition)
        op.create_index(
            f"ix_ticket_clocks_{name}", "ticket_clocks", ["tenant", column],
            sqlite_where=where, postgresql_where=where,
        )  # fmt: skip
    op.create_table(
        "clock_marks",
        *_text("tenant", "number", "clock"), *_number("seq", "term"),
        *_text("mark", "unit"), *_instant("due", "at", "given_at"),
        sa.PrimaryKeyConstraint(
            "tenant", "number", "clock", "seq", "term", "mark", name=op.f("pk_clock_marks")
        ),
    )  # fmt: skip
    op.create_index(op.f("ix_clock_marks_tenant_given_at"), "clock_marks", ["tenant", "given_at"])
    op.create_table(
        "clock_bases",
        *_text("tenant", "basis", "upto"),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_clock_bases")),
    )
