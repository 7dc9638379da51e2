"""A seat that types has suggestions; who may ask, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from console.ports import Role
from tests.console.conftest import Caller, served
from tests.console.fakes import CITY, City
from tickets.understanding.understand import Context

PATH = f"/api/v1/tenants/{CITY}/understanding"


async def test_a_seat_is_told_kind_class_place_number_and_danger(
    nobody: Caller, city: City
) -> None:
    seat = nobody.having(city.token(Role.SEAT, seat_id="801"))
    text = "我要投诉，长湖路二十八号路灯不亮，电话幺三八零零零零幺二三四"
    status, told, _ = await seat.ask(PATH, "POST", json={"text": text})
    assert status == 200
    found = told["understanding"]
    assert found["kind"]["kind"] == "complaint"
    assert found["classes"][0]["path"][2] == "路灯故障"
    assert (found["place"]["name"], found["place"]["detail"]) == ("长湖路", "二十八号")
    assert found["phones"][0]["e164"] == "+8613800001234"
    assert found["danger"] is None
    _, told, _ = await seat.ask(PATH, "POST", json={"text": "着火了"})
    assert told["understanding"]["danger"]["line"] == "119"


@pytest.mark.parametrize("body", [{}, {"text": 1}, {"text": "路" * 2001}, {"text": "", "more": 1}])
async def test_a_wrong_body_is_refused(nobody: Caller, city: City, body: dict[str, object]) -> None:
    seat = nobody.having(city.token(Role.SEAT, seat_id="801"))
    assert await seat.refused(PATH, "POST", json=body) == (422, "invalid")


async def test_only_who_takes_tickets_may_ask(nobody: Caller, city: City) -> None:
    assert (await nobody.refused(PATH, "POST", json={"text": "路灯"}))[0] == 401
    board = nobody.having(city.token(Role.WALLBOARD))
    assert (await board.refused(PATH, "POST", json={"text": "路灯"}))[0] == 403


async def test_rules_with_a_mistake_are_told(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(city.services(), understanding=Context(rules=tmp_path))
    monkeypatch.setattr(city, "services", lambda: broken)
    async with served(city) as caller:
        seat = caller.having(city.token(Role.SEAT, seat_id="801"))
        told = await seat.refused(PATH, "POST", json={"text": "路灯"})
    assert told == (503, "rules-unusable")
