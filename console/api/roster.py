"""The shift roster: which teams and seats are due, who of them is present, paused or missing."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict

from console import answers
from console.board import iso
from console.doors import get
from console.guard import allowed, query, reply
from console.ports import RosterView
from console.services import SERVICES
from queue_manager.duty import Attendance, Duty, TeamDuty, counted, overdue
from queue_manager.roster import Shift


class Moment(BaseModel):
    """`at`: who is due at that time (ISO 8601 with zone) instead of now."""

    model_config = ConfigDict(extra="forbid")

    at: AwareDatetime | None = None


async def show_roster(request: web.Request) -> web.Response:
    """Who is due now and what they do; `?at=` tells who is due at another time."""
    _, tenant = await allowed(request)
    at = query(request, Moment).at
    view = request.app[SERVICES].rosters.roster(tenant.id, at)
    return reply({"roster": None if view is None else spelled(view)})


def spelled(view: RosterView) -> dict[str, Any]:
    """A roster at a moment as JSON."""
    if view.at is None:
        return {"mistake": view.mistake}
    found = {seat.duty.seat_id: seat for seat in view.found}
    at, grace_s = view.at, view.grace_s
    return {
        "at": iso(at),
        "next_change": iso(view.next_change) if view.next_change else None,
        "grace_s": grace_s,
        "mistake": view.mistake,
        "counts": asdict(counted(view.found)) if view.found or not view.seats else None,
        "teams": [_team(duty) for duty in view.teams],
        "seats": [_seat(duty, found.get(duty.seat_id), at, grace_s) for duty in view.seats],
    }


def _team(duty: TeamDuty) -> dict[str, Any]:
    return {"team": duty.team, **_turn(duty)}


def _seat(duty: Duty, found: Attendance | None, at: datetime, grace_s: float) -> dict[str, Any]:
    return {
        "seat": duty.seat_id,
        "team": duty.team,
        **_turn(duty),
        "presence": found.presence.value if found else None,
        "since": iso(found.since) if found else None,
        "overdue": found is not None and overdue(found, at, grace_s),
    }


def _turn(duty: Duty | TeamDuty) -> dict[str, Any]:
    shift: Shift = duty.shift
    return {
        "shift": shift.id,
        "shift_name": shift.name,
        "shift_name_en": shift.name_en,
        "begins": iso(duty.begins),
        "ends": iso(duty.ends),
    }


ROUTES = (get("/api/v1/tenants/{tenant}/roster", show_roster, answers.Rosters, query=Moment),)
