"""Figures per quarter of an hour: of calls by queue, line and skill, and of seats."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

CALLS = (
    "offered", "answered", "answered_in_time", "abandoned", "abandoned_short", "voice_requests",
    "callbacks", "transferred", "overflowed", "overflowed_in", "callbacks_reached",
    "callbacks_failed", "waits", "wait_ms", "menu_ms", "talks", "talk_ms", "wrap_ups",
    "wrap_up_ms", "longest_ms",
)  # fmt: skip
SEATS = (
    "answered", "missed", "missed_busy", "missed_unreachable", "idle_ms", "ring_ms", "talk_ms",
    "wrap_up_ms", "cool_down_ms",
)  # fmt: skip


def upgrade() -> None:
    """Create their tables."""
    op.create_table(
        "call_figures",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("quarter", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in CALLS),
        sa.PrimaryKeyConstraint(
            "tenant", "dimension", "quarter", "key", "node", name=op.f("pk_call_figures")
        ),
    )
    op.create_table(
        "seat_figures",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("quarter", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seat_id", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SEATS),
        sa.Column("pauses", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant", "quarter", "seat_id", "node", name=op.f("pk_seat_figures")
        ),
    )
    op.create_table(
        "figures_written",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("counted_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "node", name=op.f("pk_figures_written")),
    )
