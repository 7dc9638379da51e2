"""`hotline seats`: set up in SQL, ready and paused over the running engine."""

import contextlib
import re
import secrets
import string
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from asterisk_conf.model import NAME
from hotline import api, secrets_kept
from hotline.commands.common import (
    JsonOption,
    TenantOption,
    chosen,
    out,
    print_json,
    print_table,
)
from hotline.errors import BadRequest, BadSettings, HotlineError
from hotline.settings import Settings
from hotline.store import with_store
from ivr.documents import DocumentError
from ivr.queue_rules import read_rules, rules_file
from ivr.rosters import read_roster
from ivr.tenants import Tenant
from queue_manager.model import LEVELS, Seat
from queue_manager.rule_faults import unknown_skill
from storage.database import Database
from storage.seats import SqlSeats

app = typer.Typer(help="Seats (座席): who answers.", no_args_is_help=True)

ALPHABET = "".join(set(string.ascii_letters + string.digits) - set("0O1lI"))
PASSWORD_LENGTH = 20
SKILL = re.compile(r"([a-z]{2,10}:[a-z0-9_]{1,30})(?:=([0-9]+))?")
DEFAULT_SKILLS = ("lang:cmn=5", "svc:general=3")

SeatArgument = Annotated[str, typer.Argument(help="the seat's number, such as 1001")]


@app.command()
def add(
    seat: SeatArgument,
    name: Annotated[str, typer.Option(help="who sits there; the number if not given")] = "",
    skill: Annotated[
        list[str] | None,
        typer.Option(help="skill=level (1-5), often; default lang:cmn=5 and svc:general=3"),
    ] = None,
    endpoint: Annotated[str, typer.Option(help="SIP name; made from tenant and number")] = "",
    team: Annotated[str, typer.Option(help="its team in the shift roster; none if not given")] = "",
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """Add a seat; its SIP password is shown once and kept nowhere."""
    from hotline.seats_config import rerender

    settings, city = chosen(tenant)
    sip_name = endpoint or (seat if len(settings.tenants) == 1 else f"{city.id}-{seat}")
    _check_name("seat", seat)
    _check_name("endpoint", sip_name)
    _check_team(city, team)
    skills = _skills(skill or DEFAULT_SKILLS)
    _refuse_unknown(city, skills)
    new = Seat(city.id, seat, name or seat, sip_name, skills, team)
    password, credential = _credential(settings, sip_name)

    async def write(database: Database) -> None:
        seats = SqlSeats(database)
        for stored in await seats.list():
            if stored.seat.endpoint == sip_name:
                raise BadRequest(f"there is already a seat with the SIP name {sip_name}")
            if (stored.seat.tenant, stored.seat.seat_id) == (city.id, seat):
                raise BadRequest(f"{city.id} already has a seat {seat}")
        await seats.add(new, credential)
        await rerender(settings, database)

    with_store(settings, write)
    _tell_account(settings, city, new, password, as_json)


@app.command("password")
def new_password(
    seat: SeatArgument, tenant: TenantOption = "", as_json: JsonOption = False
) -> None:
    """A new SIP password for a seat; the old one is good no longer."""
    from hotline.seats_config import rerender

    settings, city = chosen(tenant)

    async def write(database: Database) -> tuple[Seat, str]:
        seats = SqlSeats(database)
        for stored in await seats.list(city.id):
            if stored.seat.seat_id == seat:
                password, credential = _credential(settings, stored.seat.endpoint)
                await seats.set_credential(city.id, seat, credential)
                await rerender(settings, database)
                return stored.seat, password
        raise BadRequest(f"{city.id} has no seat {seat}: hotline seats list names them")

    known, password = with_store(settings, write)
    _tell_account(settings, city, known, password, as_json)


@app.command("team")
def set_team(
    seat: SeatArgument,
    team: Annotated[str, typer.Argument(help="a team of the shift roster; '' for none")],
    tenant: TenantOption = "",
) -> None:
    """Put a seat into a team of the shift roster."""
    from hotline.seats_config import reload_engine

    settings, city = chosen(tenant)
    _check_team(city, team)

    async def write(database: Database) -> bool:
        return await SqlSeats(database).set_team(city.id, seat, team)

    if not with_store(settings, write):
        raise BadRequest(f"{city.id} has no seat {seat}: hotline seats list names them")
    running = reload_engine(settings, city.id)
    when = "from now on" if running else "from the engine's next start on"
    out.print(f"seat {seat}: {f'team {team}' if team else 'no team'}, {when}", highlight=False)


@app.command("skills")
def set_skills(
    seat: SeatArgument,
    skill: Annotated[
        list[str], typer.Option(help="skill=level (1-5), often: all that the seat has from now on")
    ],
    tenant: TenantOption = "",
) -> None:
    """Give a seat other skills; callers who wait are looked at anew."""
    from hotline.seats_config import reload_engine

    settings, city = chosen(tenant)
    skills = _skills(skill)
    _refuse_unknown(city, skills)

    async def write(database: Database) -> bool:
        return await SqlSeats(database).set_skills(city.id, seat, skills)

    if not with_store(settings, write):
        raise BadRequest(f"{city.id} has no seat {seat}: hotline seats list names them")
    running = reload_engine(settings, city.id)
    when = "from now on" if running else "from the engine's next start on"
    told = " ".join(f"{name}={level}" for name, level in skills.items())
    out.print(f"seat {seat}: {told}, {when}", highlight=False)


@app.command("list")
def list_seats(tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """Every seat with its skills, and what it does when an engine runs."""
    settings, city = chosen(tenant)

    async def read(database: Database) -> list[Seat]:
        return [stored.seat for stored in await SqlSeats(database).list(city.id)]

    seats = with_store(settings, read)
    states = _states(settings, city.id)
    rows = [
        {
            "seat": s.seat_id,
            "name": s.name,
            "endpoint": s.endpoint,
            "state": states.get(s.seat_id),
            "skills": s.skills,
            "team": s.team,
        }
        for s in seats
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("seat", "name", "SIP name", "team", "state", "skills"),
        [
            (s.seat_id, s.name, s.endpoint, s.team or "-", states.get(s.seat_id, "-"), _spelled(s))
            for s in seats
        ],
    )


@app.command()
def ready(seat: SeatArgument, tenant: TenantOption = "") -> None:
    """The seat takes calls (again)."""
    _wish(tenant, seat, {"state": "ready"})


@app.command()
def pause(
    seat: SeatArgument,
    reason: Annotated[str, typer.Option(help="one of the tenant's pause reasons")] = "other",
    tenant: TenantOption = "",
) -> None:
    """No calls for this seat until it is ready again."""
    _wish(tenant, seat, {"state": "paused", "reason": reason})


def _credential(settings: Settings, sip_name: str) -> tuple[str, str]:
    """A new password, and the digest that is stored in its place."""
    from hotline.prepare import digest

    password = "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))
    return password, digest(sip_name, secrets_kept.sip_realm(settings.folders), password)


def _tell_account(
    settings: Settings, city: Tenant, seat: Seat, password: str, as_json: bool
) -> None:
    """What a phone must be given, and whether a running engine knows the seat already."""
    from hotline.seats_config import reload_engine

    running = reload_engine(settings, city.id)
    server = f"{settings.sip_bind}:{settings.sip_port}"
    account = {"user": seat.endpoint, "password": password, "server": server}
    if as_json:
        print_json({"seat": seat.seat_id, "tenant": city.id, **account, "in_use": running})
        return
    out.print(f"Seat {seat.seat_id} of {city.name}: register a phone with", highlight=False)
    for key, value in account.items():
        out.print(f"  {key:<9} {value}", highlight=False, markup=False)
    out.print(f"The password is shown this once. Then: hotline seats ready {seat.seat_id}")
    if not running:
        out.print("No engine runs; the seat is known at the next start.")


def _wish(tenant: str, seat: str, wish: dict[str, str]) -> None:
    settings, city = chosen(tenant)
    path = f"/api/v1/tenants/{city.id}/seats/{seat}/state"
    _check_name("seat", seat)
    told = api.ask(settings, path, method="POST", body=wish)["seat"]
    out.print(f"seat {seat}: {told['state']}", highlight=False)


def _states(settings: Settings, tenant: str) -> dict[str, str]:
    """What seats do, when someone runs who knows it."""
    with contextlib.suppress(HotlineError):
        told: list[dict[str, Any]] = api.ask(settings, f"/api/v1/tenants/{tenant}/seats")["seats"]
        return {seat["id"]: seat["state"] for seat in told}
    return {}


def _skills(words: tuple[str, ...] | list[str]) -> dict[str, int]:
    skills: dict[str, int] = {}
    for word in words:
        match = SKILL.fullmatch(word)
        level = int(match[2] or 3) if match else 0
        if match is None or level not in LEVELS:
            raise BadRequest(f"{word!r} is no skill: write for example lang:cmn=5 (level 1 to 5)")
        skills[match[1]] = level
    return skills


def known_skills(city: Tenant) -> tuple[Path, Collection[str]]:
    """The tenant's rules file and the skills in it; raises BadSettings for a mistake there."""
    file = rules_file(city)
    try:
        return file, read_rules(file).skills.keys()
    except DocumentError as error:
        raise BadSettings(str(error)) from error


def _refuse_unknown(city: Tenant, skills: dict[str, int]) -> None:
    """Raises BadRequest for a skill that the tenant's rules don't have: no caller would ask for
    it, and a slip of the pen would be a seat that nobody rings."""
    file, known = known_skills(city)
    for name in skills:
        if name not in known:
            reason = unknown_skill(name, known)
            raise BadRequest(f"--skill {name}: {reason}: add it to {file}, or write a known one")


def _spelled(seat: Seat) -> str:
    return " ".join(f"{name}={level}" for name, level in seat.skills.items())


def _check_team(city: Tenant, team: str) -> None:
    """A team must be one of the tenant's roster, where it has one."""
    if team and city.roster_file is not None:
        try:
            teams = read_roster(city.roster_file).teams()
        except DocumentError as error:
            raise BadSettings(str(error)) from error
        if team not in teams:
            raise BadRequest(f"there is no team {team!r} in {city.roster_file}: {', '.join(teams)}")
    elif team:
        _check_name("team", team)


def _check_name(what: str, name: str) -> None:
    if not re.fullmatch(NAME.removesuffix("$"), name):
        raise BadRequest(f"{what} {name!r}: letters, digits, - and _ only, 40 at most")


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="seats")
