"""Evidence is purged by its own time, never of an open ticket, and the log tells it."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hotline.evidence import HomeEvidence
from recordings.evidence import expired_evidence, purge_evidence
from recordings.model import Purged, RecordingKind
from storage.recordings import SqlRecordings
from tests.storage.clock_house import REVIEWER, TENANT, House, house_on, local
from tickets.errors import StoreAway
from tickets.evidence import evidence_id

DAYS = {RecordingKind.EVIDENCE: 730}
LAMP, PAPER = b"\xff\xd8\xff a lamp that shines", b"%PDF-1.7 a protocol"
PUT = local("2026-11-23 10:00")
LAST, AFTER = PUT + timedelta(days=730), PUT + timedelta(days=731)


async def put(home: Path, number: str, content: bytes, at: datetime = PUT) -> str:
    """Put a file to a ticket at a time; its path in the home."""
    name = evidence_id(content)
    await HomeEvidence(home / "evidence").keep(TENANT, number, name, content)
    path = f"evidence/{TENANT}/{number}/{name}"
    os.utime(home / path, (at.timestamp(), at.timestamp()))
    return path


async def closed(house: House) -> str:
    """A ticket that has come to its end."""
    number = await house.ticket()
    await house.tell(number, "refused", REVIEWER, code="insult")
    return number


async def test_what_is_over_goes_and_is_logged_but_nothing_of_an_open_ticket(
    sql_url: str, tmp_path: Path
) -> None:
    async with house_on(sql_url) as house:
        over, still_open, later = await closed(house), await house.ticket(), await closed(house)
        gone = sorted([await put(tmp_path, over, content) for content in (LAMP, PAPER)])
        kept = [
            await put(tmp_path, still_open, LAMP),
            await put(tmp_path, later, LAMP, PUT + timedelta(days=30)),
        ]
        store = SqlRecordings(house.database)
        assert await purge_evidence(store, tmp_path, LAST, DAYS) == 0
        told = await expired_evidence(store, tmp_path, AFTER, DAYS)
        assert [(one.path, one.day, one.kept_days) for one in told] == [
            (path, "2026-11-23", 730) for path in gone
        ]
        assert await purge_evidence(store, tmp_path, AFTER, DAYS) == 2
        assert not (tmp_path / "evidence" / TENANT / over).exists()
        assert all((tmp_path / path).exists() for path in kept)
        assert sorted(await store.purge_log()) == [(TENANT, path, AFTER) for path in gone]
        assert await purge_evidence(store, tmp_path, AFTER, DAYS) == 0
        await house.tell(still_open, "refused", REVIEWER, code="insult")
        assert await purge_evidence(store, tmp_path, AFTER, DAYS) == 1


class Dying(SqlRecordings):
    """A store whose engine is killed as soon as the log is written."""

    async def note_purges(self, purged: Sequence[Purged]) -> None:
        await super().note_purges(purged)
        raise InterruptedError


async def test_killed_between_the_log_and_the_removal_the_next_run_goes_on(
    sql_url: str, tmp_path: Path
) -> None:
    async with house_on(sql_url) as house:
        path = await put(tmp_path, await closed(house), LAMP)
        with pytest.raises(InterruptedError):
            await purge_evidence(Dying(house.database), tmp_path, AFTER, DAYS)
        assert (tmp_path / path).exists()
        store, later = SqlRecordings(house.database), AFTER + timedelta(hours=1)
        assert await purge_evidence(store, tmp_path, later, DAYS) == 1
        assert not (tmp_path / path).exists()
        assert await store.purge_log() == [(TENANT, path, AFTER)]


class Away(SqlRecordings):
    """A store that is away."""

    async def note_purges(self, purged: Sequence[Purged]) -> None:
        raise StoreAway("away")


async def test_without_sql_nothing_is_removed(sqlite_url: str, tmp_path: Path) -> None:
    async with house_on(sqlite_url) as house:
        path = await put(tmp_path, await closed(house), LAMP)
        with pytest.raises(StoreAway):
            await purge_evidence(Away(house.database), tmp_path, AFTER, DAYS)
        assert (tmp_path / path).exists()


async def test_put_again_it_is_kept_as_a_new_one(sqlite_url: str, tmp_path: Path) -> None:
    async with house_on(sqlite_url) as house:
        number, long_ago = await closed(house), PUT - timedelta(days=7)
        path = await put(tmp_path, number, LAMP, long_ago)
        await HomeEvidence(tmp_path / "evidence").keep(TENANT, number, Path(path).name, LAMP)
        put_at = datetime.fromtimestamp((tmp_path / path).stat().st_mtime, PUT.tzinfo)
        assert put_at > long_ago
        store = SqlRecordings(house.database)
        last = max(put_at, PUT) + timedelta(days=730)
        assert await purge_evidence(store, tmp_path, last, DAYS) == 0
        assert await purge_evidence(store, tmp_path, last + timedelta(days=1), DAYS) == 1


async def test_what_is_no_ticket_s_folder_and_kinds_without_a_time_are_left_alone(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with house_on(sqlite_url) as house:
        path = await put(tmp_path, await closed(house), LAMP)
        strange = tmp_path / "evidence" / TENANT / "lost+found" / "x"
        strange.parent.mkdir()
        strange.write_text("x")
        (tmp_path / "evidence" / TENANT / "261399000001").mkdir()
        os.utime(strange, (0, 0))
        store = SqlRecordings(house.database)
        assert await purge_evidence(store, tmp_path, AFTER, {}) == 0
        assert await purge_evidence(store, tmp_path, AFTER, DAYS) == 1
        assert strange.exists()
        assert not (tmp_path / path).exists()
