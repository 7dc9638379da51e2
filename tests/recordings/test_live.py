"""Recordings that the engine writes: whole at any moment, whatever the disk does."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from recordings import live
from recordings.live import LiveRecordings
from recordings.wav import wav_length_s

STORED = "recordings/requests/2026/11/22/c-1-1.wav"
SECOND = b"\x01\x02" * 8000


@asynccontextmanager
async def recordings(home: Path) -> AsyncIterator[LiveRecordings]:
    given = LiveRecordings(home)
    try:
        yield given
    finally:
        await given.close()


def heard(file: Path) -> bytes:
    with wave.open(str(file)) as sound:
        return sound.readframes(sound.getnframes())


async def until_written(file: Path, seconds: float) -> None:
    async with asyncio.timeout(20):
        while not file.exists() or wav_length_s(file) < seconds:
            await asyncio.sleep(0.02)


async def test_what_is_said_is_on_the_disk_while_he_still_speaks(tmp_path: Path) -> None:
    """A player can open the file before it is finished."""
    async with recordings(tmp_path) as given:
        recording = given.begin(STORED)
        recording.write(SECOND)
        await until_written(tmp_path / STORED, 1.0)
        assert heard(tmp_path / STORED) == SECOND
        recording.write(SECOND)
        await given.finish(recording)
        assert heard(tmp_path / STORED) == SECOND * 2


async def test_a_piece_is_read_back_while_it_goes_on(tmp_path: Path) -> None:
    """Also of what has not been written yet; beyond the end there is nothing."""
    async with recordings(tmp_path) as given:
        recording = given.begin(STORED)
        recording.write(SECOND + bytes(16000) + SECOND)
        assert await given.read(recording, 0.5, 1.5) == SECOND[:8000] + bytes(8000)
        assert await given.read(recording, 2.5, 99.0) == SECOND[:8000]
        assert await given.read(recording, 5.0, 9.0) == b""


async def test_an_engine_that_is_killed_leaves_a_whole_file(tmp_path: Path) -> None:
    """SIGKILL in the middle of speech: all but the last moment can be played."""
    script = f"""
import asyncio
from pathlib import Path
from recordings.live import LiveRecordings
async def main():
    given = LiveRecordings(Path({str(tmp_path)!r}))
    recording = given.begin({STORED!r})
    while True:
        recording.write(bytes([1, 2]) * 160)
        await asyncio.sleep(0.02)
asyncio.run(main())
"""
    engine = subprocess.Popen([sys.executable, "-c", script])
    try:
        await until_written(tmp_path / STORED, 0.5)
    finally:
        engine.send_signal(signal.SIGKILL)
        engine.wait()
    sound = heard(tmp_path / STORED)
    assert len(sound) >= 8000
    assert set(sound[::2]) == {1}


async def test_the_next_engine_goes_on_behind_what_is_there(tmp_path: Path) -> None:
    """Nothing of what an engine before us recorded is written over; places count from ours."""
    async with recordings(tmp_path) as given:
        first = given.begin(STORED)
        first.write(SECOND)
        await given.finish(first)
        second = given.begin(STORED)
        second.write(b"\x07\x07" * 8000)
        assert await given.read(second, 0.0, 9.0) == b"\x07\x07" * 8000
        await given.finish(second)
    assert heard(tmp_path / STORED) == SECOND + b"\x07\x07" * 8000


async def test_a_full_disk_costs_no_call_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said; when there is room again all of it is written."""
    # A file may grow no further: the same to us as a full disk, and as real.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(live, "WRITE_EVERY_S", 0.02)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    async with recordings(tmp_path) as given:
        recording = given.begin(STORED)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, hard))
            recording.write(SECOND * 2)
            async with asyncio.timeout(20):
                while not recording.failed:
                    await asyncio.sleep(0.02)
            assert wav_length_s(tmp_path / STORED) > 1.0, "what found room is there"
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
        recording.write(SECOND)
        await given.finish(recording)
        assert not recording.failed
    assert heard(tmp_path / STORED) == SECOND * 3


async def test_a_disk_that_stays_full_takes_no_more_memory_than_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too old is given up; later sound still lies at its place."""
    monkeypatch.setattr(live, "KEPT_BYTES", len(SECOND))
    (tmp_path / "recordings").write_text("a file where a folder should be")
    async with recordings(tmp_path) as given:
        recording = given.begin(STORED)
        recording.write(SECOND * 3)
        assert await given.read(recording, 0.0, 3.0) == b""
        assert recording.failed
        os.unlink(tmp_path / "recordings")
        recording.write(b"\x07\x07" * 8000)
        assert await given.read(recording, 2.0, 4.0) == SECOND + b"\x07\x07" * 8000
        await given.finish(recording)
    assert heard(tmp_path / STORED) == bytes(32000) + SECOND + b"\x07\x07" * 8000


def test_a_strange_path_is_refused(tmp_path: Path) -> None:
    """Nothing is ever written outside of the home."""
    with pytest.raises(ValueError, match="not below"):
        LiveRecordings(tmp_path).begin("../elsewhere.wav")
