"""The roster's page in JSON and its metric: due, present, paused, missing."""

from datetime import timedelta

from console.ports import RosterView
from queue_manager.duty import Attendance, Duty, Presence, TeamDuty
from queue_manager.roster import Shift
from tests.console.conftest import Caller
from tests.console.fakes import CITY, City, everywhere

EARLY = Shift(id="early", name="早班", name_en="Early", hours="08:00-14:00")


def duty_of(city: City, minutes_missing: int) -> RosterView:
    """Two seats due for an hour, the second missing for some minutes."""
    now = city.now()
    begins, ends = now - timedelta(hours=1), now + timedelta(hours=5)
    duties = [Duty(seat, "team_1", EARLY, begins, ends) for seat in ("801", "802")]
    gone = now - timedelta(minutes=minutes_missing)
    found = (
        Attendance(duties[0], Presence.PRESENT, begins),
        Attendance(duties[1], Presence.MISSING, gone),
    )
    teams = (TeamDuty("team_1", EARLY, begins, ends),)
    return RosterView(now, teams, tuple(duties), found, 300.0, ends)


async def test_a_supervisor_sees_who_is_due_and_who_is_missing(
    city: City, supervisor: Caller
) -> None:
    city.duty[CITY] = duty_of(city, minutes_missing=6)
    status, told, _ = await supervisor.ask(f"/api/v1/tenants/{CITY}/roster")
    roster = told["roster"]
    assert status == 200
    assert roster["counts"] == {"due": 2, "present": 1, "paused": 0, "missing": 1}
    assert [t["team"] for t in roster["teams"]] == ["team_1"]
    assert [(s["seat"], s["presence"], s["overdue"]) for s in roster["seats"]] == [
        ("801", "present", False),
        ("802", "missing", True),
    ]


async def test_who_is_late_within_the_grace_is_not_overdue(city: City, supervisor: Caller) -> None:
    city.duty[CITY] = duty_of(city, minutes_missing=4)
    _, told, _ = await supervisor.ask(f"/api/v1/tenants/{CITY}/roster")
    assert [s["overdue"] for s in told["roster"]["seats"]] == [False, False]


async def test_another_time_tells_who_is_due_without_presence(
    city: City, supervisor: Caller
) -> None:
    city.duty[CITY] = duty_of(city, minutes_missing=6)
    at = "2026-11-23T21:00:00%2B08:00"
    _, told, _ = await supervisor.ask(f"/api/v1/tenants/{CITY}/roster?at={at}")
    assert told["roster"]["counts"] is None
    assert [s["presence"] for s in told["roster"]["seats"]] == [None, None]
    assert await supervisor.refused(f"/api/v1/tenants/{CITY}/roster?at=soon") == (422, "invalid")
    naive = "2026-11-23T21:00:00"
    assert await supervisor.refused(f"/api/v1/tenants/{CITY}/roster?at={naive}") == (422, "invalid")


async def test_no_roster_is_null_and_one_not_used_tells_why(city: City, supervisor: Caller) -> None:
    path = f"/api/v1/tenants/{CITY}/roster"
    assert (await supervisor.ask(path))[1] == {"roster": None}
    city.duty[CITY] = RosterView(mistake="roster.yaml:3:1: no")
    assert (await supervisor.ask(path))[1] == {"roster": {"mistake": "roster.yaml:3:1: no"}}


async def test_the_metric_counts_missing_seats(city: City, nobody: Caller) -> None:
    city.duty[CITY] = duty_of(city, minutes_missing=6)
    reader = nobody.having(everywhere(city))
    text = (await reader.ask("/metrics"))[1].decode()
    assert f'hotline_roster_seats{{presence="missing",tenant="{CITY}"}} 1.0' in text
    assert f'hotline_roster_seats{{presence="present",tenant="{CITY}"}} 1.0' in text


async def test_the_wallboard_has_the_numbers_of_the_shift(city: City, wall: Caller) -> None:
    path = f"/api/v1/tenants/{CITY}/wallboard"
    assert (await wall.ask(path))[1]["duty"] is None
    city.duty[CITY] = duty_of(city, minutes_missing=6)
    told = (await wall.ask(path))[1]["duty"]
    assert told == {"due": 2, "present": 1, "paused": 0, "missing": 1}
