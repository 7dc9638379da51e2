"""The engine's threads share one heap."""

import re
import subprocess
import sys

PROGRAM = """
import json, sys, threading
from hotline.one_arena import one_arena
if sys.argv[1] == "one":
    assert one_arena()
gate = threading.Barrier(4)
def work():
    gate.wait()
    kept = [json.dumps({"text": str(i) * 400}) for i in range(2000)]
    gate.wait()
threads = [threading.Thread(target=work) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(open("/proc/self/maps").read())
"""
HEAP_BYTES = 64 * 1024 * 1024
"""glibc keeps so much of the address space for the heap of a thread: used, and free behind it."""
HEAP = re.compile(r"^(\w+)-(\w+) rw-p .*\n\2-(\w+) ---p ", re.MULTILINE)


def heaps_of_threads(how: str) -> int:
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    begins_and_ends = [(int(m[1], 16), int(m[3], 16)) for m in HEAP.finditer(told)]
    return sum(begin + HEAP_BYTES == end for begin, end in begins_and_ends)


def test_threads_have_no_heap_of_their_own() -> None:
    """Without it they have: so the test would see it."""
    assert heaps_of_threads("as it was")
    assert heaps_of_threads("one") == 0
