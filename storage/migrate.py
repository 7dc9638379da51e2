"""Brings a database's schema up to date: Alembic, run by the program itself."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

import storage.clock_tables
import storage.desk_tables
import storage.exchange_tables
import storage.figure_tables
import storage.follow_up_tables
import storage.kpi_tables
import storage.life_tables
import storage.open311_tables
import storage.self_service_tables
import storage.talk_ratings  # noqa: F401 - the tables of all are part of the schema
from tickets.errors import StoreRefused

FOLDER = Path(__file__).parent / "migrations"
HEAD = "0028"  # a test holds it to the newest file in migrations/versions
PATIENCE_S = 300.0
LOCK = 12345_2026  # PostgreSQL's advisory lock: one migrates, the others wait and find it done


def revision(connection: Connection) -> str:
    """The schema's revision; "" for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def upgrade(connection: Connection) -> None:
    """Migrate within the caller's transaction; nothing happens when it is up to date.

    Safe when several processes start at once: SQLite's transaction is exclusive, PostgreSQL
    takes an advisory lock. Raises `StoreRefused` for a schema newer than this program.
    """
    found = revision(connection)
    if found == HEAD:
        return
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        found = revision(connection)
        if found == HEAD:
            return
    if found > HEAD:
        raise StoreRefused(
            f"the database has schema {found}, this program knows {HEAD}: install the newer one"
        )
    _run_alembic(connection)


def _run_alembic(connection: Connection) -> None:
    # Imported here: an engine whose schema is up to date needn't hold Alembic in memory.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
