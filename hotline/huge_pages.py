"""The heap in huge pages, so that a call's wakes miss the processor's page tables less often.

A call wakes the engine some ten times for very little, and between two wakes its caches go to
others; walking small pages is a good part of what each wake costs. Best effort: where the kernel
can't (before 6.1, not Linux, no memory in one piece) all stays as it was.
https://man7.org/linux/man-pages/man2/madvise.2.html (MADV_COLLAPSE)
"""

import asyncio
import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

MADV_COLLAPSE = 25
HUGE = 2 * 1024 * 1024
LATER_S = 5.0
"""After the start callers come who waited for this engine: they are led first."""
SMAPS = Path("/proc/self/smaps")
_MAPPING = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ \S+ 0 *(?:\[heap\])?\n(?:.*\n)*?Rss: +(\d+) kB$",
    re.MULTILINE,
)


async def into_huge_pages(later_s: float = 0.0) -> None:
    """`collapse_heap` beside the loop: the kernel takes a second for it, mostly waiting, and
    whoever touches that memory waits with it."""
    await asyncio.sleep(later_s)
    await asyncio.to_thread(collapse_heap)


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
