"""`hotline recordings`: what is over is told, removed and logged; what isn't stays."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from recordings.naming import call_path, request_path
from tests.hotline.prepared import Home
from tests.recordings.wavs import put, wav


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def give_to_its_owner(folder: Path) -> None:
    """Under root a home belongs to the parts' user, and so does all that they record."""
    owner = (folder / "recordings").stat()
    for top in (folder / "recordings", folder / "evidence"):
        for file in (top, *top.rglob("*")):
            os.chown(file, owner.st_uid, owner.st_gid)


def test_a_dry_run_removes_nothing_and_a_purge_is_logged(home: Home) -> None:
    """A call is kept 10 days here, a spoken request 100, evidence 30: each by its own time."""
    (home.folder / "hotline.toml").write_text(
        "recordings_days = 10\nrequests_days = 100\nevidence_days = 30\n"
    )
    today = datetime.now(UTC).date()
    old, ancient = today - timedelta(days=50), today - timedelta(days=200)
    over = [call_path("a-1.1", old), request_path("a-1.3", ancient, "1")]
    kept = [call_path("a-1.2", today), request_path("a-1.1", old, "1")]
    of_ticket = f"evidence/default/{old:%y%m%d}000001"
    over.append(f"{of_ticket}/{'a' * 64}.jpg")
    kept.append(f"{of_ticket}/{'b' * 64}.jpg")
    for path in (*over, *kept):
        put(home.folder / path, wav(1.0))
    long_ago = datetime.now(UTC).timestamp() - 50 * 86_400
    os.utime(home.folder / over[-1], (long_ago, long_ago))
    give_to_its_owner(home.folder)
    told = home.json("recordings", "purge", "--dry-run")
    assert sorted(one["path"] for one in told) == sorted(over)
    assert {one["kind"]: one["kept_days"] for one in told} == {
        "call": 10, "request": 100, "evidence": 30,
    }  # fmt: skip
    assert all((home.folder / path).exists() for path in over)
    assert home.json("recordings", "log") == []
    home.json("recordings", "purge")
    assert not any((home.folder / path).exists() for path in over)
    assert all((home.folder / path).exists() for path in kept)
    assert sorted(one["path"] for one in home.json("recordings", "log")) == sorted(over)
    assert home.json("recordings", "purge") == []
