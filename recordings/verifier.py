"""Checks recordings after their calls ended. What is unchecked stands in SQL: restarts are safe."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from recordings.check import check
from recordings.model import CheckedRecording, PendingRecording, RecordingStatus
from recordings.naming import outside
from recordings.ports import RecordingStore
from recordings.wav import wav_length_s

log = structlog.get_logger(__name__)

BATCH = 200
SETTLE_S = 3.0
EVERY_S = 2.0


class Verifier:
    """Compares each recording's length with the time its call lasted.

    A file is looked at `settle_s` after the call's end: Asterisk completes its header then.
    """

    def __init__(
        self,
        store: RecordingStore,
        home: Path,
        now: Callable[[], datetime],
        *,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._store = store
        self._home = home
        self._now = now
        self._settle = timedelta(seconds=settle_s)
        self.counts = dict.fromkeys(RecordingStatus, 0)

    async def run(self) -> None:
        """Check for ever; an outage of the store is waited out."""
        while True:
            try:
                found = await self.check_batch()
            except Exception as error:  # no outage may end the checking
                log.warning("recordings_unchecked", reason=str(error))
                found = 0
            if found < BATCH:
                await asyncio.sleep(EVERY_S)

    async def check_batch(self) -> int:
        """Check what is due, up to a batch; how many there were."""
        now = self._now()
        due = await self._store.pending(ended_before=now - self._settle, limit=BATCH)
        if due:
            results = await asyncio.to_thread(self._measure, due, now)
            await self._store.checked(results)
            for result in results:
                self._tell(result)
        return len(due)

    def _measure(self, due: Sequence[PendingRecording], now: datetime) -> list[CheckedRecording]:
        return [measured(self._home, pending, now) for pending in due]

    def _tell(self, result: CheckedRecording) -> None:
        self.counts[result.status] += 1
        if result.status is not RecordingStatus.OK:
            log.warning(
                "recording_differs", tenant=result.pending.tenant, call_id=result.pending.call_id,
                status=result.status.value, expected_s=result.pending.expected_s,
                length_s=result.length_s,
            )  # fmt: skip


def measured(home: Path, pending: PendingRecording, now: datetime) -> CheckedRecording:
    """Look at one file; what can't be read as a WAV counts as without media."""
    length_s = _length_s(home, pending.path)
    return CheckedRecording(pending, length_s, check(pending.expected_s, length_s), now)


def _length_s(home: Path, path: str) -> float | None:
    try:
        file = outside(home, path)
    except ValueError:
        return None  # a name that leads out of the home is no recording of ours
    try:
        return wav_length_s(file)
    except OSError:
        return None
    except ValueError:
        return 0.0
