"""What an installation wrote down: calls and recordings, read from its SQLite file."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.servers import wait_until


def rows(home: Path, query: str, *values: object) -> list[dict[str, Any]]:
    """Rows of the store as dicts."""
    with closing(sqlite3.connect(f"file:{home}/state/hotline.db?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query, values)]


def call_of(home: Path, caller: str) -> dict[str, Any]:
    """The one row of this caller's call; waits until it is written."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = rows(home, "SELECT * FROM calls WHERE caller_raw = ?", caller)
        return bool(found)

    wait_until(there, seconds=60, what=f"the call row of {caller}")
    assert len(found) == 1, found
    return found[0]


def recording_of(home: Path, call_id: str) -> dict[str, Any]:
    """The checked recording of a whole call; waits for the check."""
    found: list[dict[str, Any]] = []

    def checked() -> bool:
        found[:] = rows(
            home,
            "SELECT * FROM recordings WHERE call_id = ? AND status != 'pending' "
            "AND path NOT LIKE '%requests%'",
            call_id,
        )
        return bool(found)

    wait_until(checked, seconds=60, what=f"the checked recording of {call_id}")
    return found[0]


PLACED = 3
"""So often a call is placed at most until its recording is as long as it: where others compute
MixMonitor drops what came too late for one direction to match the other (decision 0051), and the
check says "short", rightly. What is short for any other reason is short each time."""


def as_long(recording: dict[str, Any], placed: int) -> bool:
    """Whether it is as long as its call; False where the call is to be placed again."""
    if recording["status"] == "short" and placed < PLACED:
        return False
    assert recording["status"] == "ok", recording
    return True
