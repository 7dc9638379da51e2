"""What spoken requests say, and the morning list."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "spoken_requests",
        *map(_text, ("tenant", "call_id", "number")),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        *map(_text, ("language", "kind", "place", "place_code", "topic")),
        sa.Column("topic_score", sa.Float(), nullable=False),
        *map(_text, ("text", "callback", "danger")),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("review", sa.JSON(), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        _text("voice_path"),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("corrected", sa.JSON(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        _text("reviewed_by"),
        sa.PrimaryKeyConstraint("tenant", "call_id", name=op.f("pk_spoken_requests")),
        sa.UniqueConstraint("tenant", "number", name=op.f("uq_spoken_requests_tenant_number")),
    )
    op.create_index(
        op.f("ix_spoken_requests_tenant_open_number"),
        "spoken_requests",
        ["tenant", "open", "number"],
    )
