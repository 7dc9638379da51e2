"""Callers who left the queue to ask after their ticket by key have a count of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Of before they stay among the spoken requests."""
    op.add_column(
        "call_figures",
        sa.Column("self_service", sa.BigInteger(), nullable=False, server_default="0"),
    )
