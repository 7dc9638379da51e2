"""One call's recognition by a worker: what it was fed, what is still open, and its replay."""

import asyncio
import json
import struct
from collections.abc import Sequence
from typing import Protocol

import structlog

from ivr.speech.frames import Kind
from ivr.speech.kept import SLICE, KeptAudio, settled
from ivr.speech.ports import BYTES_PER_S, RATE_HZ, Final, Partial, SpeechEvent, SpeechLost, Told
from ivr.speech.results import final

log = structlog.get_logger(__name__)

MOST_BLAMED = 3
"""Workers that may die over one call's audio before it is given up."""
LONGEST_S = 180.0
"""Audio kept for a replay; more without an end point means that nobody hears it any more."""
ANSWER_S = 15.0


class Worker(Protocol):
    """Where an ear lives."""

    def send(self, kind: Kind, ear: int = 0, payload: bytes = b"") -> None: ...


class House(Protocol):
    """Gives ears and workers."""

    def attach(self, hearing: "WorkerHearing") -> None:
        """Give it a worker, now or when there is one, by `begin`."""
        ...

    def detach(self, hearing: "WorkerHearing") -> None:
        """Its ear is told no more."""
        ...


class WorkerHearing:
    """`Hearing` of a call in a worker process."""

    def __init__(self, house: House, call_id: str, told: Told) -> None:
        self._house, self.call_id, self._told = house, call_id, told
        self._kept = KeptAudio()
        self._batch: list[bytes] = []
        self._batched = 0
        self._words: tuple[str, ...] = ()
        self._worker: Worker | None = None
        self.ear = 0
        self._begun = 0
        self._flush: asyncio.Future[Final] | None = None
        self._flushing = Kind.FLUSH
        self._sync: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        self.blamed = 0

    # --- Hearing

    def listen_for(self, words: Sequence[str] = ()) -> None:
        self._send_batch(everything=True)
        self._kept.settle(self._kept.end)
        self._words = tuple(words)
        self._answer_flush(Final((), self._kept.end))
        if not self._over:
            self._house.attach(self)

    def feed(self, pcm: bytes, *, within_s: float = 0.0) -> None:
        self._batch.append(pcm)
        self._batched += len(pcm)
        if self._batched >= SLICE and self._batched >= within_s * BYTES_PER_S:
            self._send_batch()

    async def flush(self, *, silent: bool = False) -> Final:
        self._send_batch(everything=not silent)
        if self._over:
            return Final()
        if self._flush is None:
            self._flush = self._awaited()
            self._flushing = Kind.PAUSE if silent else Kind.FLUSH
            self._send(self._flushing)
        return await asyncio.shield(self._flush)

    async def caught_up(self) -> None:
        if self._over:
            return
        if self._sync is None:
            self._sync = asyncio.get_running_loop().create_future()
            self._send(Kind.SYNC)
        await asyncio.shield(self._sync)

    def close(self) -> None:
        if not self._over:
            self._end()

    # --- told by the pool

    def begin(self, worker: Worker | None, ear: int) -> None:
        """A worker is there (or gone: None): it hears from the last end point on."""
        self._worker, self.ear, self._begun = worker, ear, self._kept.begin
        if worker is None:
            return
        self._send(Kind.OPEN, json.dumps(self._words).encode())
        for piece in self._kept:
            self._send(Kind.AUDIO, piece)
        if self._flush is not None:
            self._send(self._flushing)
        if self._sync is not None:
            self._send(Kind.SYNC)

    def heard(self, kind: Kind, payload: bytes) -> None:
        """A message of its own ear."""
        if kind is Kind.PARTIAL:
            (until,) = struct.unpack_from("<I", payload)
            self._tell(Partial(payload[4:].decode(), (self._begun + until) / RATE_HZ))
        elif kind is Kind.SYNCED:
            self._answer_sync()
        else:
            until, begun = struct.unpack_from("<II", payload)
            told = final(payload[8:], self._begun + begun, self._begun + until)
            self.blamed = 0
            whole = kind is Kind.FLUSHED
            self._kept.settle(self._begun + until if whole else settled(told, self._begun))
            if kind is Kind.FINAL:
                self._tell(told)
            else:
                self._answer_flush(told)

    def lose(self, reason: str) -> None:
        """It is over; whoever waits is answered."""
        if self._over:
            return
        log.error("speech_lost", call_id=self.call_id, reason=reason)
        self._end()
        self._told(SpeechLost(reason))

    # --- inside

    def _send_batch(self, *, everything: bool = False) -> None:
        """What is fed goes out in whole slices, so that a replay is cut as live audio is."""
        if not self._batch:
            return
        audio = b"".join(self._batch)
        whole = len(audio) if everything else len(audio) - len(audio) % SLICE
        rest = audio[whole:]
        self._batch, self._batched = ([rest] if rest else []), len(rest)
        if not whole or self._over:
            return
        piece = audio[:whole]
        self._kept.add(piece)
        self._send(Kind.AUDIO, piece)
        if self._kept.seconds > LONGEST_S:
            self.lose(f"nothing was recognised for {LONGEST_S:g} s")

    def _send(self, kind: Kind, payload: bytes = b"") -> None:
        if self._worker is not None:
            self._worker.send(kind, self.ear, payload)

    def _tell(self, event: SpeechEvent) -> None:
        if not self._over:
            self._told(event)

    def _awaited(self) -> "asyncio.Future[Final]":
        loop = asyncio.get_running_loop()
        patience_s = ANSWER_S + self._kept.seconds
        reason = f"no answer within {patience_s:.0f} s"
        self._timer = loop.call_later(patience_s, self.lose, reason)
        return loop.create_future()

    def _answer_flush(self, told: Final) -> None:
        waiting, self._flush = self._flush, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if waiting is not None and not waiting.done():
            waiting.set_result(told)

    def _answer_sync(self) -> None:
        waiting, self._sync = self._sync, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    def _end(self) -> None:
        self._over = True
        self._send(Kind.CLOSE)
        self._house.detach(self)
        self._worker = None
        self._kept = KeptAudio()
        self._answer_flush(Final())
        self._answer_sync()
