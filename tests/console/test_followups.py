"""Follow-ups over the API: who sees them, who may call one off."""

from dataclasses import replace

from console.ports import Role
from tests.console.conftest import Caller
from tests.console.fakes import CITY, City
from tickets.follow_up import FollowUp, FollowUpState

AT = 1_795_300_000
ONE = FollowUp(
    CITY, "261122000007", 1, made_at=AT, next_at=AT + 3600, state=FollowUpState.WAITING,
    attempts=1, phone="+8613812345678", result="hung_up", solved=True,
)  # fmt: skip
PATH = f"/api/v1/tenants/{CITY}/followups"


async def test_they_are_shown_and_the_wallboard_sees_nobody(
    city: City, wall: Caller, supervisor: Caller
) -> None:
    over = replace(
        ONE, number="261122000008", state=FollowUpState.SATISFIED, next_at=0, ended_at=AT
    )
    city.followed_up[CITY] = [ONE, over]
    _, told, _ = await supervisor.ask(PATH)
    shown, ended = told["followups"]
    assert (shown["ticket"], shown["state"], shown["attempts"]) == ("261122000007", "waiting", 1)
    assert (shown["phone"], shown["solved"], shown["satisfied"]) == ("+8613812345678", True, None)
    assert shown["next_at"] == "2026-11-21T23:26:40.000+00:00"
    assert (ended["next_at"], ended["ended_at"]) == (None, "2026-11-21T22:26:40.000+00:00")
    _, told, _ = await supervisor.ask(f"{PATH}?ticket={over.number}")
    assert [one["ticket"] for one in told["followups"]] == [over.number]
    assert await supervisor.refused(f"{PATH}?ticket=x") == (422, "invalid")
    _, told, _ = await wall.ask(PATH)
    assert "12345678" not in str(told)
    assert told["followups"][0]["solved"] is None


async def test_a_supervisor_calls_one_off(city: City, supervisor: Caller) -> None:
    """Once; whom the engine has on the line is left alone."""
    under_way = replace(ONE, number="261122000008", state=FollowUpState.CALLING)
    city.followed_up[CITY] = [ONE, under_way]
    status, told, _ = await supervisor.ask(f"{PATH}/{ONE.number}", "DELETE")
    assert (status, told) == (200, {"ticket": ONE.number, "state": "mixed"})
    assert await supervisor.refused(f"{PATH}/{ONE.number}", "DELETE") == (404, "unknown-ticket")
    refused = await supervisor.refused(f"{PATH}/{under_way.number}", "DELETE")
    assert refused == (409, "follow-up-under-way")


async def test_seats_and_wallboards_call_nothing_off(city: City, wall: Caller) -> None:
    city.followed_up[CITY] = [ONE]
    seat = wall.having(city.token(Role.SEAT, seat_id="801"))
    for caller in (wall, seat):
        refused = await caller.refused(f"{PATH}/{ONE.number}", "DELETE")
        assert refused[1] == "role-refused"
    assert city.followed_up[CITY] == [ONE]
