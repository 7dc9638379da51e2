"""The heap goes into huge pages where the kernel can do that, and only the heap."""

import asyncio
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hotline import huge_pages
from hotline.huge_pages import HUGE, SETTLED, collapse_heap, dense, into_huge_pages, running

MB = 1024 * 1024
SMAPS = """\
55d0c0000000-55d0c0800000 r-xp 00000000 08:01 131 /usr/bin/python3.11
Size:               8192 kB
Rss:                8192 kB
55d0c0a00000-55d0c1300000 rw-p 00000000 00:00 0                          [heap]
Size:               9216 kB
Rss:                9000 kB
7f0000100000-7f0000500000 rw-p 00000000 00:00 0
Size:               4096 kB
Rss:                4096 kB
7f0001000000-7f0001800000 rw-p 00000000 00:00 0
Size:               8192 kB
Rss:                  20 kB
7f0002000000-7f0002100000 rw-p 00000000 00:00 0
Size:               1024 kB
Rss:                1024 kB
7f0003000000-7f0003800000 rw-p 00000000 08:01 132 /usr/lib/libpython.so
Size:               8192 kB
Rss:                8192 kB
7f0004000000-7f0004800000 ---p 00000000 00:00 0
Size:               8192 kB
Rss:                   0 kB
7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0                          [stack]
Size:               8192 kB
Rss:                8192 kB
"""


def test_whole_pages_of_what_is_in_use_and_of_nothing_else() -> None:
    """Code, files, stacks, what is empty and what is smaller than a huge page stay as they are."""
    assert list(dense(SMAPS)) == [
        (0x55D0C0A00000, 0x55D0C1200000),
        (0x7F0000200000, 0x7F0000400000),
    ]


def test_a_heap_is_taken_in_and_keeps_what_it_holds() -> None:
    """Where the kernel refuses nothing is taken in, and nothing is said."""
    kept = [str(number) * 3 for number in range(300_000)]
    done = collapse_heap()
    assert done % HUGE == 0
    assert all(text == str(number) * 3 for number, text in enumerate(kept))


def test_without_the_kernels_word_nothing_is_done(tmp_path: Path) -> None:
    assert collapse_heap(tmp_path / "smaps") == 0


def test_threads_that_run_are_counted(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  1 2 3\nprocs_running 7\nprocs_blocked 0\n")
    assert running(stat) == 7
    assert running(tmp_path / "none") == 0
    assert running() >= 1


async def test_a_busy_machine_is_left_alone_until_it_is_calm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Callers who all come at once would wait with us."""
    stat = tmp_path / "stat"
    stat.write_text(f"procs_running {(os.cpu_count() or 1) + 1}\n")
    monkeypatch.setattr(huge_pages, "LOOK_EVERY_S", 0.01)
    looked = 0

    def read() -> int:
        nonlocal looked
        looked += 1
        return running(stat)

    monkeypatch.setattr(huge_pages, "running", read)
    with capture_logs() as logs:
        work = asyncio.create_task(into_huge_pages())
        while looked < 20:
            await asyncio.sleep(0)
        assert not logs
        stat.write_text("procs_running 1\n")
        await work
    assert [entry["event"] for entry in logs] == [SETTLED]


async def test_a_machine_that_is_never_calm_has_it_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(huge_pages, "running", lambda: 1000)
    with capture_logs() as logs:
        await into_huge_pages(0)
    assert [entry["event"] for entry in logs] == [SETTLED]
