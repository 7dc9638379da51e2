"""A store of before, brought to this day's schema."""

from collections.abc import Callable

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from storage.database import Database, migrate
from storage.link import Link
from storage.migrate import FOLDER


async def migrated_from(
    sql_url: str, revision: str, was_there: Callable[[Connection], None]
) -> None:
    """Make the schema of `revision`, put in `was_there`, and migrate as a starting engine does."""

    def as_it_was(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        was_there(connection)

    old = Database(sql_url)
    link: Link = old._link
    await link.write(as_it_was)
    await link.close()
    await migrate(sql_url)
