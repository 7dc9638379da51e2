"""`hotline seats`: set up in SQL, ready and paused over the running engine."""

import contextlib
import secrets
import socket
import string
from ipaddress import ip_address
from typing import Annotated, Any

import typer

from asterisk_conf.model import is_kept
from hotline import api, secrets_kept
from hotline.commands.common import (
    JsonOption,
    TenantOption,
    check_words,
    chosen,
    out,
    print_json,
    print_table,
)
from hotline.commands.seat_words import check_name, check_team, refuse_unknown, skills_of
from hotline.errors import BadRequest, HotlineError
from hotline.settings import Settings
from hotline.store import with_store
from ivr.tenants import Tenant
from queue_manager.model import Seat
from storage.database import Database
from storage.seats import SqlSeats

app = typer.Typer(help="Seats (座席): who answers.", no_args_is_help=True)

ALPHABET = "".join(set(string.ascii_letters + string.digits) - set("0O1lI"))
PASSWORD_LENGTH = 20
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
    from hotline.seats_config import refuse_strangers

    settings, city = chosen(tenant)
    sip_name = endpoint or (seat if len(settings.tenants) == 1 else f"{city.id}-{seat}")
    check_name("seat", seat)
    check_name("endpoint", sip_name)
    if is_kept(sip_name):
        raise BadRequest(f"the SIP name {sip_name} is kept for other use: give --endpoint another")
    check_words("name", name)
    check_team(city, team)
    skills = skills_of(skill or DEFAULT_SKILLS)
    refuse_unknown(city, skills)
    new = Seat(city.id, seat, name or seat, sip_name, skills, team)
    refuse_strangers(settings)

    async def write(database: Database) -> str:
        seats = SqlSeats(database)
        for stored in await seats.list():
            if (stored.seat.tenant, stored.seat.seat_id) == (city.id, seat):
                raise BadRequest(
                    f"{city.id} already has a seat {seat}: `hotline seats skills`, `team` and "
                    "`password` change it, `remove` takes it away"
                )
            if stored.seat.endpoint == sip_name:
                raise BadRequest(
                    f"there is already a seat with the SIP name {sip_name} (seat "
                    f"{stored.seat.seat_id} of {stored.seat.tenant}): give --endpoint another"
                )
        password, credential = _credential(settings, sip_name)
        await seats.add(new, credential)
        await _told_asterisk(settings, database)
        return password

    password = with_store(settings, write)
    _tell_account(settings, city, new, password, as_json)


@app.command("password")
def new_password(
    seat: SeatArgument, tenant: TenantOption = "", as_json: JsonOption = False
) -> None:
    """A new SIP password for a seat; the old one is good no longer."""
    from hotline.seats_config import refuse_strangers

    settings, city = chosen(tenant)
    refuse_strangers(settings)

    async def write(database: Database) -> tuple[Seat, str]:
        seats = SqlSeats(database)
        for stored in await seats.list(city.id):
            if stored.seat.seat_id == seat:
                password, credential = _credential(settings, stored.seat.endpoint)
                await seats.set_credential(city.id, seat, credential)
                await _told_asterisk(settings, database)
                return stored.seat, password
        raise BadRequest(f"{city.id} has no seat {seat}: hotline seats list names them")

    known, password = with_store(settings, write)
    _tell_account(settings, city, known, password, as_json)


@app.command()
def remove(seat: SeatArgument, tenant: TenantOption = "") -> None:
    """Take a seat away; what it has done stays in tickets and figures."""
    from hotline.seats_config import refuse_strangers, reload_engine

    settings, city = chosen(tenant)
    refuse_strangers(settings)

    async def write(database: Database) -> bool:
        gone = await SqlSeats(database).remove(city.id, seat)
        await _told_asterisk(settings, database)
        return gone

    if not with_store(settings, write):
        raise BadRequest(f"{city.id} has no seat {seat}: hotline seats list names them")
    reload_engine(settings, city.id)
    out.print(f"seat {seat}: removed", highlight=False)


@app.command("team")
def set_team(
    seat: SeatArgument,
    team: Annotated[str, typer.Argument(help="a team of the shift roster; '' for none")],
    tenant: TenantOption = "",
) -> None:
    """Put a seat into a team of the shift roster."""
    from hotline.seats_config import refuse_strangers, reload_engine

    settings, city = chosen(tenant)
    check_team(city, team)
    refuse_strangers(settings)

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
    from hotline.seats_config import refuse_strangers, reload_engine

    settings, city = chosen(tenant)
    skills = skills_of(skill)
    refuse_unknown(city, skills)
    refuse_strangers(settings)

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
    _, city = chosen(tenant)
    if reason not in city.pause_reasons:
        known = ", ".join(city.pause_reasons)
        raise BadRequest(f"--reason {reason!r} is none of {city.id}'s: {known}")
    _wish(tenant, seat, {"state": "paused", "reason": reason})


def _credential(settings: Settings, sip_name: str) -> tuple[str, str]:
    """A new password, and the digest that is stored in its place."""
    from hotline.prepare import digest

    password = "".join(secrets.choice(ALPHABET) for _ in range(PASSWORD_LENGTH))
    return password, digest(sip_name, secrets_kept.sip_realm(settings.folders), password)


async def _told_asterisk(settings: Settings, database: Database) -> None:
    """Asterisk has the seats as they are stored; one that doesn't take them up is told of."""
    from hotline.seats_config import rerender
    from telephony.errors import ActionFailed

    try:
        await rerender(settings, database)
    except ActionFailed as error:
        typer.echo(f"Asterisk takes it up at its next start: {error}", err=True)


def _tell_account(
    settings: Settings, city: Tenant, seat: Seat, password: str, as_json: bool
) -> None:
    """What a phone must be given, and whether a running engine knows the seat already."""
    from hotline.seats_config import reload_engine

    running = reload_engine(settings, city.id)
    server = f"{_address(settings)}:{settings.sip_port}"
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


def _address(settings: Settings) -> str:
    """Where a telephone finds us; one of this machine's when SIP listens on all of them."""
    if not ip_address(settings.sip_bind).is_unspecified:
        return settings.sip_bind
    return settings.external_address or socket.gethostname()


def _wish(tenant: str, seat: str, wish: dict[str, str]) -> None:
    settings, city = chosen(tenant)
    path = f"/api/v1/tenants/{city.id}/seats/{seat}/state"
    check_name("seat", seat)
    try:
        state = api.ask(settings, path, method="POST", body=wish)["seat"]["state"]
    except BadRequest as error:
        raise BadRequest(f"seat {seat} of {city.id}: {error}") from error
    noted = ": noted, it counts once its telephone has registered" if state == "offline" else ""
    out.print(f"seat {seat}: {state}{noted}", highlight=False)


def _states(settings: Settings, tenant: str) -> dict[str, str]:
    """What seats do, when someone runs who knows it."""
    with contextlib.suppress(HotlineError):
        told: list[dict[str, Any]] = api.ask(settings, f"/api/v1/tenants/{tenant}/seats")["seats"]
        return {seat["id"]: seat["state"] for seat in told}
    return {}


def _spelled(seat: Seat) -> str:
    return " ".join(f"{name}={level}" for name, level in seat.skills.items())


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="seats")
