"""The spare engine's turn comes the moment the engine before it is gone, and until that one has
had its turn for a while the next spare leaves it the processor."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import hotline.spare
from hotline.home import Home
from hotline.spare import CALM_S, HEAD_START_S, LOOK_EVERY_S, approach
from tests.servers import wait_until

SCRIPT = """
import sys, time
from pathlib import Path
import hotline.spare
from hotline.home import Home
hotline.spare.CALM_S = 0.5
from hotline.spare import approach, take_turn
take_turn(approach(Home(Path(sys.argv[1])), spare=sys.argv[2] == "spare"))
Path(sys.argv[3]).touch()
time.sleep(60)
"""


def engine(home: Path, kind: str, word: Path) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-c", SCRIPT, str(home), kind, str(word)]
    return subprocess.Popen(words)


def waits(process: "subprocess.Popen[bytes]") -> bool:
    """Whether the kernel holds it back at a lock that another has."""
    locks = Path("/proc/locks").read_text().splitlines()
    return any("->" in lock and str(process.pid) in lock.split() for lock in locks)


def test_the_spare_lets_the_engine_go_first_and_follows_at_once(tmp_path: Path) -> None:
    """Also after SIGKILL; and the engine that is started again is the next spare."""
    Home(tmp_path).run.mkdir()
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    spare = engine(tmp_path, "spare", second)
    running = [spare]
    try:
        time.sleep(0.5)  # the spare is there first
        active = engine(tmp_path, "engine", first)
        running.append(active)
        wait_until(first.exists, what="the engine's turn")
        wait_until(lambda: waits(spare), what="the spare waiting for its turn")
        assert not second.exists()
        active.kill()
        active.wait()
        killed_s = time.monotonic()
        wait_until(second.exists, what="the spare's turn")
        assert time.monotonic() - killed_s < HEAD_START_S, "given by the kernel, not looked for"
        next_one = engine(tmp_path, "engine", third)
        running.append(next_one)
        wait_until(lambda: waits(next_one), what="the next one waiting")
        assert not third.exists(), "one at a time"
        spare.kill()
        wait_until(third.exists, what="the next one's turn")
    finally:
        for process in running:
            process.kill()
            process.wait()


class Clock:
    """`hotline.spare`'s time: it passes only while that sleeps. `meanwhile` sees each moment."""

    def __init__(self, meanwhile: Callable[[float], None]) -> None:
        self.now_s = 0.0
        self._meanwhile = meanwhile

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self._meanwhile(self.now_s)


@contextmanager
def another_works(home: Home) -> Iterator[int]:
    """The engine before us, which has its turn: closing the descriptor ends it."""
    lock = os.open(home.run / "engine.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield lock
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


@pytest.mark.parametrize("spare", [True, False])
def test_the_next_engine_loads_nothing_while_the_one_before_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spare: bool
) -> None:
    """Whichever of the two was killed; afterwards it may load, and has to wait for its turn."""
    home = Home(tmp_path)
    home.run.mkdir()
    clock = Clock(lambda now_s: None)
    monkeypatch.setattr(hotline.spare, "time", clock)
    with another_works(home):
        turn = approach(home, spare=spare)
        assert clock.now_s == pytest.approx(CALM_S, abs=2 * LOOK_EVERY_S)
        with pytest.raises(BlockingIOError):
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(turn)


def test_when_the_one_before_is_gone_at_once_nobody_waits_for_calm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the turn then, and keeps it while it loads."""
    home = Home(tmp_path)
    home.run.mkdir()
    with another_works(home) as before:

        def dies(now_s: float) -> None:
            if now_s >= 1.0:
                fcntl.flock(before, fcntl.LOCK_UN)

        clock = Clock(dies)
        monkeypatch.setattr(hotline.spare, "time", clock)
        turn = approach(home, spare=False)
        assert clock.now_s == pytest.approx(1.0, abs=2 * LOOK_EVERY_S)
        with pytest.raises(BlockingIOError):
            fcntl.flock(before, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(turn)


def test_who_is_alone_begins_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine at once; a spare when the engine proper has let its head start pass."""
    home = Home(tmp_path)
    home.run.mkdir()
    clock = Clock(lambda now_s: None)
    monkeypatch.setattr(hotline.spare, "time", clock)
    os.close(approach(home, spare=False))
    assert clock.now_s == 0.0
    os.close(approach(home, spare=True))
    assert clock.now_s == pytest.approx(HEAD_START_S, abs=2 * LOOK_EVERY_S)
