"""A due date stands once, with its clock: lists by due date are read there."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """What `ticket_states` had was the finish clock's; a row there is no longer found by it."""
    finishing = sa.text("stopped_at = 0 AND clock = 'finish'")
    op.create_index(
        "ix_ticket_clocks_due", "ticket_clocks", ["tenant", "unit", "due", "number"],
        sqlite_where=finishing, postgresql_where=finishing,
    )  # fmt: skip
    op.drop_index("ix_ticket_states_due", "ticket_states")
    op.execute("ALTER TABLE ticket_states DROP COLUMN due")
