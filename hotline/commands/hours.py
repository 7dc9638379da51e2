"""`hotline hours`: over the running engine, else in SQL for the next start."""

import getpass
from datetime import UTC, datetime
from typing import Annotated, Any

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
from hotline.errors import BadRequest, BadSettings, EngineAway
from hotline.settings import Settings
from hotline.store import with_store
from ivr.documents import DocumentError
from ivr.hours import decide, effective
from ivr.lines import Lines, load_all_lines
from ivr.tenants import Tenant
from queue_manager.opening import HoursMode
from storage.database import Database
from storage.hours import HoursOverride, SqlHours

app = typer.Typer(help="Opening hours and a supervisor's override.", no_args_is_help=True)

LineOption = Annotated[str, typer.Option("--line", help="a line's id or number; all if not given")]


@app.command()
def show(tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """Whether lines are open now, and by whose word."""
    settings, city = chosen(tenant)
    try:
        hours = api.ask(settings, f"/api/v1/tenants/{city.id}/hours")["hours"]
    except EngineAway:
        hours = _computed(settings, city)
    if as_json:
        print_json(hours)
        return
    print_table(("line", "open now", "mode", "timetable"), [_row(view) for view in hours])


@app.command("set")
def set_mode(
    mode: Annotated[HoursMode, typer.Argument(help="open, closed, or auto (the timetable)")],
    line: LineOption = "",
    tenant: TenantOption = "",
) -> None:
    """Force open or closed, or go back to the timetable."""
    settings, city = chosen(tenant)
    line_id = _line_id(_lines(settings), city, line)
    body = {"line": line_id, "mode": mode.value}
    try:
        api.ask(settings, f"/api/v1/tenants/{city.id}/hours", method="PUT", body=body)
        when = "from now on"
    except EngineAway:
        _store(settings, city, line_id, mode)
        when = "from the engine's next start on"
    what = f"line {line_id}" if line_id else f"all lines of {city.id}"
    out.print(f"{what}: {mode.value}, {when}", highlight=False)


def _store(settings: Settings, city: Tenant, line_id: str, mode: HoursMode) -> None:
    override = HoursOverride(city.id, line_id, mode, datetime.now(UTC), getpass.getuser())

    async def write(database: Database) -> None:
        await SqlHours(database).set(override)

    with_store(settings, write)


def _computed(settings: Settings, city: Tenant) -> list[dict[str, Any]]:
    """What the engine would say, from the table and the stored overrides."""
    lines = _lines(settings)

    async def read(database: Database) -> dict[str, HoursMode]:
        stored = await SqlHours(database).of(city.id)
        return {line_id: override.mode for line_id, override in stored.items()}

    modes = with_store(settings, read)
    now = datetime.now(UTC)
    views = []
    for line in lines.of(city.id):
        mode = modes.get(line.id, HoursMode.AUTO)
        override = effective(mode, modes.get("", HoursMode.AUTO))
        opened = decide(lines.schedule(city.id, line.id), override, now).open
        timetable = str(line.hours or "")
        views.append(
            {"line": line.id, "mode": override.value, "open_now": opened, "timetable": timetable}
        )
    return views


def _lines(settings: Settings) -> Lines:
    try:
        return load_all_lines(settings.tenants)
    except DocumentError as error:
        raise BadSettings(str(error)) from error


def _line_id(lines: Lines, city: Tenant, wanted: str) -> str:
    """The id of a line named by id or number; "" for all."""
    if not wanted:
        return ""
    for line in lines.of(city.id):
        if wanted == line.id or wanted in line.numbers:
            return line.id
    raise BadRequest(f"{city.id} has no line {wanted!r}: hotline lines list names them")


def _row(view: dict[str, Any]) -> tuple[str | Text, ...]:
    opened = Text("open", "green") if view["open_now"] else Text("closed", "red")
    return (view["line"] or "(all)", opened, view["mode"], view["timetable"])


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="hours")
