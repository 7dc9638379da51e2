"""`hotline recordings`: audio and evidence whose time is over, and the log of what was removed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from hotline import logs
from hotline.commands.common import JsonOption, out, print_json, print_table
from hotline.errors import HomeUnusable
from hotline.loading import load_settings
from hotline.settings import Settings
from hotline.store import with_store
from recordings.evidence import expired_evidence, purge_evidence
from recordings.model import Purged
from recordings.retention import expired_files, expired_words, purge, purge_words
from storage.database import Database
from storage.recordings import SqlRecordings
from storage.words_purge import SqlSpokenWords

MOST_TOLD = 100_000
"""Texts that are listed; more are removed all the same."""

app = typer.Typer(help="Recordings: retention.", no_args_is_help=True)


@app.command("purge")
def purge_now(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="only tell what would be removed")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove audio, recognised words, and evidence of closed tickets, older than their kind is kept
    (the engine does so every hour, too)."""
    settings = load_settings()
    logs.configure("warning")  # what was removed is told below
    now = datetime.now(_zone(settings))
    try:
        due = with_store(
            settings, lambda database: _purge(settings, database, now, dry_run=dry_run)
        )
    except OSError as error:
        raise HomeUnusable(f"recordings can't be removed: {error}") from error
    if as_json:
        print_json([_plain(one) for one in due])
        return
    if due:
        columns = ("day", "kind", "bytes", "path")
        print_table(columns, [_row(one) for one in due])
    size = sum(one.size_bytes for one in due)
    done = "would be removed" if dry_run else "removed"
    out.print(f"{len(due)} files and texts, {size / 2**20:.1f} MiB {done}")


@app.command("log")
def log(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="how many, newest first")] = 50,
    as_json: JsonOption = False,
) -> None:
    """What was removed, newest first."""
    settings = load_settings()

    async def read(database: Database) -> Sequence[tuple[str, str, datetime]]:
        return await SqlRecordings(database).purge_log(limit=limit)

    found = with_store(settings, read)
    if as_json:
        names = ("tenant", "path", "purged_at")
        print_json([dict(zip(names, (t, p, at.isoformat()), strict=True)) for t, p, at in found])
        return
    zone = _zone(settings)
    rows: list[tuple[str, ...]] = [
        (f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}", t or "-", path) for t, path, at in found
    ]
    print_table(("removed", "tenant", "path"), rows)


async def _purge(
    settings: Settings, database: Database, now: datetime, *, dry_run: bool
) -> Sequence[Purged]:
    """What is over; gone afterwards unless it is a dry run."""
    home, days, words = settings.folders.root, settings.kept_days, SqlSpokenWords(database)
    store = SqlRecordings(database)
    due = [
        *expired_files(home, now, days),
        *await expired_words(words, now, days, limit=MOST_TOLD),
        *await expired_evidence(store, home, now, days),
    ]
    if not dry_run:
        await purge(store, home, now, days)
        await purge_words(words, now, days)
        await purge_evidence(store, home, now, days)
    return due


def _zone(settings: Settings) -> ZoneInfo:
    """Days are counted where the installation is: in its first tenant's time."""
    return ZoneInfo(settings.tenants[0].time_zone)


def _row(one: Purged) -> tuple[str, ...]:
    return one.day, one.kind.value, str(one.size_bytes), one.path


def _plain(one: Purged) -> dict[str, object]:
    return {
        "path": one.path, "kind": one.kind.value, "day": one.day, "bytes": one.size_bytes,
        "kept_days": one.kept_days,
    }  # fmt: skip


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="recordings")
