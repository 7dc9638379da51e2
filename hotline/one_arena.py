"""One heap for all of the engine's threads.

glibc gives each thread that asks at the same time as another a heap of its own and keeps what they
grew to. Python's threads take turns anyway, so that several heaps only hold holes.
https://man7.org/linux/man-pages/man3/mallopt.3.html (M_ARENA_MAX)
"""

import ctypes

M_ARENA_MAX = -8


def one_arena() -> bool:
    """From here on no thread gets a heap of its own; False where the C library can't (no glibc).

    To be called before the first thread is started: heaps that are there stay.
    """
    try:
        return bool(ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1))
    except (OSError, AttributeError):
        return False
