"""What an earlier start left behind is ended, and nobody else."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hotline.leftovers import alive, remember, sweep
from tests.servers import wait_until

FAMILY = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
STUBBORN = (
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); sys.stdin.read()"
)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child of its own; both wait for ever."""
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdin=subprocess.PIPE) as started:
        parent = psutil.Process(started.pid)
        wait_until(lambda: bool(parent.children()), what="the child")
        yield started
        for left in [*parent.children(recursive=True), parent] if parent.is_running() else []:
            left.kill()


def test_a_process_and_those_below_it_are_ended(
    tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    file = tmp_path / "processes.json"
    child = psutil.Process(process.pid).children()[0]
    remember(file, [process.pid])
    assert set(alive(file)) == {process.pid, child.pid}
    assert sweep(file, patience_s=5) == 2
    process.wait(5)
    wait_until(lambda: not child.is_running(), what="the child's end")
    assert not file.exists()


def test_a_pid_used_again_by_another_is_left_alone(
    tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    file = tmp_path / "processes.json"
    remember(file, [process.pid])
    told = json.loads(file.read_text())
    told["processes"] = [[pid, str(int(ticks) - 1)] for pid, ticks in told["processes"]]
    file.write_text(json.dumps(told))
    assert sweep(file, patience_s=1) == 0
    assert process.poll() is None


def test_pids_of_another_boot_are_left_alone(
    tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    file = tmp_path / "processes.json"
    remember(file, [process.pid])
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "boot": "another"}))
    assert sweep(file, patience_s=1) == 0
    assert process.poll() is None


def test_one_that_is_deaf_to_sigterm_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STUBBORN]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as stubborn:  # type: ignore[call-overload]  # mypy can't see through the dict
        assert stubborn.stdout.readline() == b"deaf\n"
        remember(tmp_path / "p.json", [stubborn.pid])
        assert sweep(tmp_path / "p.json", patience_s=0.2) == 1
        assert stubborn.wait(5) == -9


@pytest.mark.parametrize("text", ["", "{", "[]", '{"boot": 1}', '{"processes": [1]}'])
def test_a_broken_memory_is_forgotten(tmp_path: Path, text: str) -> None:
    file = tmp_path / "processes.json"
    file.write_text(text)
    assert sweep(file, patience_s=1) == 0


def test_no_memory_is_no_leftover(tmp_path: Path) -> None:
    assert sweep(tmp_path / "none.json", patience_s=1) == 0
