"""PostgreSQL keeps new words of the full text aside and sorts them in when there are 4 MB of them:
every search looks through what is aside, and the commit that reaches the limit waits for it all."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Of 64 kB at most, as little as it can be told."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX ix_ticket_texts_grams SET (gin_pending_list_limit = 64)")
