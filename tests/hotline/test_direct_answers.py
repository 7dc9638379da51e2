"""The wall tells how many of today's tickets were answered on the call."""

import asyncio
from datetime import datetime, timedelta

import pytest

from hotline import direct_answers
from hotline.direct_answers import DirectAnswers
from tests.storage.clock_house import TENANT, house_on
from tests.storage.facts import SHANGHAI, call_facts, new_ticket, until
from tickets.life import Actor, Role


class At:
    """A clock that stands."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


async def test_answers_on_the_call_are_counted_while_somebody_looks(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As published: of accepted tickets, those the seat closed itself; tomorrow's count is none."""
    monkeypatch.setattr(direct_answers, "EVERY_S", 0.02)
    async with house_on(sqlite_url) as house:
        clock = At(house.now)
        answers = DirectAnswers(house.database, {TENANT: SHANGHAI}, clock)
        assert answers.of(TENANT) == (0, 0)
        task = asyncio.create_task(answers.run())
        talk = new_ticket("talk-1", at=house.now, facts=call_facts("talk-1"))
        number = (await house.tickets.create(talk)).number
        await house.tell(number, "answered", Actor("801", Role.SEAT), answer="九点开门")
        await house.ticket()
        await until(lambda: answers.of(TENANT) == (1, 2))
        clock.at += timedelta(days=1)
        assert answers.of(TENANT) == (0, 0)
        task.cancel()
