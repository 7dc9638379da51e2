"""`hotline followups`: who is phoned with the result of his ticket; calling one off. Over the
running engine."""

from datetime import datetime
from typing import Annotated, Any
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

app = typer.Typer(help="Citizens phoned with the result (回访).", no_args_is_help=True)
_WORDS = {None: "-", True: "yes", False: "no"}


@app.command("list")
def list_follow_ups(
    tenant: TenantOption = "",
    every: Annotated[bool, typer.Option("--all", help="ended ones, too")] = False,
    as_json: JsonOption = False,
) -> None:
    """Who is to be phoned, the newest first."""
    settings, city = chosen(tenant)
    found = api.ask(settings, f"/api/v1/tenants/{city.id}/followups")["followups"]
    shown = [one for one in found if every or not one["ended_at"]]
    if as_json:
        print_json(shown)
        return
    columns = ("ticket", "n", "state", "phone", "tries", "last", "solved", "satisfied", "next")
    zone = ZoneInfo(city.time_zone)
    print_table(columns, [_row(one, zone) for one in shown])


@app.command()
def cancel(
    number: Annotated[str, typer.Argument(help="the ticket's number")],
    tenant: TenantOption = "",
) -> None:
    """Phone nobody for this ticket; it goes to manual review (人工复核)."""
    settings, city = chosen(tenant)
    api.ask(settings, f"/api/v1/tenants/{city.id}/followups/{number}", method="DELETE")
    out.print(f"{number}: a person goes on with it", highlight=False)


def _row(one: dict[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    when = one["next_at"]
    return (
        one["ticket"], str(one["n"]), one["state"], one["phone"] or "-", str(one["attempts"]),
        one["result"] or "-", _WORDS[one["solved"]], _WORDS[one["satisfied"]],
        f"{datetime.fromisoformat(when).astimezone(zone):%m-%d %H:%M}" if when else "-",
    )  # fmt: skip


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="followups")
