"""`hotline units`: units and their 四个一, mistakes in the file, who would get a matter and why."""

from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from hotline.commands.common import JsonOption, TenantOption, chosen, out, print_json, print_table
from hotline.errors import BadRequest, BadSettings, HotlineError
from hotline.loading import load_settings
from hotline.unit_files import UNITS, read_units
from ivr.documents import DocumentError
from ivr.tenants import Tenant
from tickets.dispatch import Asked, Candidate, suggest
from tickets.divisions import NAMES, level
from tickets.units import UnitsFile

app = typer.Typer(help="Units that handle tickets (承办单位).", no_args_is_help=True)


@app.command("list")
def list_units(
    on: Annotated[str, typer.Option(help="who is on duty on a day such as 2026-11-23")] = "",
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """The units with their contacts, and who is on duty today or on a day."""
    _, city = chosen(tenant)
    file, day = _file(city), _day(on, city)
    if as_json:
        print_json([
            {
                **unit.model_dump(mode="json", exclude={"duty"}),
                "division": file.division_of(unit),
                "on_duty": unit.on_duty(day).model_dump(),
            }
            for unit in file.units
        ])  # fmt: skip
        return
    if file.leaders and (leader := file.leaders.on_duty(day)):
        out.print(f"joint reviews on {day}: {leader.leader} ({leader.phone})", highlight=False)
    columns = ("unit", "name", "division", "phone", "computer", "person", "head", "on duty")
    print_table(
        columns,
        [
            (
                unit.id, unit.name, _division(file, file.division_of(unit)), unit.phone,
                unit.computer, unit.person, unit.head,
                f"{(duty := unit.on_duty(day)).person} {duty.phone}, {duty.leader}",
            )
            for unit in file.units
        ],
    )  # fmt: skip


@app.command()
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="files of units; those of all tenants if none is given"),
    ] = None,
) -> None:
    """Check files of units; the exit code is 1 when one has a mistake."""
    named = files or [tenant.units_file or UNITS for tenant in load_settings().tenants]
    try:
        for path in named:
            file = read_units(path)
            told = f"{len(file.units)} units, {len(file.divisions)} divisions, no mistake"
            out.print(f"{path}: {told}", highlight=False)
    except DocumentError as error:
        raise HotlineError(str(error)) from error


@app.command("suggest")
def suggest_units(
    class_code: Annotated[str, typer.Option("--class", help="code of the class leaf")] = "",
    office: Annotated[
        str, typer.Option(help="the office the class names, such as 城市管理局")
    ] = "",
    place: Annotated[str, typer.Option(help="division code of the place")] = "",
    line_unit: Annotated[str, typer.Option(help="unit of the line it came in by")] = "",
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """Lead and co-units for a matter, each with its reasons."""
    _, city = chosen(tenant)
    if not (class_code or office or line_unit):
        raise BadRequest("name at least one of --class, --office, --line-unit")
    asked = Asked(class_code, office, place, line_unit)
    found = suggest(_file(city), asked, _day("", city))
    if as_json:
        print_json(asdict(found))
        return
    out.print(f"{found.route}: {found.why}", highlight=False)
    _print("主办", found.leads)
    _print("协办", found.co_units)


def _print(what: str, candidates: tuple[Candidate, ...]) -> None:
    for n, one in enumerate(candidates, 1):
        out.print(f"{what} {n}. {one.name} ({one.unit}): {'；'.join(one.reasons)}", highlight=False)


def _file(city: Tenant) -> UnitsFile:
    try:
        return read_units(city.units_file or UNITS)
    except DocumentError as error:
        raise BadSettings(str(error)) from error


def _division(file: UnitsFile, code: str) -> str:
    return f"{file.map.name(code)} ({NAMES[level(code)]})"


def _day(text: str, city: Tenant) -> date:
    if not text:
        return datetime.now(ZoneInfo(city.time_zone)).date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"--on {text!r} is no day: write 2026-11-23") from error


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="units")
