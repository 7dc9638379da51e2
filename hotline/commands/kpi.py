"""`hotline kpi`: the published figures (接通率 按时办结率 满意率 …), each with both its numbers."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from console.kpi import Line, as_json, csv_text, described, figures_of, lines_of, spoken
from hotline.commands.common import JsonOption, TenantOption, chosen, print_json, print_table
from hotline.errors import BadRequest, BadSettings
from hotline.kpi import KpiNames, gather, line_names
from hotline.settings import Settings
from hotline.store import with_store
from hotline.unit_files import UnitBook
from ivr.documents import DocumentError
from ivr.lines import load_all_lines
from ivr.tenants import Tenant
from storage.database import Database
from tickets.kpi import By, Kpi
from tickets.kpi_list import LEAST
from tickets.periods import Per, Period, month

BY_CHOICES = [by.value for by in By if by is not By.HEAT]


def kpi(
    first: Annotated[str, typer.Option("--from", help="first day; else 30 days ago")] = "",
    last: Annotated[str, typer.Option("--to", help="last day; else today")] = "",
    whole_month: Annotated[str, typer.Option("--month", help="a month such as 2026-11")] = "",
    by: Annotated[str, typer.Option(help=", ".join(BY_CHOICES) + "; units are ranked")] = "all",
    per: Annotated[Per, typer.Option(help="how much time a line is about")] = Per.WHOLE,
    compare: Annotated[
        bool, typer.Option("--compare", help="beside the period before and the year before")
    ] = False,
    least: Annotated[
        int, typer.Option(min=1, help="finished tickets a unit needs for a place")
    ] = LEAST,
    as_csv: Annotated[bool, typer.Option("--csv", help="every column, as CSV")] = False,
    bom: Annotated[bool, typer.Option("--bom", help="CSV that Excel reads as UTF-8")] = False,
    tenant: TenantOption = "",
    as_json_: JsonOption = False,
) -> None:
    """Figures of the tickets and calls of these days."""
    settings, city = chosen(tenant)
    grouping = _grouping(by)
    now = datetime.now(ZoneInfo(city.time_zone))
    period = _period(first, last, whole_month, now.date())

    async def read(database: Database) -> list[Line]:
        zone = ZoneInfo(city.time_zone)
        books = [await gather(database, city.id, zone, period, now, by=(grouping,), per=per)]
        for other in (period.before(), period.year_before()) if compare else ():
            books.append(await gather(database, city.id, zone, other, now, by=(grouping,)))
        book, before, ago = books if compare else (books[0], None, None)
        names = names_for(settings, city).of(city.id, grouping)
        return lines_of(book, grouping, names, before=before, year_before=ago, least=least)

    lines, kpis = with_store(settings, read), figures_of(grouping)
    if as_csv:
        typer.echo(csv_text(grouping, lines, kpis, compared=compare, bom=bom), nl=False)
    elif as_json_:
        told = [as_json(line, kpis) for line in lines]
        print_json({"figures": [described(one) for one in kpis], "lines": told})
    else:
        print_table(*_table(grouping, lines, kpis, compare=compare))


def names_for(settings: Settings, city: Tenant) -> KpiNames:
    """Names without a running engine; raises `BadSettings`."""
    try:
        lines = load_all_lines(settings.tenants)
        units = UnitBook.read(settings.tenants)
    except DocumentError as error:
        raise BadSettings(str(error)) from error
    return KpiNames(units, lambda tenant: line_names(lines, tenant))


def _grouping(text: str) -> By:
    if text not in BY_CHOICES:
        raise BadRequest(f"--by {text!r}: write {', '.join(BY_CHOICES)}")
    return By(text)


def _period(first: str, last: str, whole_month: str, today: date) -> Period:
    try:
        if whole_month:
            return month(whole_month)
        end = date.fromisoformat(last) if last else today
        begin = date.fromisoformat(first) if first else end - timedelta(days=30)
        return Period(begin, end)
    except ValueError as mistake:
        raise BadRequest(f"--from, --to, --month: {mistake}") from mistake


def _table(
    by: By, lines: Sequence[Line], kpis: Sequence[Kpi], *, compare: bool
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """A row a figure: what has nothing to be measured by isn't shown of groups."""
    columns: tuple[str, ...] = ("period", by.value, "place", "", "figure", "value", "of")
    if compare:
        columns = (*columns, "before 环比", "year before 同比")
    rows: list[tuple[str, ...]] = []
    for line in lines:
        for one in kpis:
            share = one.share(line.counts)
            if by is not By.ALL and not share.denominator:
                continue
            row: tuple[str, ...] = (
                line.period.text, line.name or "-", "-" if line.place is None else str(line.place),
                one.name, one.name_en, spoken(one, share), f"{share.numerator}/{share.denominator}",
            )  # fmt: skip
            if compare:
                then = (line.before or {}, line.year_before or {})
                row = (*row, *(spoken(one, one.share(counts)) for counts in then))
            rows.append(row)
    return columns, rows


def register(root: typer.Typer) -> None:
    """Add this command to the `hotline` command."""
    root.command("kpi")(kpi)
