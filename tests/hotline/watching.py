"""A watcher as a process, to be killed: `python -m tests.hotline.watching URL TIME COMMITS`."""

import asyncio
import sys
from datetime import datetime
from functools import partial

from hotline.clock_watch import told_by
from storage.clock_watching import give_due
from tests.storage.clock_house import TENANT, house_on
from tickets.calendar import seconds

FEW = 3


async def watch(url: str, now: datetime, commits: int) -> None:
    """Give what is due, a few clocks a commit, a line for each; then wait to be killed."""
    async with house_on(url) as house:
        give = partial(
            give_due, tenant=TENANT, rules=house.rules, now=seconds(now), limit=FEW,
            tell=told_by(house.lives),
        )  # fmt: skip
        for _ in range(commits):
            await house.database.write(give)
            print("given", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(watch(sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3])))
