"""`hotline token create`: the token is shown once, its digest is stored."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from asterisk_conf.model import NAME
from console.auth import issue
from console.ports import ALL_TENANTS, OF_UNITS, Role
from hotline.commands.common import JsonOption, TenantOption, chosen, print_json
from hotline.errors import BadRequest
from hotline.store import with_store
from hotline.unit_files import UNITS, read_units
from ivr.tenants import Tenant
from storage.database import Database
from storage.tokens import SqlTokens, StoredToken

app = typer.Typer(help="Tokens for pages and API.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `create` a word of its own, however few commands there are."""


@app.command()
def create(
    role: Annotated[Role, typer.Option(help="what it may do")] = Role.WALLBOARD,
    seat: Annotated[str, typer.Option(help="role seat: the only seat it may change")] = "",
    unit: Annotated[
        str, typer.Option(help="the unit its holder belongs to; a department needs one")
    ] = "",
    person: Annotated[
        str, typer.Option(help="whose it is: the same word on all tokens of one person")
    ] = "",
    label: Annotated[str, typer.Option(help="whose it is, for lists")] = "",
    days: Annotated[int, typer.Option(min=0, max=3650, help="days it is good; 0: no end")] = 365,
    tenant: TenantOption = "",
    every_tenant: Annotated[bool, typer.Option("--all-tenants", help="good for all")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a token; it is shown once."""
    settings, city = chosen(tenant)
    if (role is Role.SEAT) != bool(seat):
        raise BadRequest("role seat needs --seat, and no other role has one")
    if seat and not re.fullmatch(NAME.removesuffix("$"), seat):
        raise BadRequest(f"seat {seat!r}: letters, digits, - and _ only")
    _check_holder(role, unit, person, city, every_tenant=every_tenant)
    now = datetime.now(UTC)
    reach = ALL_TENANTS if every_tenant else city.id
    ends = now + timedelta(days=days) if days else None
    secret, record = issue(
        role, reach, seat_id=seat, label=label, expires_at=ends, unit=unit, person=person
    )
    stored = StoredToken(
        record.token_id, record.sha256, role, reach, now, seat_id=seat, label=label,
        expires_at=ends, unit=unit, person=person,
    )  # fmt: skip

    async def write(database: Database) -> None:
        await SqlTokens(database).add(stored)

    with_store(settings, write)
    if as_json:
        told = {"token": secret, "role": role, "tenant": reach, "expires_at": ends, "unit": unit}
        print_json(told)
        return
    typer.echo(secret)


def _check_holder(role: Role, unit: str, person: str, city: Tenant, *, every_tenant: bool) -> None:
    """Raises `BadRequest` for a unit or person that makes no sense with this role."""
    if role is Role.DEPARTMENT and not unit:
        raise BadRequest("role department needs --unit; `hotline units list` shows them")
    if unit and (role not in OF_UNITS or every_tenant):
        roles = ", ".join(sorted(OF_UNITS))
        raise BadRequest(f"--unit is of one tenant, and for the roles {roles}")
    if unit and unit not in read_units(city.units_file or UNITS).by_id:
        raise BadRequest(f"{city.id} has no unit {unit!r}; `hotline units list` shows them")
    if person and not re.fullmatch(NAME.removesuffix("$"), person):
        raise BadRequest(f"person {person!r}: letters, digits, - and _ only")


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="token")
