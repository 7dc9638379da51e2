"""`LiveAudio` over one AudioSocket: what is played is cut into frames, what comes is told on.

The server's one clock ticks for all sessions; a session has neither a task nor a timer of its own.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

import structlog

from telephony.live_audio import BYTES_PER_S, FRAME_BYTES, FRAME_S, Listener

SILENCE = bytes(FRAME_BYTES)
BACKLOG_FRAMES = 50
"""Told to a listener that comes late; more is forgotten."""
GAP_TICKS = 25
"""So long nothing came: his network sends nothing, and silence is told instead, all of it at once.
Jitter, keys, and machines that are busy for a moment are shorter: what comes late then comes whole,
and silence told in its place would stand in the middle of a word."""
UNFINISHED_TICKS = 100
SILENT_TICKS = 4500
"""90 s without a frame: Asterisk has long hung up a caller of whom nothing comes (rtp_timeout)."""
AHEAD_FRAMES = 250
"""So much more audio than time has passed is no telephone's."""

log = structlog.get_logger(__name__)


class Wire(Protocol):
    """What a session needs of its connection. `unfinished`: a message has begun and not ended."""

    @property
    def unfinished(self) -> bool: ...

    def send(self, frame: bytes) -> None: ...

    def refuse(self, reason: str) -> None: ...

    def end(self, reason: str) -> None: ...


class AudioSession:
    """One call's live audio; see `telephony.live_audio.LiveAudio`."""

    __slots__ = (
        "_backlog",
        "_listener",
        "_longest",
        "_over",
        "_paused",
        "_pcm",
        "_place",
        "_quiet",
        "_rest",
        "_ticks",
        "_told",
        "came",
        "ended",
        "filled",
        "name",
        "on_wire",
        "wire",
    )

    def __init__(self, name: UUID, on_wire: Callable[[], None], *, longest_ticks: int) -> None:
        self.name = name
        self.on_wire = on_wire
        self.wire: Wire | None = None
        self.ended = ""
        self.came = 0
        self.filled = 0
        self._over: Callable[[], Awaitable[None]] | None = None
        self._listener: Listener | None = None
        self._backlog: list[bytes] = []
        self._told = False
        self._rest = b""
        self._pcm: bytes | None = None
        self._place = 0
        self._paused = False
        self._ticks = 0
        self._longest = longest_ticks
        self._quiet = 0

    # --- LiveAudio

    @property
    def at_s(self) -> float:
        return (self.came + self.filled) * FRAME_S

    @property
    def playing(self) -> bool:
        return self._pcm is not None

    def listen(self, listener: Listener) -> None:
        self._listener = listener
        backlog, self._backlog = self._backlog, []
        for frame in backlog:
            self._tell(frame)
        if self.ended:
            self._tell_end()

    def play(self, pcm: bytes) -> None:
        self._pcm, self._place, self._paused = pcm, 0, False

    def pause(self) -> None:
        self._paused = True

    def resume(self, *, back_s: float = 0.0) -> None:
        if self._paused:
            self._place = max(0, self._place - round(back_s * BYTES_PER_S) // 2 * 2)
        self._paused = False

    def stop(self) -> None:
        self._pcm = None

    async def over(self) -> None:
        assert self._over is not None
        await self._over()

    # --- the call's side

    def decides(self, over: Callable[[], Awaitable[None]]) -> None:
        """How the call finds out what an end of the audio was; it raises."""
        self._over = over

    def close(self) -> None:
        """We have done: Asterisk's application returns, and nobody is told of anything more."""
        self._listener = None
        if self.wire is not None:
            self.wire.end("finished")
        self.lost("finished")

    # --- the connection's side

    def attach(self, wire: Wire) -> None:
        """Asterisk has connected."""
        self.wire = wire
        self.on_wire()

    def take_audio(self, pcm: bytes) -> None:
        self._quiet = 0
        if len(pcm) == FRAME_BYTES and not self._rest:
            self._take_frame(pcm)
        else:
            pcm = self._rest + pcm
            whole = len(pcm) // FRAME_BYTES * FRAME_BYTES
            for at in range(0, whole, FRAME_BYTES):
                self._take_frame(pcm[at : at + FRAME_BYTES])
            self._rest = pcm[whole:]
        if self.came > self._ticks + AHEAD_FRAMES and self.wire is not None:
            self.wire.refuse("too_fast")

    def take_key(self, key: str) -> None:
        if self._listener is not None and not self.ended:
            try:
                self._listener.pressed(key)
            except Exception:
                log.exception("key_not_taken")

    def lost(self, reason: str) -> None:
        if not self.ended:
            self.ended = reason
            self._pcm = None
            self._tell_end()

    def tick(self, *, steady: bool) -> None:
        """20 ms have passed: send the next frame. `steady` is False when the clock itself is late:
        what came meanwhile is still to be read, so it's no gap."""
        self._ticks += 1
        if self.wire is None or self.ended:
            return
        self.wire.send(self._next_frame())
        if steady:
            self._quiet += 1
            if self._quiet >= GAP_TICKS:
                self._fill()
        if self._ticks >= self._longest:
            self.wire.end("too_long")
        elif self._quiet >= UNFINISHED_TICKS and self.wire.unfinished:
            self.wire.refuse("stalled")
        elif self._quiet >= SILENT_TICKS:
            self.wire.refuse("silent")

    def _next_frame(self) -> bytes:
        pcm = self._pcm
        if pcm is None or self._paused:
            return SILENCE
        frame = pcm[self._place : self._place + FRAME_BYTES]
        self._place += FRAME_BYTES
        if self._place >= len(pcm):
            self._pcm = None
            self._tell_played_out()
            return frame.ljust(FRAME_BYTES, b"\0")
        return frame

    def _fill(self) -> None:
        frames = GAP_TICKS if self._quiet == GAP_TICKS else 1
        for _ in range(frames):
            self.filled += 1
            self._tell(SILENCE)

    def _take_frame(self, frame: bytes) -> None:
        self.came += 1
        self._tell(frame)

    def _tell(self, frame: bytes) -> None:
        if self._listener is None:
            self._backlog.append(frame)
            del self._backlog[:-BACKLOG_FRAMES]
            return
        try:
            self._listener.heard(frame)
        except Exception:
            log.exception("frame_not_taken")

    def _tell_played_out(self) -> None:
        if self._listener is not None:
            try:
                self._listener.played_out()
            except Exception:
                log.exception("end_of_prompt_not_taken")

    def _tell_end(self) -> None:
        if self._listener is not None and not self._told:
            self._told = True
            try:
                self._listener.ended()
            except Exception:
                log.exception("end_of_audio_not_taken")
