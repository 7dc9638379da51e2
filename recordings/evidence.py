"""Removes evidence (佐证材料) whose time is over, and logs each removal, as `retention` does audio.

A file counts from the day it was put to its ticket (its own time on the disk), and stays, however
old, as long as its ticket is open.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from itertools import groupby
from os import stat_result
from pathlib import Path
from stat import S_ISREG

import structlog

from recordings.model import Purged, RecordingKind
from recordings.ports import EvidenceStore
from recordings.retention import BATCH, expired, in_batches, remove_noted

FOLDER = "evidence"

log = structlog.get_logger(__name__)


async def purge_evidence(
    store: EvidenceStore, home: Path, now: datetime, days: Mapping[RecordingKind, int]
) -> int:
    """Remove what is over; how many files. As `retention.purge`."""
    removed = await remove_noted(store, home, await expired_evidence(store, home, now, days))
    if removed:
        log.info("evidence_purged", files=removed)
    return removed


async def expired_evidence(
    store: EvidenceStore, home: Path, now: datetime, days: Mapping[RecordingKind, int]
) -> list[Purged]:
    """What `purge_evidence` would remove now."""
    kept_days = days.get(RecordingKind.EVIDENCE)
    if kept_days is None:
        return []
    old = await asyncio.to_thread(lambda: list(_old(home, now, kept_days)))
    over: list[Purged] = []
    for tenant, files in groupby(old, lambda one: one.tenant):
        for batch in in_batches(list(files), BATCH):
            tickets = sorted({_ticket(one) for one in batch})
            still_open = set(await store.still_open(tenant, tickets))
            over += [one for one in batch if _ticket(one) not in still_open]
    return over


def _old(home: Path, now: datetime, kept_days: int) -> Iterator[Purged]:
    """Files that have been kept long enough, tenant by tenant; also what a killed engine left half
    written. The folder of a ticket that isn't as old itself is never opened."""
    for folder in sorted((home / FOLDER).glob("*/*")):
        made = _day_of(folder.name)
        if made is None or not expired(made, now.date(), kept_days) or folder.is_symlink():
            continue
        for file, told in _files(folder):
            put = max(made, datetime.fromtimestamp(told.st_mtime, now.tzinfo).date())
            if S_ISREG(told.st_mode) and expired(put, now.date(), kept_days):
                yield Purged(
                    str(file.relative_to(home)), RecordingKind.EVIDENCE, put.isoformat(),
                    told.st_size, kept_days, now, folder.parent.name,
                )  # fmt: skip


def _files(folder: Path) -> Iterator[tuple[Path, stat_result]]:
    with suppress(FileNotFoundError):  # another node that shares the folder was first
        for file in sorted(folder.iterdir()):
            yield file, file.lstat()


def _day_of(number: str) -> date | None:
    """The day in a ticket's number (YYMMDD and six digits); None for what is none."""
    if len(number) != 12 or not (number.isascii() and number.isdecimal()):
        return None
    try:
        return date(2000 + int(number[:2]), int(number[2:4]), int(number[4:6]))
    except ValueError:
        return None


def _ticket(one: Purged) -> str:
    return one.path.split("/")[2]
