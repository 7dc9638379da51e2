"""Removes audio and words whose time is over, and logs each removal."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path

import structlog

from recordings.model import Purged, RecordingKind
from recordings.naming import kind_and_day
from recordings.ports import PurgeLog, SpokenWords

log = structlog.get_logger(__name__)

BATCH = 200


def expired(day: date, today: date, kept_days: int) -> bool:
    """Whether a recording of `day` has been kept for more than `kept_days` whole days."""
    return (today - day) > timedelta(days=kept_days)


async def purge(
    store: PurgeLog, home: Path, now: datetime, days: Mapping[RecordingKind, int]
) -> int:
    """Remove expired recordings; how many. `now` is in the installation's time zone.

    Kinds without an entry in `days` are kept for ever.
    """
    over = await asyncio.to_thread(expired_files, home, now, days)
    removed = await remove_noted(store, home, over)
    if removed:
        log.info("recordings_purged", files=removed)
    return removed


async def remove_noted(store: PurgeLog, home: Path, over: Sequence[Purged]) -> int:
    """Remove these files; how many. Logged first, removed then: ended in the middle, the next run
    removes what is left and logs nothing twice."""
    for batch in in_batches(over, BATCH):
        await store.note_purges(batch)
        await asyncio.to_thread(remove, home, batch)
    return len(over)


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


async def purge_words(words: SpokenWords, now: datetime, days: Mapping[RecordingKind, int]) -> int:
    """Remove words that have been kept long enough; how many rows. As `purge`."""
    removed = 0
    while batch := await expired_words(words, now, days, limit=BATCH):
        await words.purge(batch)
        removed += len(batch)
    if removed:
        log.info("words_purged", rows=removed)
    return removed


async def expired_words(
    words: SpokenWords, now: datetime, days: Mapping[RecordingKind, int], *, limit: int
) -> Sequence[Purged]:
    """What `purge_words` would remove now, the oldest first."""
    kept_days = days.get(RecordingKind.WORDS)
    if kept_days is None:
        return ()
    first_kept = datetime.combine(now.date() - timedelta(days=kept_days), time(), now.tzinfo)
    return [
        Purged(
            one.path, RecordingKind.WORDS,
            one.said_at.astimezone(now.tzinfo).date().isoformat(),
            one.size_bytes, kept_days, now,
        )
        for one in await words.said_before(first_kept, limit=limit)
    ]  # fmt: skip


def in_batches(found: Sequence[Purged], size: int) -> Iterator[Sequence[Purged]]:
    """One part after the other, `size` at most."""
    for first in range(0, len(found), size):
        yield found[first : first + size]


def remove(home: Path, batch: Sequence[Purged]) -> None:
    """Remove files, and the folders that are empty then; what is gone already is no error."""
    for purged in batch:
        file = home / purged.path
        file.unlink(missing_ok=True)
        top = home / purged.path.partition("/")[0]
        folder = file.parent
        with suppress(OSError):  # another node that shares it was first, or somebody puts one in
            while folder != top and not any(folder.iterdir()):
                folder.rmdir()
                folder = folder.parent
