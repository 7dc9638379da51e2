"""A seat's team in the shift roster."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Seats that were there are in no team."""
    op.add_column("seats", sa.Column("team", sa.Text(), nullable=False, server_default=""))
