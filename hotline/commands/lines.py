"""`hotline lines`: the line table as it is read."""

from pathlib import Path
from typing import Annotated

import typer

from hotline.commands.common import JsonOption, TenantOption, chosen, out, print_json, print_table
from hotline.errors import BadSettings, HotlineError
from hotline.loading import load_settings
from ivr.documents import DocumentError
from ivr.lines import DEFAULT_TABLE, Line, load_all_lines, load_lines

app = typer.Typer(help="Lines (热线): former numbers and 12345 itself.", no_args_is_help=True)


@app.command("list")
def list_lines(tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """Every line of a tenant in the table's order."""
    _, city = chosen(tenant)
    try:
        lines = load_lines(city.lines_file or DEFAULT_TABLE).lines
    except DocumentError as error:
        raise BadSettings(str(error)) from error
    if as_json:
        print_json([line.model_dump(mode="json") for line in lines])
        return
    print_table(("line", "numbers", "name", "unit", "mode", "target"), [_row(n) for n in lines])


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="tables; all that the settings use if none is given")
    ] = None,
) -> None:
    """Check tables of lines; the exit code is 1 when one has a mistake."""
    try:
        for file in files or ():
            told = f"{len(load_lines(file).lines)} lines, no mistake"
            out.print(f"{file}: {told}", highlight=False)
        if not files:
            load_all_lines(load_settings().tenants)
            out.print("all tables of lines in use: no mistake")
    except DocumentError as error:
        raise HotlineError(str(error)) from error


def _row(line: Line) -> tuple[str, ...]:
    numbers = ", ".join(line.numbers)
    return (line.id, numbers, line.name, line.unit, line.mode, line.target or "")


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="lines")
