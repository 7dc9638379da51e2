"""Requests of the public web channel in SQL, on both stores."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from storage.clockwork import NoClocks
from storage.lives import Command, SqlLives
from storage.open311 import SqlOpen311, Wanted, WebRequest
from tests.storage.facts import NOON, ZONES, opened
from tests.tickets.lives import told
from tickets.life import Role
from tickets.model import Kind, Origin, Ticket

HOLE = WebRequest(
    "token-1", "040101", "道路:路面塌陷", Kind.COMPLAINT, "路面塌陷", "民族大道1号",
    lat=22.8, long=108.3, phone="13800138000", e164="+8613800138000",
    contact={"last_name": "李", "first_name": "明", "email": "li@example.org"},
    media_url="https://example.org/hole.jpg",
)  # fmt: skip
ALWAYS = Wanted(0, 2**40)


async def test_one_token_makes_one_ticket_also_at_the_same_moment(sql_url: str) -> None:
    made: list[tuple[Ticket, Origin | None]] = []
    async with opened(sql_url, deadline_s=20.0) as database:
        lives = SqlLives(database)
        door = SqlOpen311(
            database, NoClocks(), lives, ZONES, lambda ticket, was: made.append((ticket, was))
        )
        numbers = await asyncio.gather(*(door.make("default", HOLE, NOON) for _ in range(5)))
        assert len(set(numbers)) == 1
        assert [(ticket.origin, was) for ticket, was in made] == [(Origin.WEB, None)]
        assert await door.of_token("default", "token-1") == numbers[0]
        assert await door.of_token("baoji", "token-1") is None
        history = await lives.history("default", numbers[0])
        assert [kept.told.event for kept in history] == ["created", "submitted"]
        said = history[1].told.data
        assert said["class_code"] == "040101"
        assert said["text"] == (
            "路面塌陷\n经纬度:22.800000, 108.300000 (WGS84)\n图片:https://example.org/hole.jpg"
        ), "who handles it finds the place"
        assert (said["place"], said["requester"]) == ("民族大道1号", "李明")
        (shown,) = await door.find("default", ALWAYS)
        assert shown.description == "路面塌陷"
        silent = replace(HOLE, token="token-2", phone="", e164="")
        history = await lives.history("default", await door.make("default", silent, NOON))
        assert history[1].told.data["requester"] == "李明 li@example.org"


async def test_what_is_asked_for_is_found_the_newest_first(sql_url: str) -> None:
    async with opened(sql_url, deadline_s=20.0) as database:
        lives = SqlLives(database)
        door = SqlOpen311(database, NoClocks(), lives, ZONES)
        numbers = [
            await door.make(
                "default",
                replace(HOLE, token=f"token-{n}", service_code=f"04010{n}"),
                NOON + timedelta(hours=n),
            )
            for n in range(4)
        ]
        await lives.tell(Command("default", numbers[0], told("withdrawn", Role.SEAT)))
        await lives.tell(Command("default", numbers[1], told("confided", Role.REVIEWER)))

        async def found(wanted: Wanted, tenant: str = "default") -> list[str]:
            return [one.number for one in await door.find(tenant, wanted)]

        assert await found(ALWAYS) == [numbers[3], numbers[2], numbers[0]]
        assert await found(replace(ALWAYS, open=False)) == [numbers[0]]
        assert await found(replace(ALWAYS, closed=False)) == [numbers[3], numbers[2]]
        assert await found(replace(ALWAYS, services=("040102", "040100"))) == [
            numbers[2], numbers[0],
        ]  # fmt: skip
        assert await found(replace(ALWAYS, numbers=(numbers[0], "261121009999"))) == [numbers[0]]
        begin = int((NOON + timedelta(hours=3)).timestamp())
        assert await found(Wanted(begin, 2**40)) == [numbers[3]]
        assert await found(replace(ALWAYS, limit=1)) == [numbers[3]]
        assert await found(ALWAYS, "baoji") == []
