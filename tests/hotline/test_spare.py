"""The spare engine's turn comes the moment the engine before it is gone."""

import subprocess
import sys
import time
from pathlib import Path

from hotline.home import Home
from hotline.spare import HEAD_START_S
from tests.servers import wait_until

SCRIPT = """
import sys, time
from pathlib import Path
from hotline.home import Home
from hotline.spare import take_turn
lock = take_turn(Home(Path(sys.argv[1])), spare=sys.argv[2] == "spare")
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


def test_a_spare_without_an_engine_begins_by_itself(tmp_path: Path) -> None:
    Home(tmp_path).run.mkdir()
    word = tmp_path / "word"
    spare = engine(tmp_path, "spare", word)
    try:
        wait_until(word.exists, what="the spare's turn")
    finally:
        spare.kill()
        spare.wait()
