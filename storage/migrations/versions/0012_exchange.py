"""Messages that go out over HTTP, tickets at peers, what peers have told, webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

WAITING = sa.text("state = 'waiting'")
INCOMING = sa.text("way = 'in'")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _at(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def upgrade() -> None:
    """Create the tables."""
    _make_outbox()
    _make_open311()
    op.create_table(
        "crossings",
        *map(_text, ("tenant", "number", "peer")), _whole("n"),
        *map(_text, ("way", "their_number", "their_state")),
        sa.Column("open", sa.Boolean(), nullable=False), _at("made_at"),
        _key("crossings", "tenant", "number", "peer"),
    )  # fmt: skip
    op.create_index(
        "uq_crossings_theirs", "crossings", ["tenant", "peer", "their_number", "n"], unique=True,
        sqlite_where=INCOMING, postgresql_where=INCOMING,
    )  # fmt: skip
    op.create_table(
        "exchange_seen",
        *map(_text, ("tenant", "peer", "nonce")), _at("until"),
        _key("exchange_seen", "tenant", "peer", "nonce"),
    )  # fmt: skip
    op.create_index("ix_exchange_seen_until", "exchange_seen", ["until"])
    op.create_table(
        "exchange_taken",
        *map(_text, ("tenant", "peer", "message", "digest")), _whole("status"), _json("answer"),
        _at("at"), _key("exchange_taken", "tenant", "peer", "message"),
    )  # fmt: skip
    op.create_index("ix_exchange_taken_at", "exchange_taken", ["at"])
    op.create_table(
        "webhooks",
        *map(_text, ("tenant", "id", "url")), _json("events"), _whole("generation"),
        _at("made_at"), _text("made_by"), _at("failing_since"), _at("told_at"),
        _at("disabled_at"), _text("reason"), _key("webhooks", "tenant", "id"),
    )  # fmt: skip


def _make_outbox() -> None:
    counted = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "outbox",
        sa.Column("id", counted, primary_key=True),
        *map(_text, ("tenant", "target", "number", "message", "kind")), _json("body"),
        _text("state"), _at("made_at"), _at("next_at"), _whole("tries"), _text("reason"),
        sa.UniqueConstraint("tenant", "message", name=op.f("uq_outbox_tenant_message")),
    )  # fmt: skip
    op.create_index(
        "ix_outbox_next", "outbox", ["next_at"], sqlite_where=WAITING, postgresql_where=WAITING
    )
    op.create_index(
        "ix_outbox_line", "outbox", ["tenant", "target", "number", "id"],
        sqlite_where=WAITING, postgresql_where=WAITING,
    )  # fmt: skip
    op.create_index("ix_outbox_tenant", "outbox", ["tenant", "id"])


def _make_open311() -> None:
    op.create_table(
        "open311_requests",
        *map(_text, ("tenant", "number", "token", "service_code", "description", "address")),
        *map(_text, ("address_id", "media_url")),
        sa.Column("lat", sa.Float()), sa.Column("long", sa.Float()), _json("contact"),
        _at("requested_at"), _key("open311_requests", "tenant", "number"),
        sa.UniqueConstraint("tenant", "token", name=op.f("uq_open311_requests_tenant_token")),
    )  # fmt: skip
    op.create_index("ix_open311_requests_at", "open311_requests", ["tenant", "requested_at"])
