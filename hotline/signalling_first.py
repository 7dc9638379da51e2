"""Runs Asterisk with signalling before media: its own threads go before those of its calls.

Each call has a thread that wakes fifty times a second for its sound. Where thousands of them fill
all cores, the few threads that read SIP waited as long as any: INVITEs weren't answered in time,
ACKs not read within the 32 s after which a call is ended (docs/decisions/0404). So the threads that
Asterisk has when it is fully booted get real-time priority, and those they begin later, a call's
among them, do not (reset on fork): too much load costs sound, not calls.

`python -m hotline.signalling_first COMMAND`: becomes the command (the box with `asterisk … -f` in
it), while a process beside it waits for the boot, does this once and ends. It needs root or the
limit RLIMIT_RTPRIO; without either Asterisk runs all the same, and its output says so.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

PROGRAM = "asterisk"
POLICY = os.SCHED_RR | os.SCHED_RESET_ON_FORK
PRIORITY = os.sched_param(1)
"""Before every ordinary thread, behind everything else that is in real time."""
LOOK_S = 0.2
BOOT_S = 120.0


def main(command: Sequence[str]) -> None:
    """Become the command; give its Asterisk precedence as soon as that is booted."""
    box = os.getpid()
    if (child := os.fork()) == 0:
        if os.fork() == 0:  # no child of the box, which would have to know what to do with it
            _once_booted(box, [*command[:-1], "-rx", "core waitfullybooted"])
        os._exit(0)
    os.waitpid(child, 0)
    os.execvp(command[0], list(command))  # noqa: S606 - our own part


def _once_booted(box: int, ask: Sequence[str]) -> None:
    deadline = time.monotonic() + BOOT_S
    while time.monotonic() < deadline and _lives(box):
        time.sleep(LOOK_S)  # there is nothing to be awaited before it has a socket to be asked by
        asterisk = next(_asterisks(box), None)
        if asterisk is not None and _booted(ask):
            _tell(give_precedence(asterisk))
            return


def _booted(ask: Sequence[str]) -> bool:
    told = subprocess.run(ask, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return told.returncode == 0


def give_precedence(pid: int) -> str:
    """All threads that a process has now go before others, those they begin don't. "" when that is
    done, else why it isn't."""
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            try:
                os.sched_setscheduler(int(thread), POLICY, PRIORITY)
            except ProcessLookupError:
                continue  # it has ended meanwhile
    except FileNotFoundError:
        return "Asterisk has ended"
    except OSError as error:
        return f"{error.strerror}: start as root, or allow RLIMIT_RTPRIO 1"
    return ""


def _tell(problem: str) -> None:
    outcome = f"not given ({problem})" if problem else "given to all threads of the boot"
    print(f"hotline: precedence of signalling over media {outcome}", file=sys.stderr, flush=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _asterisks(box: int) -> Iterator[int]:
    """The Asterisk that runs in a box: a descendant of its process."""
    parents, found = {}, []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                told = (folder / "stat").read_text()
            except OSError:
                continue  # it has ended meanwhile
            name, _, rest = told.partition("(")[2].rpartition(") ")
            parents[int(folder.name)] = int(rest.split()[1])
            found += [int(folder.name)] if name == PROGRAM else []
    for pid in found:
        above = parents[pid]
        while above > 1 and above != box:
            above = parents.get(above, 0)
        if above == box:
            yield pid


if __name__ == "__main__":
    main(sys.argv[1:])
