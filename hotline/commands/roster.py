"""`hotline roster`: who is due now or at a time, and mistakes in a roster file by line."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from hotline import api
from hotline.commands.common import (
    JsonOption,
    TenantOption,
    chosen,
    out,
    print_json,
    print_table,
)
from hotline.errors import BadRequest, BadSettings, EngineAway, HotlineError
from hotline.loading import load_settings
from ivr.documents import DocumentError
from ivr.rosters import EXAMPLE_ROSTER, read_roster
from ivr.tenants import Tenant
from queue_manager.duty import TeamDuty, due_teams, plan_for

app = typer.Typer(
    help="Shift roster (排班): who is due, present and missing.", no_args_is_help=True
)

PRESENCE = {
    "present": Text("present", "green"),
    "paused": Text("paused", "yellow"),
    "missing": Text("missing"),
}


@app.command()
def show(
    at: Annotated[
        str, typer.Option(help="a time such as 2026-11-23 21:00, in the tenant's zone; else now")
    ] = "",
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """Teams and seats that are due; for now also who of them is there."""
    settings, city = chosen(tenant)
    zone = ZoneInfo(city.time_zone)
    when = _moment(at, zone) if at else None
    path = f"/api/v1/tenants/{city.id}/roster"
    try:
        query = f"?at={when.isoformat().replace('+', '%2B')}" if when else ""
        told = api.ask(settings, path + query)["roster"]
    except EngineAway:
        told = _from_file(city, when or datetime.now(zone))
    if as_json:
        print_json({"roster": told})
        return
    if told is None:
        out.print(f"{city.id} has no roster: name one with roster_file (example: {EXAMPLE_ROSTER})")
        return
    _print(told, zone)


@app.command()
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="rosters; those of all tenants if none is given"),
    ] = None,
) -> None:
    """Check rosters; the exit code is 1 when one has a mistake. The engine also holds a roster
    against the seats that are set up, at its start and at each reload."""
    named = files if files else [t.roster_file for t in load_settings().tenants]
    found = [file for file in named if file is not None]
    if not found:
        raise BadRequest(f"no tenant has a roster_file; check one by name, as {EXAMPLE_ROSTER}")
    try:
        for file in found:
            roster = read_roster(file)
            told = f"{len(roster.teams())} teams in {len(roster.shifts)} shifts, no mistake"
            out.print(f"{file}: {told}", highlight=False)
    except DocumentError as error:
        raise HotlineError(str(error)) from error


def _from_file(city: Tenant, when: datetime) -> dict[str, Any] | None:
    """Without an engine: the teams that are due, by the file alone."""
    if city.roster_file is None:
        return None
    try:
        plan = plan_for(read_roster(city.roster_file), ZoneInfo(city.time_zone), ())
    except DocumentError as error:
        raise BadSettings(str(error)) from error
    return {
        "at": when.isoformat(),
        "mistake": "no engine runs: seats and presence aren't known",
        "counts": None,
        "teams": [_team(duty) for duty in due_teams(plan, when)],
        "seats": [],
    }


def _team(duty: TeamDuty) -> dict[str, str]:
    return {
        "team": duty.team,
        "shift": duty.shift.id,
        "shift_name": duty.shift.name,
        "shift_name_en": duty.shift.name_en,
        "begins": duty.begins.isoformat(),
        "ends": duty.ends.isoformat(),
    }


def _print(told: dict[str, Any], zone: ZoneInfo) -> None:
    if told["mistake"]:
        out.print(f"[yellow]{told['mistake']}[/]", highlight=False)
    if "teams" not in told:
        return
    for team in told["teams"]:
        name = f"{team['shift_name']} ({team['shift']})"
        span = f"{_clock(team['begins'], zone)} to {_clock(team['ends'], zone)}"
        out.print(f"team {team['team']}: {name}, {span}", highlight=False)
    if not told["teams"]:
        out.print("no team is due", highlight=False)
    if told["counts"] is not None:
        counted = ", ".join(f"{key} {value}" for key, value in told["counts"].items())
        out.print(counted, highlight=False)
    if told["seats"]:
        print_table(
            ("seat", "team", "shift", "presence", "since"),
            [_row(seat, zone) for seat in told["seats"]],
        )


def _row(seat: dict[str, Any], zone: ZoneInfo) -> tuple[str | Text, ...]:
    presence = PRESENCE.get(seat["presence"] or "", Text("-"))
    if seat["overdue"]:
        presence = Text("missing", "bold red")
    since = _clock(seat["since"], zone) if seat["since"] else "-"
    return (seat["seat"], seat["team"], seat["shift_name"], presence, since)


def _clock(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime("%m-%d %H:%M")


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"--at {text!r} is no time: write 2026-11-23 21:00") from error
    return when if when.tzinfo else when.replace(tzinfo=zone)


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="roster")
