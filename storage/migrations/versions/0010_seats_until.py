"""Up to when a seat's time is counted: where the next engine goes on."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Rows of before don't tell."""
    op.add_column("seat_figures", sa.Column("until_ms", sa.BigInteger(), nullable=True))
