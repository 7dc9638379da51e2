"""One engine at a time works in a home. In a cluster there are two: the spare has everything loaded
and waits for its turn, which the kernel gives it the moment the other is gone, however it died.

Loading Python and our libraries takes a second or two, which is the longest part of a restart.
"""

import fcntl
import os
import time

from hotline.home import Home

HEAD_START_S = 5.0
"""How long a spare lets the engine proper go first, when both are started together."""
LOOK_EVERY_S = 0.1


def take_turn(home: Home, *, spare: bool) -> int:
    """Wait until no other engine works in this home, then be the one: the descriptor that holds
    the turn until this process ends (it is never closed)."""
    lock = os.open(home.run / "engine.lock", os.O_RDWR | os.O_CREAT, 0o600)
    begun_s = time.monotonic()
    while spare and time.monotonic() - begun_s < HEAD_START_S:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            break
        fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep(LOOK_EVERY_S)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock
