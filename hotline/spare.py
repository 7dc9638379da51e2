"""One engine at a time works in a home. In a cluster there are two: the spare has everything loaded
and waits for its turn, which the kernel gives it the moment the other is gone, however it died.

Loading Python and our libraries takes a second or two, which is the longest part of a restart. So
the next spare loads nothing (`approach`) while the one before it takes over: it would take the very
processor its callers wait for.
"""

import fcntl
import os
import time

from hotline.home import Home

HEAD_START_S = 5.0
"""How long a spare lets the engine proper go first, when both are started together."""
CALM_S = 4.0
"""How long an engine has its turn before the next one loads what it needs."""
LOOK_EVERY_S = 0.1


def approach(home: Home, *, spare: bool) -> int:
    """To be called before much is loaded: returns at once where nobody works here (a spare lets
    the engine go first), else when whoever does has done so for a while, or is gone. The
    descriptor to `take_turn` with."""
    lock = os.open(home.run / "engine.lock", os.O_RDWR | os.O_CREAT, 0o600)
    begun_s = time.monotonic()
    while spare and time.monotonic() - begun_s < HEAD_START_S and _free(lock):
        fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep(LOOK_EVERY_S)
    begun_s = time.monotonic()
    while not _free(lock) and time.monotonic() - begun_s < CALM_S:
        time.sleep(LOOK_EVERY_S)
    return lock


def take_turn(lock: int) -> None:
    """Wait until no other engine works in this home, then be the one, until this process ends
    (the descriptor is never closed)."""
    fcntl.flock(lock, fcntl.LOCK_EX)


def _free(lock: int) -> bool:
    """Whether nobody else has the turn: then we have it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
