"""The heap in huge pages, so that a call's wakes miss the processor's page tables less often.

A call wakes the engine some ten times for very little, and between two wakes its caches go to
others; walking small pages is a good part of what each wake costs. Best effort: where the kernel
can't (before 6.1, not Linux, no memory in one piece) all stays as it was.
https://man7.org/linux/man-pages/man2/madvise.2.html (MADV_COLLAPSE)
"""

import asyncio
import ctypes
import os
import re
from collections.abc import Iterator
from pathlib import Path

import structlog

MADV_COLLAPSE = 25
HUGE = 2 * 1024 * 1024
MB = 1_000_000
LONGEST_S = 600.0
LOOK_EVERY_S = 1.0
LOOKS, BETWEEN_S = 5, 0.05
SETTLED = "heap_in_huge_pages"
"""What is in the log when it is done."""
STAT = Path("/proc/stat")
SMAPS = Path("/proc/self/smaps")
_RUNNING = re.compile(r"^procs_running (\d+)$", re.MULTILINE)
_MAPPING = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 *(?:\[heap\])?\n(?:.*\n)*?Rss: +(\d+) kB$",
    re.MULTILINE,
)


log = structlog.get_logger(__name__)


async def into_huge_pages(longest_s: float = LONGEST_S) -> None:
    """`collapse_heap` beside the loop, once the machine has a CPU to spare, and after `longest_s`
    in any case.

    The kernel takes up to a second for it, and whoever touches that memory meanwhile waits: with
    callers who all came at once, as after a restart, one seat in a hundred rang 50 to 110 ms late.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + longest_s
    while loop.time() < until:
        if await _calm():
            break
        await asyncio.sleep(LOOK_EVERY_S)
    done = await asyncio.to_thread(collapse_heap)
    log.info(SETTLED, mb=round(done / MB))


async def _calm() -> bool:
    """Whether half of the CPUs have nothing to do, several looks in a row; we are one that runs."""
    for _ in range(LOOKS):
        if running() > max(1, (os.cpu_count() or 1) // 2):
            return False
        await asyncio.sleep(BETWEEN_S)
    return True


def running(stat: Path = STAT) -> int:
    """How many threads of the machine run or wait for a CPU; 0 where that isn't told.
    https://man7.org/linux/man-pages/man5/proc_stat.5.html"""
    try:
        told = _RUNNING.search(stat.read_text())
    except OSError:
        return 0
    return int(told[1]) if told else 0


def collapse_heap(smaps: Path = SMAPS) -> int:
    """Put what is on the heap now into huge pages; how many bytes that took in."""
    try:
        madvise = ctypes.CDLL(None).madvise
        text = smaps.read_text()
    except (OSError, AttributeError):
        return 0
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    done = 0
    for begin, end in dense(text):
        if madvise(begin, end - begin, MADV_COLLAPSE) == 0:
            done += end - begin
    return done


def dense(smaps: str) -> Iterator[tuple[int, int]]:
    """The whole huge pages of private memory without a file that is in use for the most part: the
    stacks of threads aren't, and would only grow."""
    for begin, end, rss_kb in _MAPPING.findall(smaps):
        first, last = int(begin, 16), int(end, 16)
        if int(rss_kb) * 1024 * 2 < last - first:
            continue
        aligned = -(-first // HUGE) * HUGE
        until = last // HUGE * HUGE
        if aligned < until:
            yield aligned, until
