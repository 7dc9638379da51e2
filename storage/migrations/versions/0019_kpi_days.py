"""What was counted of a day's tickets for the published figures, kept until one of them changes."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Empty at first: what isn't kept is counted."""
    texts = ("tenant", "day", "grouping", "stamp")
    op.create_table(
        "kpi_days",
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("counted_at", "until")),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "day", "grouping", name="pk_kpi_days"),
    )
