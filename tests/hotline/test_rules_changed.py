"""Rules that change while due dates are counted by others: the last ones hold in the end."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from hotline.clock_watch import ClockWatch
from hotline.policies import RuleBook
from storage.database import Database
from tests.hotline.test_clock_watch import Hands
from tests.storage.clock_house import GUANGXI, TENANT, House, preset, silent
from tickets.model import Kind
from tickets.timetable import Rules, rules_of

SHANDONG = rules_of(preset("shandong"), GUANGXI.calendar)
CHUNKS = 2
"""Commits of a counting that has one ticket to count: the ticket, and that it was the last."""


class Turning(Database):
    """A store in which something happens just when the `at`-th write from now is durable."""

    at = 0
    happens: Callable[[], None]

    async def write(self, *asked: Any, **more: Any) -> Any:
        result = await super().write(*asked, **more)
        self.at -= 1
        if self.at == 0:
            self.happens()
        return result


@pytest.mark.parametrize("chunk", range(1, CHUNKS + 1))
async def test_rules_that_change_in_a_commit_of_the_counting_are_counted_by(
    sql_url: str, chunk: int
) -> None:
    database = Turning(sql_url, deadline_s=20.0)
    await database.start()
    try:
        house = House(database)
        number = await house.dispatched(Kind.COMPLAINT)
        old = await _counted_by(house, number, GUANGXI)
        new = await _counted_by(house, number, SHANDONG)
        assert old != new
        book = RuleBook({TENANT: GUANGXI})
        watcher = ClockWatch(database, book, [TENANT], silent(), Hands(house))
        database.happens = partial(_turn, watcher, book, SHANDONG)
        database.at = chunk
        for _ in range(3 * CHUNKS):
            await watcher.count_anew()
        assert database.at <= 0, "they changed while it counted"
        assert (await house.clocks(number))["finish"].due == new
    finally:
        await database.close()


async def _counted_by(house: House, number: str, rules: Rules) -> int | None:
    """When a ticket is due once all is counted by these rules."""
    book = RuleBook({TENANT: rules})
    watcher = ClockWatch(house.database, book, [TENANT], silent(), Hands(house))
    for _ in range(CHUNKS):
        await watcher.count_anew()
    return (await house.clocks(number))["finish"].due


def _turn(watcher: ClockWatch, book: RuleBook, rules: Rules) -> None:
    book.use(RuleBook({TENANT: rules}))
    watcher.rules_changed()
