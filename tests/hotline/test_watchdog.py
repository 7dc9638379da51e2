"""An engine whose loop is stuck ends itself; one that turns, or has ended in order, doesn't."""

import subprocess
import sys

PROGRAM = """
import asyncio, sys, time
from hotline.watchdog import watch_loop

async def main():
    watching = asyncio.create_task(watch_loop(1.0))
    await asyncio.sleep(2.2)
    print("turning", flush=True)
    if sys.argv[1] == "stuck":
        time.sleep(30)
    watching.cancel()
    await asyncio.wait({watching})
    time.sleep(2.2)
    print("ended in order", flush=True)

asyncio.run(main())
"""


def _run(how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, how],
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )


def test_a_stuck_loop_ends_the_process_and_says_where() -> None:
    done = _run("stuck")
    assert done.returncode != 0
    assert done.stdout == "turning\n"
    assert "Timeout" in done.stderr
    assert "in main" in done.stderr


def test_a_loop_that_turns_is_left_alone_also_after_its_end() -> None:
    done = _run("fine")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "turning\nended in order\n"
