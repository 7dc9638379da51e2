"""Supervisors' hands: who waits, moving up, forcing seats, alerts; and nobody else's."""

import pytest

from console.ports import Role
from queue_manager.model import Alert, AlertKind, CallerView, Forced, SeatState
from tests.console.conftest import Caller
from tests.console.fakes import CITY, City

HERE = f"/api/v1/tenants/{CITY}"


@pytest.fixture
def waiting(city: City) -> City:
    city.in_queue[CITY] = [
        CallerView(f"n-1.{n}", "12345", "main", city.now(), "lang:cmn") for n in range(3)
    ]
    city.open_alerts[CITY] = [Alert(7, AlertKind.SEAT_MISSES, city.now(), seat_id="801")]
    return city


async def test_callers_are_listed_in_a_bounded_number(waiting: City, supervisor: Caller) -> None:
    _, told, _ = await supervisor.ask(f"{HERE}/callers?limit=2")
    assert (told["waiting"], [c["call_id"] for c in told["callers"]]) == (3, ["n-1.0", "n-1.1"])
    assert set(told["callers"][0]) == {
        "call_id", "line_id", "queue_id", "queued_at", "needs", "priority", "steps", "seat_id",
        "callback", "first",
    }  # fmt: skip
    assert await supervisor.refused(f"{HERE}/callers?limit=501") == (422, "invalid")


async def test_a_caller_is_moved_up_and_one_who_left_is_not(
    waiting: City, supervisor: Caller
) -> None:
    wish = {"json": {"why": "危险"}}
    status, told, _ = await supervisor.ask(f"{HERE}/callers/n-1.1/move_first", "POST", **wish)
    assert (status, told) == (200, {"moved": "n-1.1"})
    assert [caller.first for caller in waiting.in_queue[CITY]] == [False, True, False]
    gone = await supervisor.refused(f"{HERE}/callers/n-9.9/move_first", "POST", **wish)
    assert gone == (404, "unknown-caller")


async def test_a_seat_is_forced_with_who_and_why(waiting: City, supervisor: Caller) -> None:
    wish = {"json": {"state": "paused", "reason": "meal", "why": "交班"}}
    _, told, _ = await supervisor.ask(f"{HERE}/seats/801/force", "POST", **wish)
    assert told["seat"]["state"] == "paused"
    token_id = supervisor.token.partition(".")[0]
    assert waiting.forced == [("801", Forced.PAUSED, token_id, "交班", "meal")]
    for state in ("offline", "ready"):
        await supervisor.ask(f"{HERE}/seats/801/force", "POST", json={"state": state})
    assert waiting.seats[CITY]["801"].state is SeatState.READY
    for body, refused in (
        ({"state": "talking"}, (422, "invalid")),
        ({"state": "paused", "reason": "golf"}, (422, "unknown-pause-reason")),
        ({}, (422, "invalid")),
    ):
        path = f"{HERE}/seats/801/force"
        assert await supervisor.refused(path, "POST", json=body) == refused
    path = f"{HERE}/seats/999/force"
    assert await supervisor.refused(path, "POST", json={"state": "ready"}) == (404, "unknown-seat")


async def test_an_alert_is_acknowledged_once_it_is_there(waiting: City, supervisor: Caller) -> None:
    _, told, _ = await supervisor.ask(f"{HERE}/alerts")
    assert [(a["id"], a["kind"], a["seen"]) for a in told["alerts"]] == [(7, "seat_misses", False)]
    await supervisor.ask(f"{HERE}/alerts/7/acknowledge", "POST")
    _, told, _ = await supervisor.ask(f"{HERE}/alerts")
    assert told["alerts"][0]["seen"]
    gone = await supervisor.refused(f"{HERE}/alerts/8/acknowledge", "POST")
    assert gone == (404, "unknown-alert")


@pytest.mark.parametrize("role", [Role.SEAT, Role.WALLBOARD])
async def test_nobody_else_has_these_hands(waiting: City, nobody: Caller, role: Role) -> None:
    seat_id = "801" if role is Role.SEAT else ""
    other = nobody.having(waiting.token(role, seat_id=seat_id))
    for path, method, body in (
        ("/callers", "GET", None),
        ("/callers/n-1.1/move_first", "POST", {}),
        ("/seats/801/force", "POST", {"state": "offline"}),
        ("/alerts/7/acknowledge", "POST", {}),
    ):
        refused = await other.refused(HERE + path, method, json=body)
        assert refused == (403, "role-refused"), path
