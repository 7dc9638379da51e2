"""The heap goes into huge pages where the kernel can do that, and only the heap."""

from pathlib import Path

from hotline.huge_pages import HUGE, collapse_heap, dense

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
