"""What citizens said right after a talk."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "talk_ratings",
        *(
            sa.Column(name, sa.Text(), nullable=False)
            for name in ("tenant", "call_id", "number", "seat_id", "rating")
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "call_id", name=op.f("pk_talk_ratings")),
    )
    op.create_index(op.f("ix_talk_ratings_tenant_at"), "talk_ratings", ["tenant", "at"])
