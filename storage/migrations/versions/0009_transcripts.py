"""What recordings say that were recognised afterwards, or wait for it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "transcripts",
        *map(_text, ("tenant", "path", "call_id", "number", "language", "status")),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fact", sa.JSON(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        _text("model"),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        _text("reason"),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "path", name=op.f("pk_transcripts")),
    )
    op.create_index(op.f("ix_transcripts_tenant_call_id"), "transcripts", ["tenant", "call_id"])
    op.create_index(
        "ix_transcripts_pending",
        "transcripts",
        ["recorded_at"],
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
