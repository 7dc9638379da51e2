"""Given-up messages are counted again and again, among all that were sent."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """An index of these alone."""
    left = sa.text("state = 'given_up'")
    op.create_index(
        "ix_outbox_given_up", "outbox", ["tenant", "made_at"],
        sqlite_where=left, postgresql_where=left,
    )  # fmt: skip
