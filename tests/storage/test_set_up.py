"""Seats, hours and tokens as set up, on both stores."""

from dataclasses import replace
from datetime import timedelta

import pytest

from queue_manager.model import Seat
from storage.hours import HoursMode, HoursOverride, SqlHours
from storage.seats import SqlSeats, StoredSeat
from storage.tokens import SqlTokens, StoredToken
from tests.storage.facts import NOON, opened
from tickets.errors import StoreRefused

LI = Seat("nanning", "801", "李座席", "nanning-801", {"lang:cmn": 5, "lang:za": 3}, "team_1")


async def test_seats_come_back_by_number_and_tenant(sql_url: str) -> None:
    other = Seat("baoji", "801", "座席", "baoji-801", {})
    first = replace(LI, seat_id="800", endpoint="nanning-800")
    async with opened(sql_url) as database:
        seats = SqlSeats(database)
        for seat in (LI, other, first):
            await seats.add(seat, "d41d8cd9")
        assert await seats.list("nanning") == [
            StoredSeat(first, "d41d8cd9"), StoredSeat(LI, "d41d8cd9"),
        ]  # fmt: skip
        assert [stored.seat for stored in await seats.list()] == [other, first, LI]


async def test_a_seat_number_or_endpoint_is_given_once(sql_url: str) -> None:
    async with opened(sql_url) as database:
        seats = SqlSeats(database)
        await seats.add(LI, "")
        with pytest.raises(StoreRefused):
            await seats.add(replace(LI, endpoint="other"), "")
        with pytest.raises(StoreRefused):
            await seats.add(replace(LI, tenant="baoji", seat_id="9"), "")


async def test_a_seat_changes_and_goes(sql_url: str) -> None:
    async with opened(sql_url) as database:
        seats = SqlSeats(database)
        await seats.add(LI, "old")
        assert await seats.set_skills("nanning", "801", {"svc:12333": 1})
        assert await seats.set_credential("nanning", "801", "new")
        assert await seats.set_team("nanning", "801", "team_2")
        changed = replace(LI, skills={"svc:12333": 1}, team="team_2")
        assert await seats.list() == [StoredSeat(changed, "new")]
        assert not await seats.set_team("baoji", "801", "")
        assert not await seats.set_skills("baoji", "801", {})
        assert await seats.remove("nanning", "801")
        assert not await seats.remove("nanning", "801")
        assert await seats.list() == []


async def test_an_override_replaces_the_earlier_one_of_its_lines(sql_url: str) -> None:
    all_lines = HoursOverride("nanning", "", HoursMode.CLOSED, NOON, "supervisor 1")
    line = HoursOverride("nanning", "12333", HoursMode.OPEN, NOON, "supervisor 2")
    later = replace(all_lines, mode=HoursMode.AUTO, set_at=NOON + timedelta(hours=1))
    async with opened(sql_url) as database:
        hours = SqlHours(database)
        for override in (all_lines, line, later):
            await hours.set(override)
        assert await hours.of("nanning") == {"": later, "12333": line}
        assert await hours.of("baoji") == {}


async def test_a_token_is_found_revoked_once_and_kept(sql_url: str) -> None:
    token = StoredToken(
        "a1b2", "0" * 64, "seat", "nanning", NOON, seat_id="801", label="screen",
        expires_at=NOON + timedelta(days=1),
    )  # fmt: skip
    async with opened(sql_url) as database:
        tokens = SqlTokens(database)
        await tokens.add(token)
        assert await tokens.find("a1b2") == token
        assert await tokens.find("zzzz") is None
        assert await tokens.list("nanning") == [token] == await tokens.list()
        assert await tokens.list("baoji") == []
        assert await tokens.revoke("a1b2", NOON)
        assert not await tokens.revoke("a1b2", NOON)
        assert await tokens.find("a1b2") == replace(token, revoked_at=NOON)
        with pytest.raises(StoreRefused):
            await tokens.add(replace(token, token_id="c3d4"))
