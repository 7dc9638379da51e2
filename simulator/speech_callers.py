"""Callers who talk with the engine over AudioSocket, as Asterisk would for them: 20 ms frames both
ways, prompts waited for or talked over, and a watch on how long everything takes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random
from typing import cast
from uuid import UUID

FRAME_S = 0.02
FRAME_BYTES = 320
SILENCE = bytes(FRAME_BYTES)
PROMPT_OVER_FRAMES = 8
"""So many silent frames after a prompt, and it is over."""
TALK_OVER_AFTER_S = 1.0
THINKS_S = (0.3, 0.8)
BREATH_S = (0.2, 0.6)
TALKED_OVER_ABOVE = 2000
"""Prompts with louder samples are long, and talked over."""
CONNECT_S = 10.0
LAST_WORDS_S = 8.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """Words, and their sound: 8 kHz, mono, s16le, without silence around it."""

    text: str
    pcm: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """Where a call's audio is awaited."""

    address: str
    name: UUID


@dataclass(slots=True)
class Watched:
    """What a caller saw. Times in seconds; `turns` are (end of his speech in sent audio, time until
    the next prompt's first sound), `talked_over` how long prompts went on."""

    said: list[str] = field(default_factory=list)
    turns: list[tuple[float, float]] = field(default_factory=list)
    talked_over: list[float] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    lost: bool = False

    @property
    def missing(self) -> int:
        """Frames that should have come since the first one and didn't."""
        due = round((self.last_at - self.first_at) / FRAME_S) + 1 if self.received else 0
        return max(0, due - self.received - 1)  # the last may still have been on its way


class _Doing(Enum):
    WAITING = auto()
    HEARING = auto()
    THINKING = auto()
    SPEAKING = auto()


class SpeechCaller(asyncio.Protocol):
    """One caller. `answers` waits for prompts and answers them, else he speaks all the time."""

    def __init__(self, line: Line, says: Sequence[Utterance], seed: int, *, answers: bool) -> None:
        self._line = line
        self._says = says
        self._random = Random(seed)  # noqa: S311 - when a caller answers, no secret
        self._answers = answers
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._doing = _Doing.WAITING
        self._pcm = b""
        self._place = 0
        self._speaks_at = 0.0
        self._ended_at = 0.0
        self._ended_place_s = 0.0
        self._begun_at = 0.0
        self._silent = 0
        self._sound_at = 0.0
        self._hushed = True
        self.quiet = False
        self.watched = Watched()

    async def connect(self) -> None:
        """Connect as Asterisk does: with the call's UUID first."""
        host, _, port = self._line.address.rpartition(":")
        async with asyncio.timeout(CONNECT_S):
            await self._loop.create_connection(lambda: self, host, int(port))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"\x01\x00\x10" + self._line.name.bytes)
        if not self._answers:
            self._think(BREATH_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self.watched.lost = not self.quiet
        self._transport = None

    def leave(self) -> None:
        """Hang up."""
        self.quiet = True
        if self._transport is not None:
            self._transport.close()

    # --- his voice

    def tick(self) -> None:
        """20 ms have passed: the next frame goes out."""
        if self._transport is None:
            return
        frame = SILENCE
        if self._doing is _Doing.THINKING and self._loop.time() >= self._speaks_at:
            self._begin_to_speak()
        if self._doing is _Doing.SPEAKING:
            frame = self._pcm[self._place : self._place + FRAME_BYTES].ljust(FRAME_BYTES, b"\0")
            self._place += FRAME_BYTES
        self._transport.write(b"\x10\x01\x40" + frame)
        self.watched.sent += 1
        if self._doing is _Doing.SPEAKING and self._place >= len(self._pcm):
            self._end_of_speech()

    def _begin_to_speak(self) -> None:
        if self.quiet:
            return
        said = self._random.choice(self._says)
        self.watched.said.append(said.text)
        self._pcm, self._place = said.pcm, 0
        self._doing = _Doing.SPEAKING
        self._begun_at = self._loop.time()

    def _end_of_speech(self) -> None:
        self._ended_at = self._loop.time()
        self._ended_place_s = self.watched.sent * FRAME_S
        if self._answers:
            self._doing = _Doing.WAITING
        else:
            self._think(BREATH_S)

    def _think(self, between: tuple[float, float]) -> None:
        self._doing = _Doing.THINKING
        self._speaks_at = self._loop.time() + self._random.uniform(*between)

    # --- his ear

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 3:
            end = 3 + int.from_bytes(self._buffer[1:3], "big")
            if len(self._buffer) < end:
                return
            kind, body = self._buffer[0], self._buffer[3:end]
            self._buffer = self._buffer[end:]
            if kind == 0x10:
                self._hear(body)

    def _hear(self, frame: bytes) -> None:
        now = self._loop.time()
        watched = self.watched
        watched.received += 1
        watched.first_at = watched.first_at or now
        watched.last_at = now
        if any(frame):
            self._silent = 0
            self._sound_at = now
            if self._doing is _Doing.WAITING and self._hushed:
                self._prompt_begins(now, memoryview(frame).cast("h"))
            return
        self._silent += 1
        if self._silent == PROMPT_OVER_FRAMES:
            self._prompt_over()

    def _prompt_begins(self, now: float, samples: Sequence[int]) -> None:
        self._hushed = False
        self._begun_at = 0.0
        if self._ended_at:
            self.watched.turns.append((self._ended_place_s, now - self._ended_at))
        if max(samples) > TALKED_OVER_ABOVE:
            self._think((TALK_OVER_AFTER_S, TALK_OVER_AFTER_S))
        else:
            self._doing = _Doing.HEARING

    def _prompt_over(self) -> None:
        was, self._hushed = self._hushed, True
        if was:
            return
        if self._doing is _Doing.HEARING:
            self._think(THINKS_S)
        elif self._begun_at and self._sound_at > self._begun_at:
            self.watched.talked_over.append(self._sound_at + FRAME_S - self._begun_at)


async def talk(callers: Sequence[SpeechCaller], seconds: float) -> None:
    """Let them all talk so long, each frame at its time however late the clock is; nobody begins to
    speak in the last moments, so that every answer is heard to its end."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number in range(round(seconds / FRAME_S)):
        if number == round((seconds - LAST_WORDS_S) / FRAME_S):
            for caller in callers:
                caller.quiet = True
        for caller in callers:
            caller.tick()
        await asyncio.sleep(max(0.0, begun + (number + 1) * FRAME_S - loop.time()))
