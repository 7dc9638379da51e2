"""A watcher that is killed (SIGKILL) in the middle of its work: each card is given once."""

import asyncio
import sys
from collections import Counter
from pathlib import Path

from hotline.clock_watch import told_by
from storage.clock_watching import give_due
from tests.storage.clock_house import TENANT, House, house_on
from tickets.calendar import seconds
from tickets.model import Kind

PROJECT = Path(__file__).resolve().parents[2]
TICKETS, KILLS = 30, 2
ALL_FIVE = ["circular", "notice", "red_card", "reminder", "yellow_card"]


async def test_killed_and_begun_again_it_gives_every_card_once(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        numbers = [await house.dispatched(Kind.CONSULTATION) for _ in range(TICKETS)]
        house.later(days=60)
        for commits in range(1, KILLS + 1):
            await _killed_after(sql_url, house, commits)
        seen = await house.marks()
        assert 0 < len(seen) < TICKETS * 7, "it died in the middle"
        await _rest(house)
        marks = await house.marks()
        assert len(marks) == len(set(marks))
        given = Counter(number for number, clock, _ in marks if clock == "finish")
        assert given == dict.fromkeys(numbers, len(ALL_FIVE))
        for number in numbers:
            events = Counter(await house.events(number))
            assert events["circulated"] == events["overdue_told"] == 1
            assert events["red_card"] == 2, "one for signing, one for finishing"


async def _killed_after(url: str, house: House, commits: int) -> None:
    """Killed when that many commits were told, while it is at the next one."""
    watcher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.hotline.watching", url, house.now.isoformat(),
        str(commits + 1),
        cwd=PROJECT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert watcher.stdout is not None
    try:
        async with asyncio.timeout(60):
            for _ in range(commits):
                while (line := await watcher.stdout.readline()) != b"given\n":
                    assert line, "it ended before it was killed"
    finally:
        watcher.kill()
        await watcher.wait()


async def _rest(house: House) -> None:
    tell, now = told_by(house.lives), seconds(house.now)
    while True:
        done = await house.database.write(lambda c: give_due(c, TENANT, house.rules, now, tell))
        if not done.looked:
            return
