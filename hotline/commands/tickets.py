"""`hotline tickets`: reads SQL itself, with or without a running engine."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from hotline.commands.common import JsonOption, TenantOption, chosen, print_json, print_table
from hotline.store import with_store
from storage.database import Database
from storage.tickets import SqlTickets
from tickets.model import Ticket

app = typer.Typer(help="Tickets (工单).", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `list` a word of its own, however few commands there are."""


@app.command("list")
def list_tickets(
    tenant: TenantOption = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="how many, newest first")] = 50,
    before: Annotated[str, typer.Option(help="only numbers below this one (next page)")] = "",
    as_json: JsonOption = False,
) -> None:
    """The newest tickets."""
    settings, city = chosen(tenant)
    zones = {t.id: ZoneInfo(t.time_zone) for t in settings.tenants}

    async def read(database: Database) -> list[Ticket]:
        store = SqlTickets(database, zones)
        return list(await store.list(city.id, limit=limit, before=before))

    found = with_store(settings, read)
    if as_json:
        print_json([_plain(ticket) for ticket in found])
        return
    columns = ("number", "made", "origin", "state", "line", "unit", "called", "caller", "seat")
    print_table(columns, [_row(ticket, zones[city.id]) for ticket in found])


def _plain(ticket: Ticket) -> dict[str, Any]:
    return asdict(ticket, dict_factory=lambda pairs: {k: _value(v) for k, v in pairs})


def _value(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _row(ticket: Ticket, zone: ZoneInfo) -> tuple[str, ...]:
    facts = ticket.facts
    return (
        ticket.number,
        f"{ticket.created_at.astimezone(zone):%m-%d %H:%M:%S}",
        ticket.origin,
        ticket.state,
        facts.line_id,
        facts.unit,
        facts.called_number,
        facts.caller_raw or "anonymous",
        ticket.seat_id or "-",
    )


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="tickets")
