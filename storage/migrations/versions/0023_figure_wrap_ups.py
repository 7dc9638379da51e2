"""Wrap-ups over the end of an engine, each counted once."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "figure_wrap_ups",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("tenant", "seat_id")),
        sa.Column("began_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "seat_id", "began_ms", name=op.f("pk_figure_wrap_ups")),
    )
