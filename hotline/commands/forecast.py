"""`hotline forecast`: past days as a forecast for `hotline plan`, to be kept and changed."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
import yaml

from hotline.commands.common import TenantOption, chosen
from hotline.errors import BadRequest, BadSettings
from hotline.past_forecast import forecast_of
from hotline.store import with_store
from ivr.documents import DocumentError
from ivr.lines import DEFAULT_TABLE, load_lines
from ivr.queue_rules import read_rules, rules_file
from queue_manager.model import Seat
from storage.database import Database
from storage.past_calls import PastCalls, past_calls
from storage.seats import SqlSeats

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Weekday = Literal["", "mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def forecast(
    days: Annotated[int, typer.Option(min=1, max=730, help="how many past days, until today")] = 28,
    weekday: Annotated[Weekday, typer.Option(help="only days such as mon, of these")] = "",
    interval_min: Annotated[Literal["15", "30", "60"], typer.Option(help="minutes")] = "60",
    tenant: TenantOption = "",
) -> None:
    """Print the mean of past days as a forecast (YAML): hotline forecast > mine.yaml."""
    settings, city = chosen(tenant)
    zone = ZoneInfo(city.time_zone)
    today = datetime.now(zone).date()
    wanted = [d for n in range(1, days + 1) if _is(d := today - timedelta(days=n), weekday)]
    if not wanted:
        raise BadRequest(f"there is no {weekday} within the last {days} days")
    begin, end = (datetime.combine(day, time(), zone) for day in (wanted[-1], today))

    async def read(database: Database) -> tuple[list[PastCalls], list[Seat]]:
        past = await past_calls(database, city.id, begin, end, zone)
        seats = [stored.seat for stored in await SqlSeats(database).list(city.id)]
        return [row for row in past if _is(row.begins.date(), weekday)], seats

    past, seats = with_store(settings, read)
    if not past:
        raise BadRequest(f"{city.id} had no calls in the queue in the last {days} days")
    if not seats:
        raise BadRequest(f"{city.id} has no seats to plan with: hotline seats add")
    try:
        lines = {line.id: line for line in load_lines(city.lines_file or DEFAULT_TABLE).lines}
        rules = read_rules(rules_file(city))
    except DocumentError as error:
        raise BadSettings(str(error)) from error
    told = forecast_of(past, len(wanted), int(interval_min), lines, rules, seats, city.wrap_up_s)
    typer.echo(f"# the mean of {len(wanted)} days until {today} of {city.id}; costs are a guess")
    typer.echo(yaml.safe_dump(told, allow_unicode=True, sort_keys=False, width=100), nl=False)


def _is(day: date, weekday: str) -> bool:
    return not weekday or WEEKDAYS[day.weekday()] == weekday


def register(root: typer.Typer) -> None:
    """Add this command to the `hotline` command."""
    root.command("forecast")(forecast)
