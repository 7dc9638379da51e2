"""Callbacks over the API: who sees them, who may call one off."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from console.ports import CallbackView, Role
from tests.console.conftest import Caller
from tests.console.fakes import CITY, City

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
VIEW = CallbackView(
    call_id="hl-1795.7", number="+8613812345678", line_id="12345", queue_id="main",
    state="waiting", queued_at=NOON, taken_at=NOON + timedelta(seconds=60),
    expires_at=NOON + timedelta(hours=4), rings_first="customer_first", attempts=1, tries=3,
    result="busy", next_at=NOON + timedelta(minutes=6),
)  # fmt: skip
PATH = f"/api/v1/tenants/{CITY}/callbacks"
ONE = f"{PATH}/hl-1795.7"


async def test_they_are_shown_and_the_wallboard_sees_no_number(
    city: City, wall: Caller, supervisor: Caller
) -> None:
    city.to_call_back[CITY] = [VIEW]
    _, told, _ = await supervisor.ask(PATH)
    (shown,) = told["callbacks"]
    assert (shown["call_id"], shown["number"]) == ("hl-1795.7", "+8613812345678")
    assert (shown["attempts"], shown["tries"], shown["result"]) == (1, 3, "busy")
    assert shown["next_at"] == "2026-11-21T04:06:00.000+00:00"
    assert shown["ended_at"] is None
    _, told, _ = await wall.ask(PATH)
    assert "12345678" not in str(told)


async def test_a_supervisor_calls_one_off(city: City, supervisor: Caller) -> None:
    """Once; then it is no longer there. Two who talk are left alone."""
    city.to_call_back[CITY] = [VIEW, replace(VIEW, call_id="hl-1795.8", state="talking")]
    status, told, _ = await supervisor.ask(ONE, "DELETE")
    assert (status, told["state"]) == (200, "cancelled")
    assert await supervisor.refused(ONE, "DELETE") == (404, "unknown-callback")
    assert await supervisor.refused(f"{PATH}/hl-1795.8", "DELETE") == (409, "callback-talking")


async def test_seats_and_wallboards_call_nothing_off(city: City, wall: Caller) -> None:
    city.to_call_back[CITY] = [VIEW]
    assert (await wall.refused(ONE, "DELETE"))[1] == "role-refused"
    seat = wall.having(city.token(Role.SEAT, seat_id="801"))
    assert (await seat.refused(ONE, "DELETE"))[1] == "role-refused"
    assert city.to_call_back[CITY] == [VIEW]
