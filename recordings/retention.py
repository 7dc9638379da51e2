"""Removes audio whose time is over, and logs each removal before it happens."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

import structlog

from recordings.model import Purged, RecordingKind
from recordings.naming import kind_and_day
from recordings.ports import RecordingStore

log = structlog.get_logger(__name__)

BATCH = 200


def expired(day: date, today: date, kept_days: int) -> bool:
    """Whether a recording of `day` has been kept for more than `kept_days` whole days."""
    return (today - day) > timedelta(days=kept_days)


async def purge(
    store: RecordingStore, home: Path, now: datetime, days: Mapping[RecordingKind, int]
) -> int:
    """Remove expired recordings; how many. `now` is in the installation's time zone.

    Kinds without an entry in `days` are kept for ever. Logged first, removed then: ended in
    the middle, the next run removes what is left and logs nothing twice.
    """
    found = iter(await asyncio.to_thread(lambda: expired_files(home, now, days)))
    removed = 0
    while batch := list(islice(found, BATCH)):
        await store.note_purges(batch)
        await asyncio.to_thread(_remove, home, batch)
        removed += len(batch)
    if removed:
        log.info("recordings_purged", files=removed)
    return removed


def expired_files(home: Path, now: datetime, days: Mapping[RecordingKind, int]) -> Sequence[Purged]:
    """What `purge` would remove now. Days are listed first; a folder of a day that isn't over is
    never opened."""
    found: list[Purged] = []
    for folder in (*home.glob("recordings/*/*/*"), *home.glob("recordings/requests/*/*/*")):
        told = kind_and_day(f"{folder.relative_to(home)}/x.wav")
        if told is None or not folder.is_dir() or folder.is_symlink():
            continue
        kind, day = told
        kept_days = days.get(kind)
        if kept_days is None or not expired(day, now.date(), kept_days):
            continue
        for file in sorted(folder.glob("*.wav")):
            path, size = str(file.relative_to(home)), file.lstat().st_size
            found.append(Purged(path, kind, day.isoformat(), size, kept_days, now))
    return found


def _remove(home: Path, batch: list[Purged]) -> None:
    for purged in batch:
        file = home / purged.path
        file.unlink(missing_ok=True)
        folder = file.parent
        while folder != home / "recordings" and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent
