"""Citizens who are phoned with the result of their ticket (回访)."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _instant(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    """Create their table; tickets that wait for their citizen's word already are asked, too."""
    op.create_table(
        "follow_ups",
        *map(_text, ("tenant", "number")),
        sa.Column("n", sa.Integer(), nullable=False),
        *map(_text, ("main", "state")),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *map(_instant, ("made_at", "next_at")),
        *map(_text, ("phone", "node", "result", "solved", "satisfied")),
        _instant("ended_at"),
        sa.PrimaryKeyConstraint("tenant", "number", "n", name=op.f("pk_follow_ups")),
    )
    op.create_index(
        "ix_follow_ups_next",
        "follow_ups",
        ["tenant", "next_at"],
        sqlite_where=sa.text("next_at > 0"),
        postgresql_where=sa.text("next_at > 0"),
    )
    op.create_index(op.f("ix_follow_ups_tenant_made_at"), "follow_ups", ["tenant", "made_at"])
    op.execute(
        "INSERT INTO follow_ups (tenant, number, n, main, state, attempts, made_at, next_at,"
        " phone, node, result, solved, satisfied, ended_at)"
        " SELECT tenant, number, 1, '', 'waiting', 0, 1, 1, '', '', '', '', '', 0"
        " FROM ticket_states WHERE state = 'CALLBACK'"
    )
