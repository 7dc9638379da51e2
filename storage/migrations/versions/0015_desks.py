"""What tickets are found by, and units' inboxes."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def upgrade() -> None:
    """Tickets of before are found by state, unit and words."""
    op.create_table(
        "ticket_keys",
        _text("tenant"),
        _text("key"),
        _text("number"),
        sa.PrimaryKeyConstraint("tenant", "key", "number", name="pk_ticket_keys"),
    )
    op.create_index("ix_ticket_keys_tenant_number", "ticket_keys", ["tenant", "number"])
    counted = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "unit_notices",
        sa.Column("id", counted, nullable=False),
        _text("tenant"),
        _text("unit"),
        _text("number"),
        sa.Column("seq", sa.Integer(), nullable=False),
        _text("message"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        _text("seen_by"),
        sa.PrimaryKeyConstraint("id", name="pk_unit_notices"),
    )
    op.create_index("ix_unit_notices_tenant_unit_id", "unit_notices", ["tenant", "unit", "id"])
    op.create_index(
        "ix_unit_notices_open", "unit_notices", ["tenant", "unit", "id"],
        sqlite_where=sa.text("seen_at = 0"), postgresql_where=sa.text("seen_at = 0"),
    )  # fmt: skip
