"""Checks recordings after their calls ended. What is unchecked stands in SQL: restarts are safe."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from recordings.check import check
from recordings.model import (
    CheckedRecording,
    MediaFlow,
    PendingRecording,
    RecordingKind,
    RecordingStatus,
)
from recordings.naming import kind_and_day, outside
from recordings.ports import RecordingStore
from recordings.wav import wav_length_s

log = structlog.get_logger(__name__)

BATCH = 200
SETTLE_S = 3.0
EVERY_S = 2.0


class Verifier:
    """Compares each recording's length with the time its call lasted.

    A file is looked at `settle_s` after the call's end: Asterisk completes its header then.
    `flow_of` is asked by call id what Asterisk told of its media; None where nobody knows.
    """

    def __init__(
        self,
        store: RecordingStore,
        home: Path,
        now: Callable[[], datetime],
        *,
        settle_s: float = SETTLE_S,
        flow_of: Callable[[str], MediaFlow | None] = lambda call_id: None,
    ) -> None:
        self._store = store
        self._flow_of = flow_of
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
        return [
            measured(self._home, pending, now, self._flow_of(pending.call_id)) for pending in due
        ]

    def _tell(self, result: CheckedRecording) -> None:
        self.counts[result.status] += 1
        if result.status is not RecordingStatus.OK:
            log.warning(
                "recording_differs", tenant=result.pending.tenant, call_id=result.pending.call_id,
                status=result.status.value, expected_s=result.pending.expected_s,
                length_s=result.length_s,
            )  # fmt: skip


def measured(
    home: Path, pending: PendingRecording, now: datetime, flow: MediaFlow | None = None
) -> CheckedRecording:
    """Look at one file; what can't be read as a WAV counts as without media.

    Only a whole call's recording is measured against the call's media.
    """
    told = kind_and_day(pending.path)
    if flow is not None and told is not None and told[0] is RecordingKind.CALL:
        later_s = (flow.ended_at - pending.ended_at).total_seconds()
        pending = replace(pending, expected_s=pending.expected_s + later_s)
    else:
        flow = None
    length_s = _length_s(home, pending.path)
    return CheckedRecording(pending, length_s, check(pending.expected_s, length_s, flow), now)


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
