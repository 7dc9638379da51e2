"""Checking and purging of real files, with the rows in a real store."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from recordings.model import MediaFlow, Purged, RecordingKind, RecordingStatus
from recordings.retention import purge
from recordings.verifier import Verifier
from storage.calls import SqlCalls
from storage.recordings import SqlRecordings
from tests.recordings.wavs import put, wav
from tests.storage.facts import NOON, SHANGHAI, call_record, opened

LATER = NOON + timedelta(hours=2)
KEPT = {RecordingKind.CALL: 180, RecordingKind.REQUEST: 400}


async def test_every_recording_gets_its_status_over_a_restart(sql_url: str, tmp_path: Path) -> None:
    audio = {
        "ok": wav(64.1), "short": wav(60), "long": wav(70), "no_media": wav(0), "missing": None,
    }  # fmt: skip
    async with opened(sql_url) as database:
        for name, content in audio.items():
            path = f"recordings/2026/11/21/{name}.wav"
            await SqlCalls(database).record(call_record(name, recording=f"/hotline/{path}"))
            if content is not None:
                put(tmp_path / path, content)
    async with opened(sql_url) as database:
        store = SqlRecordings(database)
        verifier = Verifier(store, tmp_path, lambda: LATER)
        assert await verifier.check_batch() == 5
        assert await verifier.check_batch() == 0
        assert await store.counts("default") == {RecordingStatus(name): 1 for name in audio}
        assert verifier.counts[RecordingStatus.OK] == 1


async def test_a_recording_is_not_looked_at_before_it_has_settled(
    sqlite_url: str, tmp_path: Path
) -> None:
    ended = NOON + timedelta(seconds=64)
    async with opened(sqlite_url) as database:
        await SqlCalls(database).record(call_record("a", recording="recordings/2026/11/21/a.wav"))
        store = SqlRecordings(database)
        early = Verifier(store, tmp_path, lambda: ended + timedelta(seconds=2.9))
        assert await early.check_batch() == 0
        due = Verifier(store, tmp_path, lambda: ended + timedelta(seconds=3.1))
        assert await due.check_batch() == 1


async def test_asterisks_own_word_on_the_media_corrects_the_rows(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Our row ended 5 s late, and the caller was silent for half of the call: still right."""
    path = "recordings/2026/11/21/a.wav"
    flow = MediaFlow(NOON + timedelta(seconds=59), packets_in=1500, packets_out=400)
    async with opened(sqlite_url) as database:
        await SqlCalls(database).record(call_record("a", recording=path))
        put(tmp_path / path, wav(30.1))
        store = SqlRecordings(database)
        verifier = Verifier(store, tmp_path, lambda: LATER, flow_of={"a": flow}.get)
        await verifier.check_batch()
        assert await store.counts("default") == {RecordingStatus.OK: 1}


async def test_a_path_that_leads_away_is_missing_not_followed(
    sqlite_url: str, tmp_path: Path
) -> None:
    put(tmp_path / "secret.wav", wav(64))
    async with opened(sqlite_url) as database:
        for n, path in enumerate((f"{tmp_path}/secret.wav", "../secret.wav")):
            await SqlCalls(database).record(call_record(f"c{n}", recording=path))
        store = SqlRecordings(database)
        await Verifier(store, tmp_path / "home", lambda: LATER).check_batch()
        assert await store.counts("default") == {RecordingStatus.MISSING: 2}


async def test_what_is_over_is_removed_and_logged_by_kind(sql_url: str, tmp_path: Path) -> None:
    now = datetime(2026, 11, 21, 3, 0, tzinfo=SHANGHAI)
    old, kept = now.date() - timedelta(days=181), now.date() - timedelta(days=180)
    files = {
        f"recordings/{old:%Y/%m/%d}/a.wav": False,
        f"recordings/{kept:%Y/%m/%d}/b.wav": True,
        f"recordings/requests/{old:%Y/%m/%d}/c-1.wav": True,
        "recordings/requests/2025/01/02/d-1.wav": False,
        "recordings/notes/2020/01/e.wav": True,
    }
    for path in files:
        put(tmp_path / path, wav(1))
    async with opened(sql_url) as database:
        store = SqlRecordings(database)
        await SqlCalls(database).record(
            call_record("a", "nanning", recording=f"/hotline/recordings/{old:%Y/%m/%d}/a.wav")
        )
        assert await purge(store, tmp_path, now, KEPT) == 2
        assert {path: (tmp_path / path).exists() for path in files} == files
        assert not (tmp_path / f"recordings/{old:%Y/%m/%d}").exists()
        assert [(tenant, path) for tenant, path, _ in await store.purge_log()] == [
            ("nanning", f"recordings/{old:%Y/%m/%d}/a.wav"),
            ("", "recordings/requests/2025/01/02/d-1.wav"),
        ]
        assert await purge(store, tmp_path, now, KEPT) == 0


async def test_a_purge_that_was_cut_short_goes_on_and_logs_nothing_twice(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        put(tmp_path / f"recordings/2020/01/01/c{n}.wav", wav(1))
    now = datetime(2026, 11, 21, tzinfo=UTC)
    async with opened(sqlite_url) as database:
        store = SqlRecordings(database)
        with monkeypatch.context() as patch:
            patch.setattr("recordings.retention.remove", _power_cut)
            with pytest.raises(OSError, match="power"):
                await purge(store, tmp_path, now, KEPT)
        assert await purge(store, tmp_path, now, KEPT) == 3
        assert len(await store.purge_log()) == 3
        assert not list(tmp_path.rglob("*.wav"))


def _power_cut(_home: Path, _batch: list[Purged]) -> Any:
    raise OSError("power cut")
