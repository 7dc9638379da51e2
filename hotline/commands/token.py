"""`hotline token`: made (and shown once; its digest is stored), listed, ended."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from asterisk_conf.model import NAME
from console.auth import issue
from console.ports import ALL_TENANTS, OF_UNITS, Role
from hotline.commands.common import (
    JsonOption,
    TenantOption,
    check_words,
    chosen,
    out,
    print_json,
    print_table,
)
from hotline.errors import BadRequest, BadSettings
from hotline.loading import load_settings
from hotline.store import with_store
from hotline.unit_files import UNITS, read_units
from ivr.documents import DocumentError
from ivr.tenants import Tenant
from storage.database import Database
from storage.seats import SqlSeats
from storage.tokens import SqlTokens, StoredToken

app = typer.Typer(help="Tokens for pages and API.", no_args_is_help=True)


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
    check_words("label", label)
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

    async def write(database: Database) -> bool:
        await SqlTokens(database).add(stored)
        seats = await SqlSeats(database).list(city.id) if seat else ()
        return not seat or seat in {known.seat.seat_id for known in seats}

    if not with_store(settings, write):
        typer.echo(f"{city.id} has no seat {seat} yet: `hotline seats add` makes it", err=True)
    if as_json:
        told = {"token": secret, "role": role, "tenant": reach, "expires_at": ends, "unit": unit}
        print_json(told)
        return
    typer.echo(secret)


@app.command("list")
def list_tokens(tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """Tokens of a tenant and those good for all, oldest first; never their secrets."""
    settings, city = chosen(tenant)

    async def read(database: Database) -> list[StoredToken]:
        reaches = (city.id, ALL_TENANTS)
        return [token for token in await SqlTokens(database).list() if token.tenant in reaches]

    found, now = with_store(settings, read), datetime.now(UTC)
    rows = [
        {
            "id": token.token_id, "role": token.role, "tenant": token.tenant,
            "seat": token.seat_id, "unit": token.unit, "person": token.person,
            "label": token.label, "made": token.created_at, "expires_at": token.expires_at,
            "state": _state(token, now),
        }
        for token in found
    ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    zone = ZoneInfo(city.time_zone)
    print_table(
        ("id", "role", "tenant", "seat or unit", "whose", "made", "good until", "state"),
        [_row(token, zone, now) for token in found],
    )


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="its id, as `token list` shows it")],
) -> None:
    """End a token at once, such as one that was lost: whoever has it is refused."""
    settings = load_settings()
    token_id = token.partition(".")[0]

    async def write(database: Database) -> bool:
        return await SqlTokens(database).revoke(token_id, datetime.now(UTC))

    if not with_store(settings, write):
        raise BadRequest(f"there is no living token {token_id!r}: hotline token list shows them")
    out.print(f"token {token_id}: refused from now on", highlight=False)


def _state(token: StoredToken, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= now else "good"


def _row(token: StoredToken, zone: ZoneInfo, now: datetime) -> tuple[str, ...]:
    return (
        token.token_id, token.role, token.tenant, token.seat_id or token.unit or "-",
        token.person or token.label or "-", _day(token.created_at, zone),
        _day(token.expires_at, zone) if token.expires_at else "no end", _state(token, now),
    )  # fmt: skip


def _day(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d}"


def _check_holder(role: Role, unit: str, person: str, city: Tenant, *, every_tenant: bool) -> None:
    """Raises `BadRequest` for a unit or person that makes no sense with this role."""
    if role is Role.DEPARTMENT and not unit:
        raise BadRequest("role department needs --unit; `hotline units list` shows them")
    if unit and (role not in OF_UNITS or every_tenant):
        roles = ", ".join(sorted(OF_UNITS))
        raise BadRequest(f"--unit is of one tenant, and for the roles {roles}")
    if unit and unit not in _units(city):
        raise BadRequest(f"{city.id} has no unit {unit!r}; `hotline units list` shows them")
    if person and not re.fullmatch(NAME.removesuffix("$"), person):
        raise BadRequest(f"person {person!r}: letters, digits, - and _ only")


def _units(city: Tenant) -> Collection[str]:
    try:
        return read_units(city.units_file or UNITS).by_id
    except DocumentError as error:
        raise BadSettings(str(error)) from error


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="token")
