"""What citizens said of a talk: a row of its call and an event of its ticket, once."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from storage.talk_ratings import talk_ratings
from tests.storage.clock_house import TENANT, house_on
from tests.storage.facts import NOON, new_ticket
from tickets.model import Rating


async def test_a_rating_is_a_fact_of_call_and_ticket_however_often_it_is_told(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        talk = new_ticket("n-1.77", seat_id="801")
        number = (await house.tickets.create(talk)).number
        rated = replace(talk, rating=Rating.DEFAULT, at=NOON + timedelta(minutes=3))
        for _ in range(2):
            assert (await house.tickets.create(rated)).number == number
        rows = await house.database.read(lambda c: c.execute(select(talk_ratings)).all())
        (row,) = rows
        assert (row.tenant, row.call_id, row.number) == (TENANT, "n-1.77", number)
        assert (row.seat_id, row.rating) == ("801", "default")
        told = [kept.told for kept in await house.lives.history(TENANT, number)]
        assert [(one.event, one.data["rating"]) for one in told] == [
            ("created", ""),
            ("merged", "default"),
        ]
