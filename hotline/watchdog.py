"""A loop that doesn't turn leads nobody: the engine ends itself, and the supervisor starts it anew.

Callers are held by the dialplan meanwhile, as after any death of the engine. The standard
library's watchdog thread needs no help of the interpreter: it sees a stuck C call, too.
"""

import asyncio
import faulthandler

STUCK_S = 15.0
BEATS = 10


async def watch_loop(stuck_s: float = STUCK_S) -> None:
    """Until cancelled: the process ends, with all stacks on stderr, when the loop is stuck for so
    long. A process that was stopped (SIGSTOP) for that time ends when it goes on."""
    try:
        while True:
            faulthandler.dump_traceback_later(stuck_s, exit=True)
            await asyncio.sleep(stuck_s / BEATS)
    finally:
        faulthandler.cancel_dump_traceback_later()
