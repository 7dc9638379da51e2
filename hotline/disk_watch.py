"""Says in the log that the disk gets full, and that it has room again: /readyz says it when asked.

Told while there is still room for the line itself.
"""

import asyncio

import structlog

from console.ports import PartHealth
from hotline.boards import disk_health
from hotline.home import Home
from storage.journal import Journal

LOOK_EVERY_S = 5.0

log = structlog.get_logger(__name__)


async def watch_disk(home: Home, journal: Journal, every_s: float = LOOK_EVERY_S) -> None:
    """For ever: a line each time that the disk's health changes."""
    was_up = True
    while True:
        health = await asyncio.to_thread(_asked, home, journal)
        if health.up != was_up:
            was_up = health.up
            if was_up:
                log.info("disk_has_room", detail=health.detail)
            else:
                log.error("disk_low", detail=health.detail)
        await asyncio.sleep(every_s)


def _asked(home: Home, journal: Journal) -> PartHealth:
    try:
        return disk_health(home, journal)
    except OSError as error:
        return PartHealth(False, f"the disk can't be asked: {error}")
