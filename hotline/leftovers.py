"""Processes of an earlier start that are still there: known by pid and start time, and ended.

The parts die with whoever started them; this is for the day that fails.
"""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def remember(file: Path, pids: Iterable[int]) -> None:
    """Write down these processes and all below them (replacing what was there)."""
    family = {known for pid in pids for known in _family(pid)}
    text = json.dumps({"boot": BOOT_ID.read_text().strip(), "processes": sorted(family)})
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


def sweep(file: Path, *, patience_s: float) -> int:
    """End what is remembered and still alive: SIGTERM, then SIGKILL. How many there were."""
    alive = _remembered(file)
    found = len(alive)
    deadline = time.monotonic() + patience_s
    for how in (signal.SIGTERM, signal.SIGKILL):
        for pid, started in alive:
            if _started(pid) == started:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, how)
        while alive and time.monotonic() < deadline:
            alive = [(pid, started) for pid, started in alive if _started(pid) == started]
            time.sleep(0.02)
        deadline = time.monotonic() + 2.0  # SIGKILL needs no patience
    file.unlink(missing_ok=True)
    return found


def alive(file: Path) -> list[int]:
    """Process ids that are remembered and still there."""
    return [pid for pid, _ in _remembered(file)]


def _remembered(file: Path) -> list[tuple[int, str]]:
    """A pid counts only with the start time it had, in the same boot: pids are used again."""
    try:
        known = json.loads(file.read_text())
        if known["boot"] != BOOT_ID.read_text().strip():
            return []
        pairs = [(int(pid), str(started)) for pid, started in known["processes"]]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError):
        return []  # half written at a power cut: the boot was another one anyway
    return [(pid, started) for pid, started in pairs if _started(pid) == started]


def _family(pid: int) -> list[tuple[int, str]]:
    with contextlib.suppress(psutil.NoSuchProcess):
        below = [child.pid for child in psutil.Process(pid).children(recursive=True)]
        return [(p, started) for p in (pid, *below) if (started := _started(p))]
    return []


def _started(pid: int) -> str:
    """Start time in clock ticks since boot (proc(5), stat field 22); "" for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]
