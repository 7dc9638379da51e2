"""`hotline figures export`: stored figures as CSV or a table; needs SQL, not a running engine."""

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, TextIO
from zoneinfo import ZoneInfo

import typer

from console.figures import By, Per, Report, csv_head, csv_text, lines_of, moment, row
from hotline.boxed import said_into
from hotline.commands.common import JsonOption, TenantOption, chosen, print_json, print_table
from hotline.errors import BadRequest, BadSettings, HomeUnusable
from hotline.reports import dimension_of, names_of
from hotline.settings import Settings
from hotline.store import with_store
from ivr.documents import DocumentError
from ivr.flow import load_flows
from ivr.lines import load_all_lines
from ivr.queue_rules import load_all_rules
from ivr.story import Directory
from ivr.tenants import Tenant
from queue_manager.counts import Figure
from queue_manager.model import Seat
from storage.database import Database
from storage.figures import SqlFigures
from storage.seats import SqlSeats

MOST_SHOWN = 1_000
SHOWN = {
    By.SEAT: ("answered", "missed", "talk_s", "wrap_up_s", "idle_s", "paused_s", "occupancy"),
}
SHOWN_OF_CALLS = (
    "offered", "answered", "abandoned", "service_level", "average_wait_s", "average_handling_s",
)  # fmt: skip

app = typer.Typer(help="Figures per quarter of an hour (报表).", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `export` a word of its own, however few commands there are."""


@app.command()
def export(
    since: Annotated[str, typer.Option("--from", help="a day such as 2026-11-01, or a time")],
    to: Annotated[str, typer.Option("--to", help="the last day, or a time (excluded)")],
    by: Annotated[By, typer.Option(help="what has a line of its own")] = By.QUEUE,
    per: Annotated[Per, typer.Option(help="how much time a line is about")] = Per.QUARTER,
    as_csv: Annotated[bool, typer.Option("--csv", help="every column, as CSV")] = False,
    bom: Annotated[bool, typer.Option("--bom", help="CSV that Excel reads as UTF-8")] = False,
    output: Annotated[Path | None, typer.Option(help="file to write; none: the terminal")] = None,
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """Calls by queue, skill or line, or the time of seats, with every rate's two numbers."""
    settings, city = chosen(tenant)
    zone = ZoneInfo(city.time_zone)
    begin, end = _moment(since, zone, end=False), _moment(to, zone, end=True)
    if not begin < end:
        raise BadRequest("--from must lie before --to")
    if output is not None and not as_csv:
        raise BadRequest("--output is for --csv: add it, or leave --output out")
    if os.geteuid() == 0:  # the store is read in the engine's box, which can't see root's folders
        words = ["figures", "export", "--from", since, "--to", to, "--by", by, "--per", per]
        words += ["--csv"] * as_csv + ["--bom"] * bom + ["--json"] * as_json
        _from_the_box([*words, "--tenant", tenant], output)
        return

    async def read(database: Database) -> None:
        seats = [stored.seat for stored in await SqlSeats(database).list(city.id)]
        report = _report(settings, city, by, per, begin, end, seats)
        store = SqlFigures(database, settings.node)
        lines = lines_of(report, store.pages(city.id, dimension_of(by), begin, end))
        if as_csv:
            await _write_csv(report, lines, output, bom=bom)
        else:
            await _show(report, lines, as_json=as_json)

    with_store(settings, read)


def _from_the_box(words: Sequence[str], output: Path | None) -> None:
    try:
        with output.open("wb") if output else contextlib.nullcontext() as file:
            said_into(words, file)
    except OSError as error:
        raise HomeUnusable(f"{output}: {error.strerror}") from error


def _moment(text: str, zone: ZoneInfo, *, end: bool) -> datetime:
    try:
        return moment(text, zone, end=end)
    except ValueError as mistake:
        raise BadRequest(f"{text!r} is neither a day nor a time: {mistake}") from mistake


def _report(
    settings: Settings, city: Tenant, by: By, per: Per, begin: datetime, end: datetime,
    seats: Sequence[Seat],
) -> Report:  # fmt: skip
    tenants = settings.tenants
    try:
        lines = load_all_lines(tenants)
        flows = load_flows(tenants, lines)
        rules = load_all_rules(tenants, lines, flows)
    except DocumentError as error:
        raise BadSettings(str(error)) from error
    names = names_of(Directory(tenants, {}, lines, flows, rules), city.id, by, seats)
    return Report(by, per, begin, end, ZoneInfo(city.time_zone), names, city.pause_reasons)


async def _write_csv(
    report: Report, lines: AsyncIterator[Sequence[Figure]], output: Path | None, *, bom: bool
) -> None:
    """Line by line, so that a year fits in memory, too."""
    try:
        if output is None:
            await _write(sys.stdout, report, lines, bom=bom)
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                await _write(file, report, lines, bom=bom)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise HomeUnusable(f"{output or 'the terminal'}: {error.strerror}") from error


async def _write(
    target: TextIO, report: Report, lines: AsyncIterator[Sequence[Figure]], *, bom: bool
) -> None:
    if isinstance(target, TextIOWrapper):
        target.reconfigure(encoding="utf-8", newline="")  # lines end as RFC 4180 has it
    target.write(csv_head(report, bom=bom))
    async for page in lines:
        target.write(csv_text(report, page))
    target.flush()


async def _show(report: Report, lines: AsyncIterator[Sequence[Figure]], *, as_json: bool) -> None:
    """A table for people, or everything as JSON; both of a bounded number of lines."""
    found: list[dict[str, Any]] = []
    async for page in lines:
        found += (dict(row(report, figure)) for figure in page)
        if len(found) > MOST_SHOWN:
            raise BadRequest(f"more than {MOST_SHOWN} lines: ask for less, or for --csv")
    if as_json:
        print_json(found)
        return
    columns = ("begins", report.by.value, "name", *SHOWN.get(report.by, SHOWN_OF_CALLS))
    print_table(columns, [tuple(_cell(line[name]) for name in columns) for line in found])


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="figures")
