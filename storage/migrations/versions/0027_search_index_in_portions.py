"""SQLite's full-text index is put together a few pages with each text, by us, not by itself."""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """PostgreSQL's index does it in the background."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("INSERT INTO ticket_grams (ticket_grams, rank) VALUES ('automerge', 0)")
        op.execute("INSERT INTO ticket_grams (ticket_grams, rank) VALUES ('crisismerge', 64)")
