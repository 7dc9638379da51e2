"""Writes down, once for all workers, the tests as pytest rewrites them.

pytest gives assertions their long answers while it imports a test, and each worker would do that
with all of them: eight seconds of computing, times five. Written next to the sources, as Python
does with what it has compiled, it is done once, by as many processes as there are cores.

`python -m tests.rewriting`: says nothing; what can't be imported is told by the tests themselves.
"""

import os
import subprocess
import sys
from pathlib import Path

FORBIDS = "PYTHONDONTWRITEBYTECODE"


def main() -> None:
    files = sorted(Path("tests").rglob("test_*.py"), key=lambda file: -file.stat().st_size)
    cores = os.cpu_count() or 1
    environment = {name: value for name, value in os.environ.items() if name != FORBIDS}
    collect = (sys.executable, "-m", "pytest", "--collect-only", "--quiet", "--numprocesses=0")
    running = [
        subprocess.Popen(
            (*collect, *map(str, files[core::cores])),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for core in range(cores)
    ]
    for process in running:
        process.wait()


if __name__ == "__main__":
    main()
