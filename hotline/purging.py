"""What is older than it may be kept is taken away, once an hour."""

import asyncio
from collections.abc import Mapping
from datetime import tzinfo
from pathlib import Path

import structlog

from ivr.ports import Clock
from recordings.evidence import purge_evidence
from recordings.model import RecordingKind
from recordings.retention import purge, purge_words
from storage.database import Database
from storage.recordings import SqlRecordings
from storage.words_purge import SqlSpokenWords
from tickets.errors import StoreAway

PURGE_EVERY_S = 3600.0

log = structlog.get_logger(__name__)


async def purge_forever(
    database: Database,
    recordings: SqlRecordings,
    home: Path,
    clock: Clock,
    zone: tzinfo,
    days: Mapping[RecordingKind, int],
) -> None:
    """Purge now and each hour; a store that is away or a file that can't be taken away waits for
    the next hour. `days` is how long each kind is kept."""
    while True:
        try:
            now = clock.now().astimezone(zone)
            await purge(recordings, home, now, days)
            await purge_words(SqlSpokenWords(database), now, days)
            await purge_evidence(recordings, home, now, days)
        except (StoreAway, OSError) as error:
            log.warning("purge_postponed", reason=str(error))
        await asyncio.sleep(PURGE_EVERY_S)
