"""How far each node's tail of figures is stored."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Create its table."""
    op.create_table(
        "figure_tails",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("tenant", "node", "file")),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "node", name=op.f("pk_figure_tails")),
    )
