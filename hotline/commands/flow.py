"""`hotline flow check`: file, line and reason of every mistake in a flow."""

from pathlib import Path
from typing import Annotated

import typer

from hotline.commands.common import out
from hotline.errors import HotlineError
from hotline.loading import load_settings
from ivr.documents import DocumentError
from ivr.flow import check_flow, load_flows
from ivr.lines import load_all_lines

app = typer.Typer(help="Conversations as data.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `check` a word of its own, however few commands there are."""


@app.command()
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="flows; all that the settings use if none is given")
    ] = None,
) -> None:
    """Check flows; the exit code is 1 when one has a mistake."""
    try:
        for file in files or ():
            flow = check_flow(file)
            out.print(f"{file}: {len(flow.steps)} steps, no mistake", highlight=False)
        if not files:
            settings = load_settings()
            load_flows(settings.tenants, load_all_lines(settings.tenants))
            out.print("all flows and line tables in use: no mistake")
    except DocumentError as error:
        raise HotlineError(str(error)) from error


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="flow")
