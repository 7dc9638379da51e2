"""The store for commands: they read and write SQL themselves, with or without a running engine."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hotline.errors import BadRequest, HomeUnusable, no_installation
from hotline.logs import told_by_errors
from hotline.settings import Settings
from storage.database import Database
from tickets.errors import StoreAway, StoreRefused

T = TypeVar("T")


def with_store(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` on the opened store; an outage or a refusal becomes one sentence."""
    if not settings.database_url and not settings.folders.database.exists():
        raise BadRequest(no_installation(settings.folders.root))
    try:
        with told_by_errors():
            return asyncio.run(_run(settings, work))
    except StoreAway as error:
        raise HomeUnusable(f"the database doesn't answer: {error}") from error
    except StoreRefused as error:
        raise BadRequest(f"the database refused: {error}") from error


async def _run(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    database = Database(settings.sql_url)
    await database.start()
    try:
        return await work(database)
    finally:
        await database.close()
