"""A seat is reminded of reasons not to accept, and of emergencies; nothing is refused by it."""

from console.ports import Role
from tests.console.conftest import Caller
from tests.console.fakes import CITY, City
from tickets.life_rules import REFUSALS

BASE = f"/api/v1/tenants/{CITY}"


async def test_a_seat_is_told_the_ten_reasons(nobody: Caller, city: City) -> None:
    seat = nobody.having(city.token(Role.SEAT, seat_id="801"))
    status, told, _ = await seat.ask(f"{BASE}/refusals")
    assert status == 200
    assert {reason["code"] for reason in told["reasons"]} == REFUSALS
    assert all(reason["name"] and reason["advice"] for reason in told["reasons"])


async def test_a_text_reminds_of_reasons_and_of_emergencies(nobody: Caller, city: City) -> None:
    seat = nobody.having(city.token(Role.SEAT, seat_id="801"))
    _, told, _ = await seat.ask(f"{BASE}/scope", "POST", json={"text": "法院判决我不服"})
    (hint, *_) = told["scope"]["hints"]
    assert hint["hits"][0]["words"]
    _, told, _ = await seat.ask(f"{BASE}/scope", "POST", json={"text": "家里着火了"})
    assert told["scope"]["emergency"]["line"] == "119"
    _, told, _ = await seat.ask(f"{BASE}/scope", "POST", json={"text": "路灯不亮"})
    assert told["scope"] == {"emergency": None, "hints": []}


async def test_a_wrong_body_or_role_is_refused(nobody: Caller, city: City) -> None:
    seat = nobody.having(city.token(Role.SEAT, seat_id="801"))
    assert await seat.refused(f"{BASE}/scope", "POST", json={"text": 1}) == (422, "invalid")
    board = nobody.having(city.token(Role.WALLBOARD))
    assert (await board.refused(f"{BASE}/scope", "POST", json={"text": "x"}))[0] == 403
