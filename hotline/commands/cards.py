"""`hotline cards`: reminders, cards and circulars that were given (催办 黄牌 红牌 通报)."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from hotline.commands.common import JsonOption, TenantOption, chosen, print_json, print_table
from hotline.errors import BadRequest
from hotline.store import with_store
from storage.clock_watching import StoredMark, marks_given
from storage.database import Database
from tickets.calendar import moment, seconds


def cards(
    since: Annotated[
        str, typer.Option(help="given from then on, such as 2026-11-23 09:00; else all")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="how many, newest first")] = 50,
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """Cards, reminders and circulars, the newest first."""
    settings, city = chosen(tenant)
    zone = ZoneInfo(city.time_zone)
    begin = _begin(since, zone)

    async def read(database: Database) -> list[StoredMark]:
        return await database.read(lambda c: marks_given(c, city.id, begin, limit))

    found = with_store(settings, read)
    rows: list[tuple[str, ...]] = [
        (
            f"{moment(one.given_at).astimezone(zone):%Y-%m-%d %H:%M}", one.mark, one.number,
            one.clock, one.unit or "-", f"{moment(one.due).astimezone(zone):%Y-%m-%d %H:%M}",
        )
        for one in found
    ]  # fmt: skip
    columns = ("given", "card", "ticket", "clock", "unit", "due")
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    print_table(columns, rows)


def _begin(text: str, zone: ZoneInfo) -> int:
    if not text:
        return 0
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"--since {text!r} is no time: write 2026-11-23 09:00") from error
    return seconds(when if when.tzinfo else when.replace(tzinfo=zone))


def register(root: typer.Typer) -> None:
    """Add this command to the `hotline` command."""
    root.command("cards")(cards)
