"""PostgreSQL finds the newest texts of a unit without looking through those of others: words that
many of them have are found among these."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """SQLite's full-text index has its rows in this order already."""
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_ticket_texts_unit", "ticket_texts", ["tenant", "unit", "id"])
