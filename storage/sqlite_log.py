"""SQLite's write-ahead log, taken over into the file beside the writer instead of within a commit.

A commit that finds the log long would write thousands of pages back and sync them: whoever waits
for it waits tens of milliseconds. A connection of its own does that while the writer goes on, then
what came meanwhile, and again, until little is left: that the writer takes over itself between two
commits, and the log begins anew. See docs/decisions/0301 and 0386.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

log = structlog.get_logger(__name__)

ROWS = 8_000
"""Changed rows after which the log is taken over: some 10,000 pages of a full store's, 40 MB. The
same pages in smaller portions keep the disk from the writer more often (tried: 600 to 5,000)."""
LITTLE_PAGES = 100
"""What the writer may take over itself: a commit that meets it waits for hardly more than these."""
TIMES = 6
"""So often at most the log is gone through before that, should the writer be as fast as we."""
LONGEST_PAGES = 32_000
"""The writer's own limit, should nobody else come to it: 128 MB."""
Between = Callable[[sqlite3.Connection | None], None]
_TAKE_OVER = "PRAGMA wal_checkpoint(PASSIVE)"


class LogKeeper:
    """Takes the log of `file` over. `between` runs what it is given between two commits, with the
    writer's connection, None when there is none."""

    def __init__(self, file: str, between: Callable[[Between], None]) -> None:
        self._file = file
        self._between = between
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sql-log")
        self._connection: sqlite3.Connection | None = None
        self._at = 0
        self._busy = False

    def committed(self, writer: Any) -> None:
        """The writer has committed (in its thread): is it time?"""
        if self._busy or 0 <= writer.total_changes - self._at < ROWS:
            return
        self._at, self._busy = writer.total_changes, True
        self._thread.submit(self._take_over)

    def close(self) -> None:
        """After the writer's last commit."""
        self._thread.submit(self._close)
        self._thread.shutdown(wait=True)

    def _take_over(self) -> None:
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._file, isolation_level=None)
            self._catch_up(self._connection)
            self._between(self._rest)
        except (sqlite3.Error, RuntimeError) as error:  # the writer does it at its own limit
            log.warning("sqlite_log_not_taken_over", reason=str(error))
            self._busy = False

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        before = 0
        for _ in range(TIMES):
            [(_, pages, taken)] = connection.execute(_TAKE_OVER).fetchall()
            came = pages - before if pages >= before else pages  # fewer: it has begun anew
            if taken < pages or came <= LITTLE_PAGES:
                return  # a reader keeps the others back, or hardly any came meanwhile
            before = pages

    def _rest(self, writer: sqlite3.Connection | None) -> None:
        self._busy = False
        if writer is None:
            return
        try:
            writer.execute(_TAKE_OVER).fetchall()
        except sqlite3.Error as error:  # the next commit meets it, too, and tells its callers
            log.warning("sqlite_log_not_taken_over", reason=str(error))
        else:
            self.committed(writer)  # much may have been committed meanwhile

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
