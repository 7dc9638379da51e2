"""A ticket's life: chained events, its state in a narrow table, seals, links, search."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from tickets.chain import link

revision = "0008"
down_revision = "0007"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _id() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, primary_key=True)


def upgrade() -> None:
    """Create the tables, and give what is there its first links."""
    for name in ("actor", "role", "actor_unit", "state", "key"):
        op.add_column(
            "ticket_events", sa.Column(name, sa.Text(), nullable=False, server_default="")
        )
    op.add_column("ticket_events", sa.Column("hash", sa.LargeBinary(), nullable=True))
    keyed = sa.text("key <> ''")
    op.create_index(
        "uq_ticket_events_key", "ticket_events", ["tenant", "number", "key"], unique=True,
        sqlite_where=keyed, postgresql_where=keyed,
    )  # fmt: skip
    _make_states()
    op.create_table(
        "ticket_lives", _text("tenant"), _text("number"),
        sa.Column("life", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "number", name=op.f("pk_ticket_lives")),
    )  # fmt: skip
    op.create_table(
        "ticket_links", *map(_text, ("tenant", "kind", "whole", "number")),
        sa.PrimaryKeyConstraint(
            "tenant", "kind", "whole", "number", name=op.f("pk_ticket_links")
        ),
    )  # fmt: skip
    _make_seals()
    _make_texts()
    _chain_what_is_there()


def _make_states() -> None:
    op.create_table(
        "ticket_states", *map(_text, ("tenant", "number", "state", "unit")),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "number", name=op.f("pk_ticket_states")),
    )  # fmt: skip
    op.create_index("ix_ticket_states_state", "ticket_states", ["tenant", "state", "number"])
    op.create_index("ix_ticket_states_unit", "ticket_states", ["tenant", "unit", "state", "number"])
    dated = sa.text("due IS NOT NULL")
    op.create_index(
        "ix_ticket_states_due", "ticket_states", ["tenant", "unit", "due", "number"],
        sqlite_where=dated, postgresql_where=dated,
    )  # fmt: skip


def _make_seals() -> None:
    op.create_table(
        "ticket_unsealed", _id(), _text("tenant"), sa.Column("heads", sa.JSON(), nullable=False),
    )  # fmt: skip
    op.create_table(
        "ticket_seals", _text("tenant"), sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heads", sa.JSON(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "n", name=op.f("pk_ticket_seals")),
    )  # fmt: skip


def _make_texts() -> None:
    op.create_table(
        "ticket_texts", _id(), *map(_text, ("tenant", "number", "unit", "title", "plain")),
        sa.Column("grams", sa.Text().with_variant(postgresql.ARRAY(sa.Text()), "postgresql")),
    )  # fmt: skip
    op.create_index("uq_ticket_texts_number", "ticket_texts", ["tenant", "number"], unique=True)
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_ticket_texts_grams", "ticket_texts", ["grams"], postgresql_using="gin")
    else:
        op.execute(
            "CREATE VIRTUAL TABLE ticket_grams USING fts5(grams, content='', "
            "tokenize=\"unicode61 remove_diacritics 0 tokenchars '_'\")"
        )


def _chain_what_is_there() -> None:
    """Tickets were made of facts alone so far: `created`, and `merged` for each further one."""
    connection = op.get_bind()
    events = sa.table(
        "ticket_events", *(sa.column(n) for n in ("tenant", "number", "seq", "event", "actor")),
        *(sa.column(n) for n in ("role", "state", "hash")),
        sa.column("at", sa.DateTime(timezone=True)), sa.column("data", sa.JSON()),
    )  # fmt: skip
    states = sa.table(
        "ticket_states",
        *(sa.column(n) for n in ("tenant", "number", "state", "unit", "version", "head")),
    )
    told = connection.execute(
        sa.select(events).order_by(events.c.tenant, events.c.number, events.c.seq)
    ).all()
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for row in told:
        before = last.get((row.tenant, row.number), {"head": b"", "state": "DRAFT"})
        asked = row.data.get("state", "DRAFT")
        state = asked if before["state"] == "DRAFT" else before["state"]
        seat = row.data.get("seat_id", "")
        actor = (seat, "seat", "") if seat else ("system", "system", "")
        digest = link(
            before["head"], tenant=row.tenant, number=row.number, seq=row.seq, at=_aware(row.at),
            event=row.event, actor=actor, state=state, key="", data=row.data,
        )  # fmt: skip
        connection.execute(
            sa.update(events)
            .where(events.c.tenant == row.tenant, events.c.number == row.number)
            .where(events.c.seq == row.seq)
            .values(actor=actor[0], role=actor[1], state=state, hash=digest)
        )
        last[row.tenant, row.number] = {
            "tenant": row.tenant, "number": row.number, "state": state, "unit": "",
            "version": row.seq, "head": digest,
        }  # fmt: skip
    if last:
        connection.execute(sa.insert(states), list(last.values()))
    _leave_to_be_sealed(connection, list(last.values()))


def _leave_to_be_sealed(connection: sa.Connection, heads: list[dict[str, Any]]) -> None:
    unsealed = sa.table("ticket_unsealed", sa.column("tenant"), sa.column("heads", sa.JSON()))
    for tenant in sorted({head["tenant"] for head in heads}):
        listed = [
            [head["number"], head["version"], head["head"].hex()]
            for head in heads
            if head["tenant"] == tenant
        ]
        connection.execute(sa.insert(unsealed), {"tenant": tenant, "heads": listed})


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at
