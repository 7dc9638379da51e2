"""What an engine made by its old rules, after another counted by the new, is counted once more."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Empty: an engine that is seen for the first time has made nothing by other rules."""
    op.create_table(
        "clock_nodes",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("tenant", "node", "basis")),
        sa.PrimaryKeyConstraint("tenant", "node", name=op.f("pk_clock_nodes")),
    )
