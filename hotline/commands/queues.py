"""`hotline queues check`: file, line and reason of every mistake in the rules of the queues."""

from pathlib import Path
from typing import Annotated

import typer

from hotline import seat_skills
from hotline.commands.common import out
from hotline.errors import HotlineError
from hotline.loading import load_settings
from ivr.documents import DocumentError
from ivr.flow import load_flows
from ivr.lines import load_all_lines
from ivr.queue_rules import load_all_rules, read_rules

app = typer.Typer(help="Rules of the queues: skills, priorities, steps.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `check` a word of its own, however few commands there are."""


@app.command()
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="rules; all that the settings use, with lines and flows, if none is"),
    ] = None,
) -> None:
    """Check rules of queues; the exit code is 1 when one has a mistake."""
    try:
        for file in files or ():
            rules = read_rules(file)
            told = f"{len(rules.queues)} queues, {len(rules.skills)} skills, no mistake"
            out.print(f"{file}: {told}", highlight=False)
        if not files:
            settings = load_settings()
            tenants, lines = settings.tenants, load_all_lines(settings.tenants)
            load_all_rules(tenants, lines, load_flows(tenants, lines))
            out.print("all rules of queues in use: no mistake")
            if settings.database_url or settings.folders.database.exists():
                for tenant, words in seat_skills.unknown_by_tenant(settings).items():
                    told = f"{tenant}: seats have skills that the rules lack: {words}"
                    out.print(f"{told}: {seat_skills.MEND}", highlight=False)
    except DocumentError as error:
        raise HotlineError(str(error)) from error


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="queues")
