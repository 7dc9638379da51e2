"""`hotline report month 2026-11 -o report.html`: the month as a document to print."""

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from console.report.model import BY, Asked, month_report
from console.report.page import html
from hotline.boxed import said_in_the_box
from hotline.commands.common import TenantOption, chosen
from hotline.commands.kpi import names_for
from hotline.errors import BadRequest, HomeUnusable
from hotline.kpi import gather
from hotline.store import with_store
from storage.database import Database
from tickets.kpi import By
from tickets.kpi_list import LEAST
from tickets.periods import month as month_of_text

app = typer.Typer(help="Reports to print (运行月报).", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `month` a word of its own, however few commands there are."""


@app.command()
def month(
    which: Annotated[str, typer.Argument(metavar="MONTH", help="such as 2026-11")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="file to write; none: the terminal")
    ] = None,
    least: Annotated[
        int, typer.Option(min=1, help="finished tickets a unit needs for a place")
    ] = LEAST,
    tenant: TenantOption = "",
) -> None:
    """The month's figures, trends and ranking as one HTML page: A4 when printed."""
    if os.geteuid() == 0:  # the store is read in the engine's box, which can't see root's folders
        words = ["report", "month", which, "--least", str(least), "--tenant", tenant]
        _write(said_in_the_box(words), output)
        return
    settings, city = chosen(tenant)
    zone = ZoneInfo(city.time_zone)
    now = datetime.now(zone)
    try:
        period = month_of_text(which)
    except ValueError as mistake:
        raise BadRequest(f"MONTH: {mistake}") from mistake
    names = names_for(settings, city)

    async def read(database: Database) -> Asked:
        books = [
            await gather(database, city.id, zone, period, now, by=BY),
            await gather(database, city.id, zone, period.before(), now),
            await gather(database, city.id, zone, period.year_before(), now),
        ]
        known = {by: names.of(city.id, by) for by in By}
        return Asked(
            city.name, books[0], books[1], books[2], known, now, city.service_level_s, least
        )

    _write(html(month_report(with_store(settings, read))), output)


def _write(document: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(document)
        return
    try:
        output.write_text(document, encoding="utf-8")
    except OSError as error:
        raise HomeUnusable(f"{output}: {error.strerror}") from error
    typer.echo(f"{output}: {len(document) / 1024:.0f} KiB")


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="report")
