"""Tokens of departments and leaders: which unit, and which person, they are of."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Tokens of before are of no unit and go on working."""
    for name in ("unit", "person"):
        op.add_column("tokens", sa.Column(name, sa.Text(), nullable=False, server_default=""))
