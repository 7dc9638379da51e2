"""`hotline callbacks`: who is to be called back; calling one off. Over the running engine."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import typer

from hotline import api
from hotline.commands.common import (
    JsonOption,
    TenantOption,
    chosen,
    out,
    print_json,
    print_table,
)

app = typer.Typer(help="Callbacks that keep the place (回电).", no_args_is_help=True)


@app.command("list")
def list_callbacks(
    tenant: TenantOption = "",
    every: Annotated[bool, typer.Option("--all", help="ended ones, too")] = False,
    as_json: JsonOption = False,
) -> None:
    """Who is to be called back, the last who asked first."""
    settings, city = chosen(tenant)
    found = api.ask(settings, f"/api/v1/tenants/{city.id}/callbacks")["callbacks"]
    shown = [callback for callback in found if every or not callback["ended_at"]]
    if as_json:
        print_json(shown)
        return
    columns = ("call", "number", "line", "state", "queued", "tries", "last", "next", "until")
    zone = ZoneInfo(city.time_zone)
    print_table(columns, [_row(callback, zone) for callback in shown])


@app.command()
def cancel(
    call_id: Annotated[str, typer.Argument(help="the call in which it was asked for (see list)")],
    tenant: TenantOption = "",
) -> None:
    """Call one off; its ticket stays, so that a person can call."""
    settings, city = chosen(tenant)
    path = f"/api/v1/tenants/{city.id}/callbacks/{quote(call_id, safe='')}"
    api.ask(settings, path, method="DELETE")
    out.print(f"{call_id}: cancelled", highlight=False)


def _row(callback: dict[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    return (
        callback["call_id"],
        callback["number"],
        callback["line"],
        callback["state"],
        _clock(callback["queued_at"], zone),
        f"{callback['attempts']}/{callback['tries']}",
        callback["result"] or "-",
        _clock(callback["next_at"], zone),
        _clock(callback["expires_at"], zone),
    )


def _clock(text: str | None, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%m-%d %H:%M:%S}" if text else "-"


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="callbacks")
