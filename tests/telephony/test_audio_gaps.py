"""Audio that comes in bursts is told whole; a network that is silent is told as silence."""

from uuid import uuid4

import pytest

from telephony.audiosocket_session import GAP_TICKS, SILENCE, AudioSession
from telephony.live_audio import FRAME_BYTES

VOICE = b"\1\2" * (FRAME_BYTES // 2)


class Wire:
    """A connection that takes everything."""

    unfinished = False

    def send(self, frame: bytes) -> None: ...

    def refuse(self, reason: str) -> None: ...

    def end(self, reason: str) -> None: ...


class Ear:
    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def heard(self, frame: bytes) -> None:
        self.frames.append(frame)

    def pressed(self, key: str) -> None: ...

    def played_out(self) -> None: ...

    def ended(self) -> None: ...


@pytest.fixture
def call() -> tuple[AudioSession, Ear]:
    session, ear = AudioSession(uuid4(), lambda: None, longest_ticks=10_000), Ear()
    session.attach(Wire())
    session.listen(ear)
    return session, ear


def test_a_burst_after_a_busy_moment_is_one_word(call: tuple[AudioSession, Ear]) -> None:
    """Nothing for almost half a second, then all of it: no silence stands in the middle."""
    session, ear = call
    session.take_audio(VOICE)
    for _ in range(GAP_TICKS - 1):
        session.tick(steady=True)
    session.take_audio(VOICE * GAP_TICKS)
    for _ in range(GAP_TICKS - 1):
        session.tick(steady=True)
    assert ear.frames == [VOICE] * (GAP_TICKS + 1)
    assert session.filled == 0


def test_silence_is_told_whole_when_it_lasts(call: tuple[AudioSession, Ear]) -> None:
    session, ear = call
    session.take_audio(VOICE)
    for _ in range(GAP_TICKS + 10):
        session.tick(steady=True)
    assert ear.frames == [VOICE] + [SILENCE] * (GAP_TICKS + 10)


def test_a_late_clock_is_no_gap(call: tuple[AudioSession, Ear]) -> None:
    session, ear = call
    for _ in range(3 * GAP_TICKS):
        session.tick(steady=False)
    assert ear.frames == []
