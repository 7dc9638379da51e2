"""A disk that gets full is told in the log, once, and so is its end."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from console.ports import PartHealth
from hotline import disk_watch
from hotline.home import Home
from storage.journal import Journal


async def test_only_changes_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Room, none, none, unreadable, room: two lines."""
    full = PartHealth(False, "only 3 MiB free")
    answers = [PartHealth(True, ""), full, full, OSError("gone"), PartHealth(True, "9 GiB free")]
    asked = iter(answers)
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def disk(home: Home, journal: Journal) -> PartHealth:
        answer = next(asked, None)
        if answer is None:
            loop.call_soon_threadsafe(done.set)
            return PartHealth(True, "")
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(disk_watch, "disk_health", disk)
    with capture_logs() as logs:
        watching = asyncio.create_task(
            disk_watch.watch_disk(Home(tmp_path), Journal(tmp_path / "journal"), 0)
        )
        async with asyncio.timeout(10):
            await done.wait()
        watching.cancel()
        await asyncio.wait({watching})
    told = [(line["event"], line["log_level"], line["detail"]) for line in logs]
    assert told == [
        ("disk_low", "error", "only 3 MiB free"),
        ("disk_has_room", "info", "9 GiB free"),
    ]
